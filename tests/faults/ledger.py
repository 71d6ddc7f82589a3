"""The ledger: what the broker has confirmed, one line for each confirmation, in a file that only grows.

A line is what PostgreSQL's COPY reads: tenant, id as it must be stored, slot, poison kind or \\N, sha256 and number of
bytes of the body, and the body itself if it is good (poison is compared by its sha256).
"""

import hashlib

TABLE = """
drop schema if exists faults cascade;
create schema faults;
create unlogged table faults.confirmations (tenant_id uuid not null, id uuid not null, slot text not null, poison text,
                                            sha256 bytea not null, body_bytes bigint not null, body bytea);
"""

# A message published twice is confirmed twice: once it counts.
DISTINCT = """
create unlogged table faults.ledger as select distinct on (tenant_id, id) * from faults.confirmations;
create unique index on faults.ledger (tenant_id, id);
analyze faults.ledger;
"""


def line_of(message):
    digest = hashlib.sha256(message.body).hexdigest()
    slot = message.headers["slot"]
    body = "\\N" if message.poison else "\\\\x" + message.body.hex()
    return "\t".join((message.tenant, message.stored_id, slot, message.poison or "\\N", "\\\\x" + digest,
                      str(len(message.body)), body)) + "\n"


def load_into(psql, files):
    """Fills faults.ledger from the publishers' files. `psql` runs a script."""
    psql(TABLE)
    for file in files:
        psql(f"\\copy faults.confirmations from '{file}'\n")
    psql(DISTINCT)
