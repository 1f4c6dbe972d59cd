"""Measure ftpcore beside pyftpdlib.

Each server runs in a process of its own, on 127.0.0.1, with the same files, the same user, the same level of logging
(INFO, formatted and written to the null device) and otherwise its defaults.  They work by turns: a round of ours, one
of theirs, the next round in the other order.  The client is the same for both: blocking sockets, sendfile to upload,
and downloads that the kernel throws away.  It shares one CPU with the server but for the big files, because the price
of waking another CPU would hide the rest.

Two figures come of each measure.  The cost is CPU time, user and system, of the server process (or its memory); it
depends little on what else the machine does.  The rate is by the clock: client, network, server, and whoever else uses
the CPU.  The best round counts.  A ratio is ours to theirs: below 1 is better for costs, above 1 for rates.

What is measured:

* noop, cwd, mlst: a command, sent when the one before is answered; CWD and MLST look at the disk.
* noops, cwds, mlsts: the same in batches of 100.
* retr, stor: a file of 256 MiB, type image.
* tls_retr, tls_stor: the same under TLS 1.3, with a client that decrypts; needs pyOpenSSL.
* small_retr, small_stor: 1,000 files of 4 KiB in one session, each with a data connection of its own, by EPSV and
  PASV in turn.
* list, mlsd: a directory of 10,000 files.
* login: connect, USER, PASS, TYPE, QUIT.
* memory: by how much the server grows with each session of 500 that have logged in.
* idle: CPU time that 200 sessions take that do nothing for five seconds, in milliseconds each second.

The files are in /dev/shm, in memory, if there is room: what a disk does is the same for both and drowns the rest.

With --host ours runs on asyncio or trio, or on several of them by turns: --ours --host ioloop --host asyncio.  The
ratio is that of the first two columns.

With --profile nothing is compared: one measure runs once on our server under cProfile, and the functions that took the
most time themselves are printed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import resource
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.comparison import compare
from benchmarks.measures import MEASURES, Sizes
from benchmarks.process import ServerProcess
from benchmarks.report import as_json, heading, row

__all__ = ["main"]

_SHARED_MEMORY: Final = Path("/dev/shm")
_ROOM: Final = 2 << 30

_THEIRS: Final = "pyftpdlib"

#: What our server may run on, and the name that it has in the table.
_HOSTS: Final = {"ioloop": "ftpcore", "asyncio": "asyncio", "trio": "trio"}


def main(args: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for, and print it; return the exit status."""
    options = _parsed(args)
    sizes = Sizes().scaled(options.scale)
    if options.size is not None:
        sizes = replace(sizes, file_size=round(options.size * (1 << 20)))
    ours = [_HOSTS[host] for host in options.host or ("ioloop",)]
    servers = ours if options.ours else [*ours, _THEIRS]
    if not options.ours and not options.profile and importlib.util.find_spec(_THEIRS) is None:
        print("pyftpdlib is not installed: pip install 'ftpcore[bench]', or measure with --ours", file=sys.stderr)
        return 2
    _allow_descriptors()
    with tempfile.TemporaryDirectory(prefix="ftpcore-bench-", dir=options.directory or _in_memory()) as name:
        if options.profile:
            measure = MEASURES[options.profile]
            with ServerProcess(ours[0], Path(name), profiled=True, secure=measure.secure) as server:
                print(measure.run(server, Path(name), sizes).profile)
            return 0
        if not options.json:
            print(heading(servers))
        comparisons = []
        for key in options.measures or MEASURES:
            comparisons.append(compare(MEASURES[key], servers, Path(name), sizes, options.rounds))
            if not options.json:
                print(row(comparisons[-1]), flush=True)
    if options.json:
        print(as_json(comparisons, sizes))
    return 0


def _parsed(args: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help="names from the list above (default: all)")
    parser.add_argument("--rounds", type=_count, default=5, metavar="N", help="for each server (default: %(default)s)")
    parser.add_argument("--scale", type=_factor, default=1.0, metavar="X", help="do so much more or less work")
    parser.add_argument("--size", type=_factor, metavar="MIB", help="of the big file")
    parser.add_argument("--directory", type=Path, metavar="PATH", help="make the files below it")
    parser.add_argument(
        "--host",
        choices=_HOSTS,
        action="append",
        help="what ours runs on, ioloop by default; more than one are compared",
    )
    parser.add_argument("--ours", action="store_true", help="leave pyftpdlib out")
    parser.add_argument("--json", action="store_true", help="print JSON, with the figures of every round")
    parser.add_argument("--profile", choices=MEASURES, metavar="MEASURE", help="profile our server in it")
    options = parser.parse_args(args)
    if unknown := [name for name in options.measures if name not in MEASURES]:
        parser.error(f"there is no measure {unknown[0]!r}; expected one of {', '.join(MEASURES)}")
    return options


def _count(text: str) -> int:
    if (value := int(text)) < 1:
        raise ValueError
    return value


def _factor(text: str) -> float:
    if not 0 < (value := float(text)) < float("inf"):
        raise ValueError
    return value


def _in_memory() -> Path | None:
    """Return a directory in memory with room enough, None if there is none."""
    with contextlib.suppress(OSError):
        if shutil.disk_usage(_SHARED_MEMORY).free >= _ROOM:
            return _SHARED_MEMORY
    return None


def _allow_descriptors() -> None:
    """Let this process, and the servers that it starts, have as many sockets as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
