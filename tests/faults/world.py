"""Servers, proxies, daemons, publishers and a reader, put together; and what happened to them."""

import json
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

import ledger
import verdict
from faults import BROKER, POSTGRES
from messages import POISON
from proxy import Proxy
from reader import Reader
from servers import DATABASE, ROLE, SHUTDOWN_TIMEOUT_S, CommandFailed, Daemon, Sandbox

READY_LIMIT_S = 60
FLOW_LIMIT_S = 60
FLOW_POLL_S = 0.1
PUBLISH_LIMIT_S = 60
DRAIN_LIMIT_S = 60
DRAIN_POLL_S = 0.5
DRAIN_POLLS = 3  # so often nothing may have changed: what the broker gave up is tried after it has left its queue
DEAD_LETTER_QUEUE = "mtmsg.dead-letters"

_begin = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - _begin:7.1f} s] {text}", file=sys.stderr, flush=True)


class Record:
    """What is known of one kind of fault."""

    def __init__(self):
        self.times = 0
        self.first_s = []  # until anything was stored again
        self.all_s = []  # until every tenant's messages were
        self.went_on = []  # whether anything was stored while it lasted


class World:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.sandbox = Sandbox(folder)
        self.proxies = {}
        self.daemons = []
        self.tenants = []
        self.violations = []
        self.records = defaultdict(Record)
        self.caused = Counter()  # by kind, alone or with another
        self.load_s = 0.0
        self._publishers = []
        self._reader = None
        self._judged = False
        self._totals = {}
        self._lock = threading.Lock()

    def trouble(self, text):
        """Any thread."""
        with self._lock:
            self.violations.append(text)
        say("VIOLATED: " + text)

    # ---- starting --------------------------------------------------------------------------------------------------

    def start_servers(self):
        """What the daemons are told of them."""
        self.sandbox.up()
        self.sandbox.make_database()
        self.proxies = {POSTGRES: Proxy(POSTGRES, self.sandbox.postgres_port),
                        BROKER: Proxy(BROKER, self.sandbox.broker_port)}
        for proxy in self.proxies.values():
            proxy.start()
        return {"MTMSG_DATABASE_URL": f"postgresql://{ROLE}@127.0.0.1:{self.proxies[POSTGRES].port}/{DATABASE}"
                                      "?sslmode=disable",
                "MTMSG_BROKER_URL": f"amqp://guest:guest@127.0.0.1:{self.proxies[BROKER].port}/"}

    def start(self):
        settings = {
            **self.start_servers(), "MTMSG_BROKER_HEARTBEAT": "2s", "MTMSG_HTTP_LISTEN": "127.0.0.1:0", "MTMSG_AUTH_MODE": "none",
            "MTMSG_SHUTDOWN_TIMEOUT": f"{SHUTDOWN_TIMEOUT_S}s"}
        self.daemons = [Daemon(number, self.options.bin_dir, self.folder, settings, self.trouble)
                        for number in range(1, self.options.daemons + 1)]
        for daemon in self.daemons:
            daemon.start()
        self._wait_until_ready()
        for number in range(1, self.options.tenants + 1):
            made = self.daemons[0].ctl("-o", "json", "tenant", "create", f"tenant-{number}", "--workers",
                                       str((number - 1) % 8 + 1))
            self.tenants.append(json.loads(made)["id"])
        self._start_publishers()
        self._reader = Reader(self.daemons, self.tenants[0], self.trouble)
        self._reader.start()
        say(f"{len(self.daemons)} daemons, {len(self.tenants)} tenants, {self.options.rate:g} messages a second")
        self._load_began = time.monotonic()
        self.wait_for_flow([])

    def _wait_until_ready(self):
        end = time.monotonic() + READY_LIMIT_S
        for daemon in self.daemons:
            while True:
                status = daemon.ask_status()
                if status and status["ready"]:
                    break
                if time.monotonic() > end:
                    raise CommandFailed(f"{daemon.name} is not ready within {READY_LIMIT_S} s; see {daemon.log}")
                time.sleep(0.1)

    def _start_publishers(self):
        count = self.options.publishers
        for number in range(1, count + 1):
            job = {"publisher": number, "seed": self.options.seed, "rate": self.options.rate / count,
                   "tenants": self.tenants, "url": self.sandbox.broker_url,
                   "ledger": str(self.folder / f"ledger-{number}")}
            if self.options.sabotage == "claim-one" and number == 1:
                job["lose"] = 17
            self._publishers.append(Publisher(number, job, self.folder))

    # ---- faults ----------------------------------------------------------------------------------------------------

    def cause(self, group):
        """The faults of a group begin one after the other and are undone in the same order."""
        names = " + ".join(fault.kind.name for fault in group)
        undo = []
        before = self._counts()
        for fault in group:
            undo.append(fault.kind.begin(self, fault))
            # The second one begins in the midst of the first.
            time.sleep(fault.seconds / 2 if len(group) > 1 else fault.seconds)
        if len(group) == 1 and group[0].kind.goes_on and group[0].seconds:
            after = self._counts()
            if before is not None and after is not None:
                self.records[group[0].kind.name].went_on.append(sum(after.values()) > sum(before.values()))
        for fault, action in zip(group, undo):
            action()
            if len(group) > 1:
                time.sleep(fault.seconds / 4)
        first_s, all_s = self.wait_for_flow(names)
        # An answer now keeps a later kill -9 from taking its counters along.
        for daemon in self.daemons:
            daemon.ask_status()
        lasted = " + ".join(f"{fault.seconds:.1f}" for fault in group)
        say(f"{names}: {lasted} s; stored again after {first_s:.1f} s, for every tenant after {all_s:.1f} s"
            f"   ({self._progress()})")
        for fault in group:
            self.caused[fault.kind.name] += 1
            record = self.records[fault.kind.name if len(group) == 1 else "(two at once)"]
            record.times += 1
            record.first_s.append(first_s)
            record.all_s.append(all_s)

    def wait_for_flow(self, names):
        """Seconds until something was stored, and until something was stored for every tenant."""
        begin = time.monotonic()
        baseline = None
        first_s = None
        while True:
            now = self._counts()
            passed = time.monotonic() - begin
            if now is not None:
                baseline = baseline if baseline is not None else now
                behind = [tenant for tenant in self.tenants if now.get(tenant, 0) <= baseline.get(tenant, 0)]
                if len(behind) < len(self.tenants) and first_s is None:
                    first_s = passed
                if not behind:
                    return first_s, passed
            if passed > FLOW_LIMIT_S:
                stuck = "nothing at all" if first_s is None else "nothing for " + ", ".join(behind)
                self.trouble(f"{FLOW_LIMIT_S} s after '{names or 'the start'}' {stuck} is stored")
                return first_s or passed, passed
            time.sleep(FLOW_POLL_S)

    def _counts(self, and_letters=False):
        """How much is stored for each tenant, or None while PostgreSQL does not answer."""
        letters = "union all select 'dead letters', count(*) from dead_letters" if and_letters else ""
        try:
            lines = self.sandbox.psql("select tenant_id::text, last_seq + last_dead_seq from tenant_counters " + letters,
                                      limit_s=5)
        except CommandFailed:
            return None
        return {tenant: int(count) for tenant, count in (line.split("|") for line in lines.splitlines())}

    def _progress(self):
        totals = self._publisher_totals()
        return f"{totals['confirmed']} confirmed, {totals['again']} published again"

    def _publisher_totals(self):
        totals = defaultdict(int)
        for publisher in self._publishers:
            for name, value in publisher.status.items():
                totals[name] += value
        return totals

    # ---- the end ---------------------------------------------------------------------------------------------------

    def finish_publishing(self):
        for publisher in self._publishers:
            publisher.finish()
        end = time.monotonic() + PUBLISH_LIMIT_S
        for publisher in self._publishers:
            if not publisher.wait(max(1, end - time.monotonic())):
                self.trouble(f"publisher {publisher.number} could not get everything confirmed within "
                             f"{PUBLISH_LIMIT_S} s: {publisher.status}; see {publisher.log}")
        self.load_s = time.monotonic() - self._load_began
        self._totals = self._publisher_totals()
        say(f"everything is confirmed: {self._progress()}")

    def drain(self):
        """Until the queues are empty and nothing more is stored."""
        begin = time.monotonic()
        before = None
        quiet = 0
        while time.monotonic() - begin < DRAIN_LIMIT_S:
            now = self._counts(and_letters=True)
            quiet = quiet + 1 if now is not None and now == before and not self._waiting() else 0
            if quiet == DRAIN_POLLS:
                return say(f"the queues are empty after {time.monotonic() - begin:.1f} s")
            before = now
            time.sleep(DRAIN_POLL_S)
        waiting = self._waiting()
        for queue, messages in sorted(waiting.items()):
            self.trouble(f"{messages} messages are still in {queue}, {DRAIN_LIMIT_S} s after the last was confirmed")
        if not waiting:
            self.trouble(f"messages are still stored {DRAIN_LIMIT_S} s after the last was confirmed")

    def _waiting(self):
        try:
            lines = self.sandbox.tool("rabbitmqctl", "list_queues", "--quiet", "--no-table-headers", "name", "messages")
        except CommandFailed as failure:
            return {"a broker that does not answer: " + str(failure): "unknown"}
        counts = dict(line.split("\t") for line in lines.splitlines() if "\t" in line)
        missing = {f"tenant_{tenant}_queue" for tenant in self.tenants} | {DEAD_LETTER_QUEUE}
        return {**{queue: "unknown (no such queue)" for queue in missing - set(counts)},
                **{queue: count for queue, count in counts.items() if count != "0"}}

    def judge(self, sabotage):
        self._reader.finish(self.sandbox.psql)
        for daemon in self.daemons:
            daemon.ask_status(limit_s=10)
        ledger.load_into(self.sandbox.psql, [publisher.ledger for publisher in self._publishers])
        script = next((known.script for known in verdict.SABOTAGES if known.name == sabotage), "")
        found = verdict.judge(self.sandbox.psql, script)
        self._judged = True
        for violation in found:
            self.trouble(violation.text())
        counts = self.sandbox.psql("select count(*) filter (where poison is null), count(poison), "
                                   "count(distinct poison) from faults.ledger")
        good, poison, kinds = (int(count) for count in counts.strip().split("|"))
        if kinds < len(POISON):
            self.trouble(f"poison of {kinds} kinds was confirmed; there are {len(POISON)}")
        self._totals.update(good=good, poison=poison, poison_kinds=kinds, read=len(self._reader.seen),
                            dropped=sum(daemon.duplicates for daemon in self.daemons))

    def stored_rows(self):
        return int(self.sandbox.psql("select count(*) from messages"))

    def end(self, keep):
        """Leaves no process behind; `keep` keeps the servers' data."""
        if self._reader:
            self._reader.stop()
        for publisher in self._publishers:
            publisher.kill()
        for daemon in self.daemons:
            daemon.end()
        for proxy in self.proxies.values():
            proxy.stop()
        try:
            self.sandbox.end(purge=not keep)
        except CommandFailed as failure:
            self.trouble(f"the sandbox in {self.folder} could not be ended: {failure}")

    # ---- what to tell ----------------------------------------------------------------------------------------------

    def summary(self):
        totals = self._totals
        lines = []
        if self._judged:
            lines.append(f"{totals['good']} messages and {totals['poison']} poisonous ones of "
                         f"{totals['poison_kinds']} kinds in {self.load_s:.0f} s "
                         f"({totals['confirmed']} confirmations, {totals['again']} published again); "
                         f"{totals['confirmed'] - totals['good'] - totals['poison']} duplicates sent, at least "
                         f"{totals['dropped']} deliveries dropped as stored already; {totals['read']} read by cursor; "
                         f"{self.faults_caused()} faults; "
                         f"{sum(daemon.starts for daemon in self.daemons)} starts of {len(self.daemons)} daemons")
        if self.caused:
            lines.append(f"faults of {len(self.caused)} kinds: " +
                         ", ".join(f"{name} ({times})" for name, times in sorted(self.caused.items())))
        if self.violations:
            lines += [f"verdict: NOT clean, {len(self.violations)} violations"]
            lines += [f"- {violation}" for violation in self.violations]
        elif self._judged:
            lines.append("verdict: clean")
        else:
            lines.append("verdict: none")
        return "\n".join(lines)

    def faults_caused(self):
        return sum(record.times for record in self.records.values())

    def report(self):
        rows = []
        for name, record in sorted(self.records.items()):
            went_on = f"{sum(record.went_on)} of {len(record.went_on)}" if record.went_on else ""
            rows.append(f"| {name} | {record.times} | {_median_and_max(record.first_s)} | "
                        f"{_median_and_max(record.all_s)} | {went_on} |")
        command_line = f"--seed {self.options.seed} --rate {self.options.rate:g} --daemons {self.options.daemons}"
        return "\n".join(("# Faults", "", f"`tests/faults/run {command_line}`", "", self.summary(), "",
                          "Seconds are median / max, counted from the undo.", "",
                          "| fault | times | until anything is stored | until every tenant's is | stored meanwhile |",
                          "|---|---|---|---|---|", *rows, ""))


def _median_and_max(seconds):
    return f"{statistics.median(seconds):.1f} / {max(seconds):.1f}"


class Publisher:
    """A publishing process, seen from here."""

    def __init__(self, number, job, folder):
        self.number = number
        self.ledger = job["ledger"]
        self.log = folder / f"publisher-{number}.log"
        self.status = {}
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-B", str(Path(__file__).parent / "load.py"), json.dumps(job)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
        self._thread = threading.Thread(target=self._listen, name=f"publisher {number}", daemon=True)
        self._thread.start()

    def _listen(self):
        for line in self._process.stdout:
            self.status = json.loads(line)

    def finish(self):
        try:
            self._process.stdin.write("finish\n")
            self._process.stdin.flush()
        except OSError:
            pass  # it has died: wait() tells

    def wait(self, limit_s):
        """Whether it has got everything confirmed."""
        try:
            done = self._process.wait(limit_s) == 0
        except subprocess.TimeoutExpired:
            return False
        self._thread.join()
        return done

    def kill(self):
        self._process.kill()
        self._process.wait()
