"""The command line of the contracts: `python -m ftpcore_contracts module:factory`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NoReturn

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from ftpcore_contracts._factories import CONTRACTS, contract_for
from ftpcore_contracts._report import Outcome, Result
from ftpcore_contracts._rulebook import explanation
from ftpcore_contracts._runner import collect, run

__all__ = ["main"]

_DESCRIPTION: Final = """\
Hold an implementation of a port of ftpcore to its contract.

TARGET is module:name, looked for from the current directory on.  The name is that of
  - a callable that returns a filesystem, synchronous or not, fresh and empty: a class, a function, a context manager.
    It may take, by these names,
      contents     what the filesystem shall hold: bytes by path, a directory ends in "/" and is b"";
                   one that can't be written through its port takes it
      room         the bytes of content that it shall have room for, or None
      root         a directory to work in, empty, and removed afterwards
      cmd_channel  None, for classes of filesystems of the seed API: abstracted_fs(root, cmd_channel)
    and what it returns may have methods make_link(path, target) and open_handles() for the tests; or
  - a subclass of a contract, with its fixtures: the form for authorizers and servers.
"""

_EPILOGUE: Final = """\
Exit status: 0 the contract is kept, 1 it is broken, or nothing passed, 2 it could not be run.
What is "not offered" was skipped, for the capability is not declared; it never counts as passed.
"""

_SIGNS: Final = {Outcome.PASSED: ".", Outcome.FAILED: "F", Outcome.NOT_OFFERED: "-", Outcome.SKIPPED: "s"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line."""
        self.exit(2, f"{self.prog}: {message}; see --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        # What came may hold any name.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    try:
        if options.explain is not None:
            print(explanation(options.explain, CONTRACTS.values()))
            return 0
        if options.target is None and not options.list:
            parser.error("TARGET is missing: module:factory, or module:ContractSubclass")
        return _list(options) if options.list else _run(options)
    except pytest.UsageError as error:
        parser.exit(2, f"{parser.prog}: {' '.join(str(error).split())}\n")


def _run(options: argparse.Namespace) -> int:
    contract = contract_for(options.target, options.contract)
    watched = sys.stderr.isatty()
    with _nothing_left():
        report = run(contract, keyword=options.keyword, title=options.target, progress=_show if watched else None)
    if watched:
        print(file=sys.stderr)
    if not report.results:
        raise pytest.UsageError(f"no test of {options.target} is called {options.keyword!r}, see --list")
    try:
        if options.report is not None:
            options.report.write_text(report.markdown(), encoding="utf-8", errors="backslashreplace")
        if options.json not in (None, "-"):
            Path(options.json).write_text(report.json() + "\n", encoding="utf-8")
    except OSError as error:
        raise pytest.UsageError(f"the report can't be written: {error}") from error
    print(report.json() if options.json == "-" else report.text())
    return 0 if report.green else 1


def _list(options: argparse.Namespace) -> int:
    """Print the tests of the target, of the named contract, or of all contracts, by area."""
    if options.target is not None:
        contracts = {options.target: contract_for(options.target, options.contract)}
    else:
        contracts = {name: CONTRACTS[name] for name in CONTRACTS if options.contract in (None, name)}
    for name, contract in contracts.items():
        print(name)
        area = None
        for rule in collect(contract, keyword=options.keyword):
            if rule.area != area:
                area = rule.area
                print(f"  {area}")
            print(f"    {rule.test}")
    return 0


@contextmanager
def _nothing_left() -> Iterator[None]:
    """Have Hypothesis keep what it writes down elsewhere than in the current directory."""
    with TemporaryDirectory(prefix="ftpcore-contract-") as directory:
        set_hypothesis_home_dir(directory)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)


def _show(result: Result) -> None:
    print(_SIGNS[result.outcome], end="", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m ftpcore_contracts",
        description=_DESCRIPTION,
        epilog=_EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", metavar="TARGET", nargs="?", help="module:factory or module:ContractSubclass")
    parser.add_argument(
        "--contract",
        metavar="NAME",
        choices=CONTRACTS,
        help=f"hold it to this contract, instead of the one whose methods it has: {', '.join(CONTRACTS)}",
    )
    parser.add_argument("-k", metavar="EXPRESSION", dest="keyword", default="", help="run what pytest -k would select")
    parser.add_argument("--report", metavar="FILE", type=Path, help="write a page of Markdown besides")
    parser.add_argument(
        "--json", metavar="FILE", help='write the results as JSON besides; "-": to standard output, alone'
    )
    parser.add_argument("--list", action="store_true", help="list the tests by area, and end")
    parser.add_argument("--explain", metavar="TEST", help="tell the rule that a test states, its source, and end")
    return parser


if __name__ == "__main__":
    sys.exit(main())
