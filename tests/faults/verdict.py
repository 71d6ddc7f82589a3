"""The verdict: rules over the ledger and what PostgreSQL holds; and sabotages that prove that each rule can fail.

A rule is a query that returns one text for each violation. Sabotages are done in a transaction that is rolled back.
"""

import json
from typing import NamedTuple

from messages import POISON

EXAMPLES = 5


class Rule(NamedTuple):
    name: str
    query: str


# What a line of an example shows of a ledger's row.
OF_LEDGER = "'tenant ' || l.tenant_id || ', id ' || l.id || ', slot ' || l.slot"

_reasons = ", ".join(f"('{kind}', '{reason}')" for kind, poison in POISON.items() for reason in poison.reasons)

RULES = (
    Rule("lost: confirmed, and no message", f"""
        select {OF_LEDGER} from faults.ledger l where l.poison is null and not exists
          (select from messages m where m.tenant_id = l.tenant_id and m.id = l.id)"""),
    Rule("a message nobody sent", """
        select 'tenant ' || m.tenant_id || ', number ' || m.seq || ', id ' || m.id from messages m where not exists
          (select from faults.ledger l where l.tenant_id = m.tenant_id and l.id = m.id and l.poison is null)"""),
    Rule("stored more than once", """
        select 'tenant ' || tenant_id || ', id ' || id || ', numbers ' || array_agg(seq)::text from messages
          group by tenant_id, id having count(*) > 1"""),
    Rule("another payload than was sent", f"""
        select {OF_LEDGER} || ': ' || left(coalesce(m.payload::text, 'null'), 200)
          from faults.ledger l join messages m using (tenant_id, id) where l.poison is null
          and m.payload::text is distinct from convert_from(l.body, 'UTF8')::jsonb::text"""),
    Rule("another message's headers", f"""
        select {OF_LEDGER} || ': ' || left(coalesce(m.headers::text, 'null'), 200)
          from faults.ledger l join messages m using (tenant_id, id) where l.poison is null
          and m.headers ->> 'slot' is distinct from l.slot"""),
    Rule("numbers with holes, or another counter", """
        select 'tenant ' || t.id || ': ' || count(m.seq) || ' messages, numbers ' || coalesce(min(m.seq), 1) ||
               ' to ' || coalesce(max(m.seq), 0) || ', counter ' || coalesce(max(c.last_seq)::text, 'missing')
          from tenants t left join tenant_counters c on c.tenant_id = t.id left join messages m on m.tenant_id = t.id
          group by t.id having coalesce(min(m.seq), 1) <> 1 or coalesce(max(m.seq), 0) <> count(m.seq)
          or count(distinct m.seq) <> count(m.seq) or max(c.last_seq) is distinct from coalesce(max(m.seq), 0)"""),
    Rule("created_at goes down", """
        select 'tenant ' || tenant_id || ', number ' || seq || ': ' || created_at || ' after ' || before
          from (select tenant_id, seq, created_at, lag(created_at) over (partition by tenant_id order by seq) as before
                from messages) as ordered where created_at < before"""),
    Rule("poison lost: confirmed, and no dead letter", f"""
        select {OF_LEDGER} || ', ' || l.poison from faults.ledger l where l.poison is not null and not exists
          (select from dead_letters d where d.tenant_id = l.tenant_id and d.id = l.id)"""),
    Rule("a dead letter that is no poison", """
        select 'tenant ' || d.tenant_id || ', dead letter ' || d.seq || ', id ' || d.id || ', ' || d.reason || ': ' ||
               left(d.detail, 200) || coalesce(', slot ' || l.slot, ', never sent')
          from dead_letters d left join faults.ledger l using (tenant_id, id)
          where l.id is null or l.poison is null"""),
    Rule("a dead letter more than once", """
        select 'tenant ' || tenant_id || ', id ' || id || ', numbers ' || array_agg(seq)::text from dead_letters
          group by tenant_id, id having count(*) > 1"""),
    Rule("a dead letter's body is not what was sent", f"""
        select {OF_LEDGER} || ', ' || l.poison || ': ' || octet_length(d.body) || ' bytes of ' || l.body_bytes
          from faults.ledger l join dead_letters d using (tenant_id, id)
          where l.poison is not null and sha256(d.body) <> l.sha256"""),
    Rule("a dead letter for another reason", f"""
        select {OF_LEDGER} || ', ' || l.poison || ': ' || d.reason || ', ' || left(d.detail, 200)
          from faults.ledger l join dead_letters d using (tenant_id, id)
          where l.poison is not null and (l.poison, d.reason) not in (values {_reasons})"""),
    # Their numbers may have holes: a letter that the broker gave up goes when its last try stores it.
    Rule("dead letters counted wrongly", """
        select 'tenant ' || c.tenant_id || ': ' || count(d.seq) || ' dead letters, last number ' ||
               coalesce(max(d.seq), 0) || ', counters ' || max(c.dead_letters) || ' and ' || max(c.last_dead_seq)
          from tenant_counters c left join dead_letters d using (tenant_id) group by c.tenant_id
          having count(d.seq) <> max(c.dead_letters) or coalesce(max(d.seq), 0) > max(c.last_dead_seq)"""),
)

ONE_MESSAGE = "(tenant_id, seq) = (select tenant_id, seq from messages order by seq desc, tenant_id limit 1)"
ONE_DEAD_LETTER = "(tenant_id, seq) = (select tenant_id, seq from dead_letters order by tenant_id, seq limit 1)"


class Sabotage(NamedTuple):
    name: str
    script: str
    noticed_by: str  # the beginning of a rule's name


SABOTAGES = (
    Sabotage("lose-one", f"delete from messages where {ONE_MESSAGE}", "lost"),
    Sabotage("lose-one-and-renumber", f"""
        update tenant_counters c set last_seq = last_seq - 1 from messages m
          where m.tenant_id = c.tenant_id and {ONE_MESSAGE.replace('(tenant_id, seq)', '(m.tenant_id, m.seq)', 1)};
        delete from messages where {ONE_MESSAGE}""", "lost"),
    Sabotage("leave-a-hole", "delete from messages where seq = 1", "numbers with holes"),
    Sabotage("count-too-far", "update tenant_counters set last_seq = last_seq + 1", "numbers with holes"),
    Sabotage("invent-one", f"""
        insert into messages select tenant_id, seq + 1, gen_random_uuid(), payload, headers, published_at, created_at
          from messages where {ONE_MESSAGE};
        update tenant_counters c set last_seq = (select max(seq) from messages m where m.tenant_id = c.tenant_id)""",
             "a message nobody sent"),
    Sabotage("store-twice", f"""
        create temporary table again as select * from messages where {ONE_MESSAGE};
        alter table messages drop constraint messages_tenant_id_id_key cascade;
        do $$ declare c record; begin for c in select conrelid::regclass as t, conname from pg_constraint
          where contype = 'u' and conrelid in (select relid from pg_partition_tree('messages') where isleaf)
          loop execute format('alter table %s drop constraint %I', c.t, c.conname); end loop; end $$;
        insert into messages select tenant_id, seq + 1, id, payload, headers, published_at, created_at from again;
        update tenant_counters c set last_seq = (select max(seq) from messages m where m.tenant_id = c.tenant_id)""",
             "stored more than once"),
    Sabotage("change-a-payload", f"update messages set payload = '[\"changed\"]' where {ONE_MESSAGE}",
             "another payload"),
    Sabotage("swap-headers", f"update messages set headers = '{{}}' where {ONE_MESSAGE}", "another message's headers"),
    Sabotage("turn-back-the-clock", f"update messages set created_at = created_at - interval '1 h' where {ONE_MESSAGE}",
             "created_at goes down"),
    Sabotage("lose-a-dead-letter", f"delete from dead_letters where {ONE_DEAD_LETTER}", "poison lost"),
    Sabotage("bury-a-good-one", f"""
        insert into dead_letters (tenant_id, seq, id, reason, detail, deliveries, body, headers)
          select tenant_id, 1000000, id, 'delivery_limit', '', 21, '', '' from messages where {ONE_MESSAGE}""",
             "a dead letter that is no poison"),
    Sabotage("change-a-dead-body", f"update dead_letters set body = body || '\\x00' where {ONE_DEAD_LETTER}",
             "a dead letter's body"),
    Sabotage("give-another-reason", f"update dead_letters set reason = 'expired' where {ONE_DEAD_LETTER}",
             "a dead letter for another reason"),
    Sabotage("miscount-dead-letters", "update tenant_counters set dead_letters = dead_letters + 1",
             "dead letters counted wrongly"),
)


class Violation(NamedTuple):
    rule: str
    count: int
    examples: list

    def text(self):
        more = f"\n    … and {self.count - len(self.examples)} more" if self.count > len(self.examples) else ""
        return f"{self.rule}: {self.count}" + "".join(f"\n    {example}" for example in self.examples) + more


def script_of(rules, sabotage=""):
    """Prints one line of JSON for each rule, and changes nothing."""
    queries = "".join(f"""
        select json_build_object('rule', {number}, 'count', count(*), 'examples',
                                 coalesce((array_agg(violation order by violation))[1:{EXAMPLES}], '{{}}'))
          from ({rule.query}) as violations (violation);
        """ for number, rule in enumerate(rules))
    return f"begin; {sabotage}; {queries} rollback;"


def judge(psql, sabotage="", rules=RULES):
    """The rules that are violated, given what `psql` prints for a script."""
    answers = [json.loads(line) for line in psql(script_of(rules, sabotage)).splitlines() if line.startswith('{"rule"')]
    if [answer["rule"] for answer in answers] != list(range(len(rules))):
        raise ValueError(f"{len(answers)} of {len(rules)} rules were answered")
    return [Violation(rules[answer["rule"]].name, answer["count"], answer["examples"])
            for answer in answers if answer["count"]]


def unnoticed_sabotages(psql):
    """Those that the rule made for them did not notice: none, or the verdict means nothing."""
    return [sabotage.name for sabotage in SABOTAGES
            if not judge(psql, sabotage.script, [rule for rule in RULES if rule.name.startswith(sabotage.noticed_by)])]
