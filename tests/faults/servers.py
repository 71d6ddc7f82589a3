"""The servers under test: PostgreSQL and RabbitMQ in a sandbox of their own, and the daemons."""

import glob
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
DATABASE = "faults"
# Not the sandbox's superuser, for whom connection limits don't count.
ROLE = "faults_daemon"
BROKER_USER = "guest"
VHOST = "/"
COMMAND_LIMIT_S = 150
RESTART_PAUSE_S = 0.5
SHUTDOWN_TIMEOUT_S = 5
# What a process needs to end, and a loaded machine to notice it, beyond its own limit.
STOP_SLACK_S = 5


class CommandFailed(Exception):
    pass


def command(words, text="", limit_s=COMMAND_LIMIT_S, environment=None):
    """Runs it in a session of its own, out of a terminal's Ctrl-C; returns what it printed."""
    try:
        done = subprocess.run(words, input=text.encode(), capture_output=True, timeout=limit_s, start_new_session=True,
                              env={**os.environ, **(environment or {})}, check=False)
    except subprocess.TimeoutExpired as late:
        raise CommandFailed(f"{words[0]} took more than {limit_s} s") from late
    if done.returncode != 0:
        raise CommandFailed(f"{' '.join(words[:6])}: exit code {done.returncode}: " +
                            done.stderr.decode(errors="replace").strip()[-2000:])
    return done.stdout.decode(errors="replace")


class Sandbox:
    def __init__(self, folder):
        self.folder = folder

    def tool(self, *words, limit_s=COMMAND_LIMIT_S):
        return command([str(REPOSITORY / "tools/sandbox"), words[0], "--dir", str(self.folder), *words[1:]],
                       limit_s=limit_s)

    def up(self, *options):
        self.tool("up", *options)
        addresses = dict(re.findall(r"export (\w+)=(\S+)", self.tool("env")))
        self.broker_url = addresses["MTMSG_BROKER_URL"]
        self._database_url = addresses["MTMSG_DATABASE_URL"]
        # With several, the first.
        self.postgres_port = int(re.search(r":(\d+)[,/]", self._database_url).group(1))
        self.broker_port = int(re.search(r":(\d+)[,/]", self.broker_url).group(1))

    def database_url(self, user, database=DATABASE):
        """Of all the servers there are."""
        return re.sub(r"//\w+@([^/]*)/\w+", rf"//{user}@\1/{database}", self._database_url)

    def make_database(self):
        # The daemon's role may create none, as a packaged one may not: so the readers' is there before.
        self.psql(f"create role {ROLE} login; create role mtmsg_reader nologin; grant mtmsg_reader to {ROLE};"
                  f"create database {DATABASE} owner {ROLE};", database="postgres")

    def psql(self, script, database=DATABASE, limit_s=COMMAND_LIMIT_S, application="faults"):
        """As the superuser, past the proxy, and able to write whatever the database's default is."""
        url = self.database_url("mtmsg", database)
        url += ("&" if "?" in url else "?") + "connect_timeout=3"
        return command(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", url], script, limit_s, {
            "PGOPTIONS": "-c default_transaction_read_only=off", "PGAPPNAME": application})

    def pids(self, server):
        """As tools/sandbox knows them: by their working directory, which is the server's own."""
        home = (self.folder / "data").resolve() / {"postgres": "postgres/db", "rabbitmq": "rabbitmq"}[server]
        found = []
        for link in glob.glob("/proc/[0-9]*/cwd"):
            try:
                if os.readlink(link) == str(home):
                    found.append(int(link.split("/")[2]))
            except OSError:
                pass
        return found

    def pause(self, server):
        """SIGSTOP for all of them; again until no new one appears."""
        stopped = set()
        while True:
            new = set(self.pids(server)) - stopped
            if not new:
                return
            send(new, signal.SIGSTOP)
            stopped |= new

    def resume(self, server):
        send(self.pids(server), signal.SIGCONT)

    def end(self, purge):
        for server in ("postgres", "rabbitmq"):
            self.resume(server)
        self.tool("down", *(["--purge"] if purge else []))


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


class Daemon:
    """One mtmsgd, started again whenever it ends, as systemd does it with Restart=always.

    An end that nobody asked for, or with another exit code than it must have, goes to `trouble`.
    """

    def __init__(self, number, bin_dir, folder, settings, trouble):
        self.name = f"daemon {number}"
        self.socket = folder / f"mtmsgd-{number}.sock"
        self.log = folder / f"mtmsgd-{number}.log"
        self.starts = 0
        self._duplicates = {}  # start -> how many it had dropped when last asked
        self._ctl = str(bin_dir / "mtmsgctl")
        self._words = [str(bin_dir / "mtmsgd")]
        self._settings = {**settings, "MTMSG_SOCKET_PATH": str(self.socket)}
        self._trouble = trouble
        self._process = None
        self._expected = None  # the exit code of an end that was asked for
        self._ending = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._keep_running, name=self.name, daemon=True)

    def start(self):
        self._thread.start()

    def end(self):
        """For good, at once."""
        with self._changed:
            self._ending = True
            if self._process:
                self._process.kill()
        if self._thread.is_alive():
            self._thread.join()

    def signal(self, number, expected=None):
        """To the running process; waits for one if it is just being started. `expected` is how it must end by this."""
        with self._changed:
            self._changed.wait_for(lambda: self._process, timeout=30)
            if expected is not None:
                self._expected = expected
            self._process.send_signal(number)
            return self.starts

    def wait_for_end_of(self, start, limit_s):
        """Whether the process of that start ended in time; one that did not is killed, which is trouble."""
        with self._changed:
            if self._changed.wait_for(lambda: self.starts > start or not self._process, timeout=limit_s):
                return True
            self._trouble(f"{self.name} did not end within {limit_s} s of SIGTERM")
            self._expected = -signal.SIGKILL
            self._process.kill()
            return False

    def ctl(self, *words, limit_s=30):
        return command([self._ctl, "--endpoint", f"unix:{self.socket}", "--timeout", str(limit_s), *words],
                       limit_s=limit_s * 2)

    def ask_status(self, limit_s=3):
        """What it says of itself, or None if it does not answer."""
        start = self.starts
        try:
            status = json.loads(self.ctl("-o", "json", "status", limit_s=limit_s))
        except CommandFailed:
            return None
        self._duplicates[start] = status.get("pipeline", {}).get("duplicates", 0)
        return status

    @property
    def duplicates(self):
        """Deliveries dropped because they were stored already; at least, for nobody counts a killed daemon's last."""
        return sum(self._duplicates.values())

    def _keep_running(self):
        while True:
            with self._changed:
                if self._ending:
                    return
                self.starts += 1
                self._expected = None
                with open(self.log, "ab") as log:
                    log.write(f"---- start {self.starts}, {time.strftime('%H:%M:%S')}\n".encode())
                    log.flush()
                    self._process = subprocess.Popen(self._words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                     start_new_session=True, env={**os.environ, **self._settings})
                self._changed.notify_all()
            code = self._process.wait()
            with self._changed:
                self._process = None
                if not self._ending and code != self._expected:
                    self._trouble(f"{self.name} ended with {code}, expected was " +
                                  ("that it runs on" if self._expected is None else str(self._expected)) +
                                  f"; start {self.starts} in {self.log}")
                self._changed.notify_all()
            time.sleep(RESTART_PAUSE_S)
