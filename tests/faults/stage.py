"""A run from outside: a folder, a world in it, an end to it whatever happens, and what is told of it afterwards."""

import pathlib
import shutil
import signal
import sys
import tempfile
import traceback

import servers
from world import say


class Late(Exception):
    pass


def raise_late(*_):
    raise Late


def perform(options, make_world, work):
    """Makes the world in its folder, does the work, ends the world and prints its summary. Returns the exit code."""
    program = pathlib.Path(sys.argv[0]).name
    folder = (options.dir or pathlib.Path(tempfile.mkdtemp(prefix=f"mtmsg-faults-{program}-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        print(f"{program}: {folder} is not empty: name another with --dir", file=sys.stderr)
        return 2
    say(f"seed {options.seed}, folder {folder}")
    world = make_world(options, folder)
    code = 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGALRM, raise_late)
    signal.setitimer(signal.ITIMER_REAL, options.time_limit or 0)
    try:
        work(world)
        code = 1 if world.violations else 0
    except KeyboardInterrupt:
        say("interrupted: cleaning up …")
        code = 130
    except Late:
        world.trouble(f"not done within {options.time_limit:.0f} s")
    except Exception as failure:  # whatever it is, the servers must not outlive it
        world.trouble(f"could not go on: {type(failure).__name__}: {failure}")
        if not isinstance(failure, servers.CommandFailed):
            traceback.print_exc()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        keep = code == 1 or (options.keep and code == 0)
        world.end(keep)
    print(world.summary())
    if options.report and code != 130:
        options.report.write_text(world.report(), encoding="utf-8")
    if keep:
        say(f"kept: {folder} with the daemons' logs and the ledger; the servers' data too: "
            f"tools/sandbox up --dir {folder}, and afterwards tools/sandbox down --purge --dir {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return code
