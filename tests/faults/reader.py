"""A tenant that reads its messages while everything happens, and must see each number once, in order."""

import itertools
import json
import sys
import threading

from servers import CommandFailed

PAUSE_S = 0.5
PAGE = 500
# Some payloads are nested a thousand deep, and a reader must take what the store took.
sys.setrecursionlimit(5000)


class Reader:
    def __init__(self, daemons, tenant, trouble):
        self.tenant = tenant
        self.seen = []  # ids; the place is the number less one
        self._daemons = itertools.cycle(daemons)
        self._trouble = trouble
        self._leaving = threading.Event()
        self.reading = threading.Lock()  # whoever holds it keeps the reader from asking
        self._thread = threading.Thread(target=self._read_on, name="reader", daemon=True)

    def start(self):
        self._thread.start()

    def stop(self):
        self._leaving.set()
        if self._thread.is_alive():
            self._thread.join()

    def finish(self, psql):
        """Reads to the end and compares with the table."""
        self.stop()
        failures = 0
        while failures < 5:
            more = self._read_page(patience_s=30)
            failures += more is None
            if more is False:
                break
        stored = psql(f"select id from messages where tenant_id = '{self.tenant}' order by seq").split()
        if self.seen != stored:
            pairs = enumerate(itertools.zip_longest(self.seen, stored), start=1)
            first = next(number for number, (seen, row) in pairs if seen != row)
            self._trouble(f"the reader of tenant {self.tenant} has seen {len(self.seen)} messages of {len(stored)}; "
                          f"the first difference is number {first}")

    def _read_on(self):
        while not self._leaving.is_set():
            with self.reading:
                more = self._read_page(patience_s=3)
            if not more:
                self._leaving.wait(PAUSE_S)

    def _read_page(self, patience_s):
        """Whether there is more; None if nobody answered, as happens during some faults."""
        cursor = len(self.seen)
        try:
            page = json.loads(next(self._daemons).ctl("-o", "json", "message", "list", self.tenant, "--cursor",
                                                      str(cursor), "--limit", str(PAGE), limit_s=patience_s))
        except (CommandFailed, ValueError):
            return None
        numbers = [int(message["seq"]) for message in page["data"]]
        if numbers != list(range(cursor + 1, cursor + 1 + len(numbers))):
            self._trouble(f"the reader of tenant {self.tenant} asked for what follows {cursor} and got {numbers[:5]} … "
                          f"{numbers[-5:]}")
        self.seen.extend(message["id"] for message in page["data"])
        return page["has_more"]
