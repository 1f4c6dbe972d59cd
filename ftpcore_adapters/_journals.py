"""Journals of the command line: written for each session of `--journal`, and told and replayed by `ftpcore replay`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from itertools import count
from typing import TextIO

from ftpcore.testing import JournalError, read_journal, replay, told
from ftpcore_adapters._command_line import Parser

__all__ = ["journal_opener", "replay_command"]


def journal_opener(directory: str) -> Callable[[], TextIO]:
    """Return what opens a new file in `directory` for each session: PID-1.jsonl, PID-2.jsonl ...

    Raises:
        OSError: `directory` is none.
    """
    if not os.path.isdir(directory):
        raise NotADirectoryError(f"no such directory for journals: {directory!r}")
    numbers = count(1)

    def open_journal() -> TextIO:
        path = os.path.join(directory, f"{os.getpid()}-{next(numbers)}.jsonl")
        # Names and commands of users are in it: for the operator only.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        return open(descriptor, "w", encoding="ascii")

    return open_journal


def replay_command(words: Sequence[str]) -> None:
    """Print a journal for a person to read, and say whether it replays to the same outputs.

    Raises:
        SystemExit: With status 1 if it does not; with 2 for a usage error.
        OSError: The journal can't be read.
        JournalError: It is none.
    """
    parser = Parser(
        prog="ftpcore replay",
        description="Print a session that --journal recorded, and replay it: the same inputs must give the same "
        "outputs, byte for byte.  Exit status 1: they do not, or it can't be told.",
        allow_abbrev=False,
    )
    parser.add_argument("journal", metavar="FILE", help="a journal, as PID-1.jsonl; -: standard input")
    options: argparse.Namespace = parser.parse_args(words)
    if options.journal == "-":
        lines = read_journal(sys.stdin)
    else:
        with open(options.journal, encoding="ascii", errors="replace") as file:
            lines = read_journal(file)
    for line in told(lines):
        sys.stdout.write(f"{line}\n")
    try:
        replayed = replay(lines)
    except JournalError as error:
        sys.stdout.write(f"not replayed: {error}\n")
        raise SystemExit(1) from None
    if replayed.difference is not None:
        sys.stdout.write(f"replayed, and not the same: {replayed.difference}\n")
        raise SystemExit(1)
    sys.stdout.write(f"replayed: {replayed.lines} lines, the same outputs\n")
