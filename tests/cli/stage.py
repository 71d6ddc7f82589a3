"""A daemon with a database and a queue namespace of its own, on the servers whose addresses are in the environment."""

import json
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import time

import pika

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
LIMIT_S = 60
failures = 0


class Failed(Exception):
    pass


def expect(truth, text):
    if not truth:
        raise Failed(text)


def check(sentence, function, *arguments):
    """Every check is one sentence, printed with ok or FAILED."""
    global failures
    try:
        function(*arguments)
        print(f"ok      {sentence}", flush=True)
    except (Failed, subprocess.SubprocessError, OSError, ValueError) as why:
        print(f"FAILED  {sentence}\n        {why}", flush=True)
        failures += 1


def eventually(condition, what, limit=LIMIT_S):
    end = time.monotonic() + limit
    while not condition():
        expect(time.monotonic() < end, f"not within {limit} s: {what}")
        time.sleep(0.02)


class Stage:
    def __init__(self, scratch, binaries):
        for name in ("MTMSG_DATABASE_URL", "MTMSG_BROKER_URL"):
            if name not in os.environ:
                sys.exit(f"{name} is not set: run 'tools/sandbox up' and 'eval \"$(tools/sandbox env)\"' first")
        self.folder = pathlib.Path(scratch)
        self.binaries = pathlib.Path(binaries).resolve()
        self.name = "cli_" + secrets.token_hex(6)
        self.server = os.environ["MTMSG_DATABASE_URL"]
        self.broker = os.environ["MTMSG_BROKER_URL"]
        self.endpoint = f"unix:{self.folder}/mtmsgd.sock"
        self.daemon = None

    def __enter__(self):
        self.sql(f"create database {self.name}")
        head, _, query = self.server.partition("?")
        database = head.rsplit("/", 1)[0] + "/" + self.name + ("?" + query if query else "")
        environment = {**os.environ, "MTMSG_DATABASE_URL": database, "MTMSG_BROKER_NAMESPACE": self.name,
                       "MTMSG_SOCKET_PATH": f"{self.folder}/mtmsgd.sock", "MTMSG_HTTP_LISTEN": "127.0.0.1:0"}
        with open(self.folder / "daemon.log", "w", encoding="utf-8") as log:
            self.daemon = subprocess.Popen([self.binaries / "mtmsgd"], env=environment, stderr=log)
        try:
            eventually(self.is_ready, "the daemon is ready")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.daemon.poll() is None:
            for name in self.tenants():
                self.ctl("tenant", "delete", name, "--yes")
            self.daemon.send_signal(signal.SIGTERM)
            self.daemon.wait(LIMIT_S)
        with pika.BlockingConnection(pika.URLParameters(self.broker)) as connection:
            channel = connection.channel()
            channel.queue_delete(self.name + ".dead-letters")
            channel.exchange_delete(self.name + ".dlx")
        self.sql(f"drop database if exists {self.name} with (force)")

    def sql(self, statement):
        subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", self.server, "-c", statement], check=True,
                       capture_output=True, timeout=LIMIT_S)

    def environment(self, **more):
        """What a command runs with: nobody's profiles, the daemon's address, the programs first in the path."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("MTMSG")}
        own.pop("XDG_CONFIG_HOME", None)
        return {**own, "PATH": f"{self.binaries}:{os.environ['PATH']}", "HOME": str(self.folder),
                "MTMSGCTL_ENDPOINT": self.endpoint, "LC_ALL": "C.UTF-8", **more}

    def ask(self, *words):
        return subprocess.run([self.binaries / "mtmsgctl", *words], env=self.environment(), capture_output=True,
                              text=True, timeout=LIMIT_S, check=False)

    def ctl(self, *words):
        done = self.ask(*words)
        expect(done.returncode == 0, f"{words}: exit code {done.returncode}: {done.stderr}")
        return done.stdout

    def is_ready(self):
        asked = self.ask("-o", "json", "status")
        return asked.returncode == 0 and json.loads(asked.stdout)["ready"]

    def tenants(self):
        return [tenant["name"] for tenant in json.loads(self.ctl("-o", "json", "tenant", "list"))["data"]]

    def tenant(self, name):
        return json.loads(self.ctl("-o", "json", "tenant", "show", name))

    def publish_raw(self, tenant, body):
        """As whoever publishes without asking the daemon."""
        with pika.BlockingConnection(pika.URLParameters(self.broker)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.basic_publish(f"tenant_{self.tenant(tenant)['id']}", "", body)
