"""What can go wrong, as a table: each kind's name, what it does, to whom, for how long, and how it is undone.

`begin` does it and returns what undoes it. A kind without a duration is over at once; that is when the time until the
flow resumes begins to count, as it does for the others when they are undone.
"""

import random
import signal
import subprocess
import time
from typing import Callable, NamedTuple, Tuple

from servers import BROKER_USER, DATABASE, ROLE, SHUTDOWN_TIMEOUT_S, STOP_SLACK_S, VHOST, CommandFailed, send

# Whom a fault hits. Two faults may overlap when they hit different ones.
POSTGRES, BROKER, DAEMONS = "postgres", "broker", "daemons"


class Kind(NamedTuple):
    name: str
    what: str
    victims: str  # one or more of the above, with blanks between
    seconds: Tuple[float, float]
    begin: Callable  # (world, fault) -> undo
    only_long: str = ""  # why the short run leaves it out
    goes_on: bool = False  # there is one daemon left, or some tenants, and messages are stored meanwhile


class Fault(NamedTuple):
    kind: Kind
    seconds: float
    pick: int  # whatever the kind has to choose is chosen by this

    def may_overlap(self, other):
        return not set(self.kind.victims.split()) & set(other.kind.victims.split())


def nothing():
    pass


# ---- daemons ---------------------------------------------------------------------------------------------------------


def one_of(world, fault):
    return world.daemons[fault.pick % len(world.daemons)]


def kill_daemon(world, fault):
    one_of(world, fault).signal(signal.SIGKILL, expected=-signal.SIGKILL)
    return nothing


def kill_all_daemons(world, _fault):
    for daemon in world.daemons:
        daemon.signal(signal.SIGKILL, expected=-signal.SIGKILL)
    return nothing


def freeze_daemon(world, fault):
    daemon = one_of(world, fault)
    daemon.signal(signal.SIGSTOP)
    return lambda: daemon.signal(signal.SIGCONT)


def stop_daemon(world, fault):
    daemon = one_of(world, fault)
    start = daemon.signal(signal.SIGTERM, expected=0)
    daemon.wait_for_end_of(start, SHUTDOWN_TIMEOUT_S + STOP_SLACK_S)
    return nothing


# ---- servers ---------------------------------------------------------------------------------------------------------


def stop(server):
    def begin(world, _fault):
        world.sandbox.tool("stop", server)
        return lambda: world.sandbox.tool("start", server)
    return begin


def kill(server):
    def begin(world, _fault):
        world.sandbox.tool("kill", server)
        return lambda: world.sandbox.tool("start", server)
    return begin


def pause(server):
    def begin(world, _fault):
        world.sandbox.pause(server)
        return lambda: world.sandbox.resume(server)
    return begin


# ---- network ---------------------------------------------------------------------------------------------------------


def cut(victim):
    def begin(world, _fault):
        world.proxies[victim].cut()
        return nothing
    return begin


def delay(victim):
    def begin(world, fault):
        world.proxies[victim].delay((100 + fault.pick % 400) / 1000)
        return world.proxies[victim].heal
    return begin


def delay_and_cut(victim):
    def begin(world, fault):
        delay(victim)(world, fault)

        def undo():
            # What is underway is lost: requests, and answers to requests that were done.
            world.proxies[victim].cut()
            world.proxies[victim].heal()
        return undo
    return begin


def black_hole(victim):
    def begin(world, _fault):
        world.proxies[victim].black_hole()
        return world.proxies[victim].heal
    return begin


VAIN_DELIVERIES = 25


def deliver_in_vain(world, _fault):
    """More often than the queues' delivery limit, if the daemons take deliveries while they can store nothing."""
    world.proxies[POSTGRES].black_hole()
    broker = world.proxies[BROKER]
    for _ in range(VAIN_DELIVERIES):
        seen = broker.accepted
        broker.cut()
        end = time.monotonic() + 3
        while broker.accepted < seen + len(world.daemons) and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.3)
    return world.proxies[POSTGRES].heal


def refuse(victim):
    def begin(world, _fault):
        world.proxies[victim].refuse()
        return world.proxies[victim].heal
    return begin


# ---- inside PostgreSQL -----------------------------------------------------------------------------------------------

TERMINATE = f"select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = '{ROLE}';"


def admin(world, script):
    return world.sandbox.psql(script, database="postgres", limit_s=30)


def terminate_sessions(world, _fault):
    admin(world, TERMINATE)
    return nothing


def kill_session(world, _fault):
    """PostgreSQL then ends all sessions and recovers, for the memory they share may be damaged."""
    pid = admin(world, f"select pid from pg_stat_activity where usename = '{ROLE}' order by backend_start limit 1")
    send([int(line) for line in pid.split()], signal.SIGKILL)
    return nothing


def in_background(world, name, script):
    """Runs it in a session of that name; the undo ends it."""
    url = f"postgresql://mtmsg@127.0.0.1:{world.sandbox.postgres_port}/{DATABASE}"
    session = subprocess.Popen(["psql", "-XAtq", url, "-c", f"set application_name = '{name}'", "-c", script],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)

    def undo():
        try:
            admin(world, f"select pg_terminate_backend(pid) from pg_stat_activity where application_name = '{name}';")
        except CommandFailed:
            pass
        session.kill()
        session.wait()
    return undo


def cancel_statements(world, _fault):
    return in_background(world, "fault_cancel", f"""do $$ begin loop
        perform pg_stat_clear_snapshot();
        perform pg_cancel_backend(pid) from pg_stat_activity where usename = '{ROLE}' and state = 'active';
        perform pg_sleep(0.02);
      end loop; end $$""")


def read_only(world, _fault):
    admin(world, f"alter database {DATABASE} set default_transaction_read_only = on; {TERMINATE}")
    return lambda: admin(world, f"alter database {DATABASE} reset default_transaction_read_only; {TERMINATE}")


def lock_counters(world, fault):
    chosen = random.Random(fault.pick).sample(world.tenants, (len(world.tenants) + 1) // 2)
    ids = ", ".join(f"'{tenant}'" for tenant in chosen)
    return in_background(world, "fault_lock", "do $$ begin perform 1 from tenant_counters where tenant_id in "
                         f"({ids}) order by tenant_id for update; perform pg_sleep(3600); end $$")


def no_connections(world, _fault):
    admin(world, f"alter role {ROLE} connection limit 0; {TERMINATE}")
    return lambda: admin(world, f"alter role {ROLE} connection limit -1")


# ---- inside RabbitMQ -------------------------------------------------------------------------------------------------


def memory_alarm(world, _fault):
    world.sandbox.tool("rabbitmqctl", "set_vm_memory_high_watermark", "0.0001")
    return lambda: world.sandbox.tool("rabbitmqctl", "set_vm_memory_high_watermark", "0.4")


def close_all_connections(world, _fault):
    world.sandbox.tool("rabbitmqctl", "close_all_connections", "a fault")
    return nothing


def set_permissions(world, configure, write, read):
    world.sandbox.tool("rabbitmqctl", "set_permissions", "-p", VHOST, BROKER_USER, configure, write, read)


def all_permissions(world):
    return lambda: set_permissions(world, ".*", ".*", ".*")


def no_vhost(world, _fault):
    world.sandbox.tool("rabbitmqctl", "clear_permissions", "-p", VHOST, BROKER_USER)
    # Who is logged in keeps what it was allowed; so everybody has to log in again.
    world.sandbox.tool("rabbitmqctl", "close_all_connections", "a fault")
    return all_permissions(world)


def no_read_permission(world, _fault):
    set_permissions(world, ".*", ".*", "^$")
    world.proxies[BROKER].cut()
    return all_permissions(world)


AT_ONCE = (0, 0)

KINDS = (
    Kind("daemon killed", "kill -9 to one daemon", DAEMONS, AT_ONCE, kill_daemon, goes_on=True),
    Kind("all daemons killed", "kill -9 to all daemons", DAEMONS, AT_ONCE, kill_all_daemons),
    Kind("daemon frozen", "SIGSTOP to one daemon, SIGCONT", DAEMONS, (2, 12), freeze_daemon, goes_on=True),
    Kind("daemon stopped", "SIGTERM to one daemon: it must end with 0 in time", DAEMONS, AT_ONCE, stop_daemon,
         goes_on=True),
    Kind("PostgreSQL stopped", "a fast stop and a start", POSTGRES, (0, 8), stop("postgres")),
    Kind("PostgreSQL killed", "kill -9 to the server and a start", POSTGRES, (0, 8), kill("postgres")),
    Kind("PostgreSQL paused", "SIGSTOP to all its processes, SIGCONT", POSTGRES, (2, 12), pause("postgres")),
    Kind("RabbitMQ stopped", "a proper stop and a start", BROKER, (0, 8), stop("rabbitmq")),
    Kind("RabbitMQ killed", "kill -9 to the server and a start", BROKER, (0, 8), kill("rabbitmq")),
    Kind("RabbitMQ paused", "SIGSTOP to all its processes, SIGCONT", BROKER, (2, 12), pause("rabbitmq")),
    Kind("database: connections cut", "reset at the proxy", POSTGRES, AT_ONCE, cut(POSTGRES)),
    Kind("database: slow network", "0.1 to 0.5 s later, each way", POSTGRES, (3, 12), delay(POSTGRES)),
    Kind("database: slow, then cut", "what is underway is lost", POSTGRES, (1, 5), delay_and_cut(POSTGRES)),
    Kind("database: black hole", "nothing passes, nobody is told", POSTGRES, (3, 20), black_hole(POSTGRES)),
    Kind("database: refused", "connections reset, new ones refused", POSTGRES, (2, 12), refuse(POSTGRES)),
    Kind("broker: connections cut", "reset at the proxy", BROKER, AT_ONCE, cut(BROKER)),
    Kind("broker: slow network", "0.1 to 0.5 s later, each way", BROKER, (3, 12), delay(BROKER)),
    Kind("broker: slow, then cut", "what is underway is lost", BROKER, (1, 5), delay_and_cut(BROKER)),
    Kind("broker: black hole", "nothing passes, nobody is told", BROKER, (3, 20), black_hole(BROKER)),
    Kind("broker: refused", "connections reset, new ones refused", BROKER, (2, 12), refuse(BROKER)),
    Kind("deliveries in vain", f"{VAIN_DELIVERIES} times the broker's connections are cut while the database is silent",
         f"{BROKER} {POSTGRES}", AT_ONCE, deliver_in_vain, only_long="takes half a minute"),
    Kind("sessions terminated", "pg_terminate_backend for all the daemons' sessions", POSTGRES, AT_ONCE,
         terminate_sessions),
    Kind("session killed", "kill -9 to one session's process: PostgreSQL ends all and recovers", POSTGRES, AT_ONCE,
         kill_session),
    Kind("statements cancelled", "pg_cancel_backend again and again", POSTGRES, (1, 5), cancel_statements),
    Kind("database read-only", "default_transaction_read_only, and sessions terminated", POSTGRES, (2, 10), read_only),
    Kind("counters locked", "another session holds half of the tenants' counters", POSTGRES, (2, 15), lock_counters,
         goes_on=True),
    Kind("no connection allowed", "the role's connection limit is 0, and sessions terminated", POSTGRES, (2, 10),
         no_connections),
    Kind("memory alarm", "RabbitMQ's memory watermark at nothing", BROKER, (2, 8), memory_alarm),
    Kind("broker closes connections", "rabbitmqctl close_all_connections, publishers' too", BROKER, AT_ONCE,
         close_all_connections),
    Kind("virtual host closed to us", "no permission in it, and all connections closed", BROKER, (2, 8), no_vhost),
    Kind("reading not permitted", "nobody may consume, and connections cut", BROKER, (2, 8), no_read_permission),
)


def rounds(seed, kinds, short):
    """Endless: all kinds in a new order, again and again. A short run takes each fault's shortest time, about."""
    chance = random.Random(f"schedule/{seed}")
    while True:
        one_of_each = []
        for kind in chance.sample(kinds, len(kinds)):
            low, high = kind.seconds
            seconds = chance.uniform(low, min(high, low + 0.5) if short else high)
            one_of_each.append(Fault(kind, seconds, chance.getrandbits(30)))
        yield one_of_each
