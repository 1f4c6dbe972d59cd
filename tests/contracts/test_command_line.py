"""`python -m ftpcore_contracts`, as an author runs it in a directory of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

from ftpcore_contracts.__main__ import main

#: What an author has written; each is a target of the tests.
AUTHOR = """
from contextlib import asynccontextmanager, contextmanager

import pytest
from mutants.async_delegation import AsyncDelegate

from ftpcore.ports import Capability
from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_adapters.local import LocalFileSystem
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.wrappers import ReadOnly
from ftpcore_contracts import FileSystemContract

class Broken(MemoryFileSystem):
    def rename(self, source, target):
        pass

class Half:
    capabilities = Capability.NONE
    blocking = False
    def stat(self, path, /, *, follow): ...
    def scan_dir(self, path, /, *, follow): ...

class Whole(FileSystemContract):
    @pytest.fixture
    def filesystem(self):
        return MemoryFileSystem()

@contextmanager
def borrowed():
    events.append("opened")
    yield MemoryFileSystem()
    events.append("closed")

@asynccontextmanager
async def connected():
    events.append("opened")
    yield AsyncDelegate()
    events.append("closed")

def wrapped():
    # Its methods return what is to be awaited, which nobody sees from outside.
    files = AsyncDelegate()
    for name in vars(AsyncDelegate):
        method = getattr(files, name)
        if callable(method) and not isinstance(method, type) and not name.startswith("_"):
            setattr(files, name, lambda *arguments, call=method, **named: call(*arguments, **named))
    return files

async def coroutine():
    return AsyncDelegate()

events = []

def read_only(contents):
    files = MemoryFileSystem()
    for path, data in contents.items():
        if path.endswith("/"):
            files.make_dir(path[:-1])
        else:
            files.write_bytes(path, data)
    return ReadOnly(files)

def small(room):
    return MemoryFileSystem(limit=room)

def failing():
    raise ConnectionError("no store at this address")

def needy(bucket):
    ...

class Grouped:
    make = MemoryFileSystem

one = MemoryFileSystem()
number = 1
"""

#: A few quick tests.
SOME = ("-k", "test_rename_keeps_the_object or test_make_dir_makes_one_directory")


class Ran(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture(scope="module", autouse=True)
def author(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The directory with the author's module."""
    directory = tmp_path_factory.mktemp("author")
    (directory / "author.py").write_text(AUTHOR)
    (directory / "broken_author.py").write_text("import no_such_library\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(directory)
        yield directory
    sys.modules.pop("author", None)


@pytest.fixture(name="ran")
def _ran(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line with arguments."""

    def ran(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as end:
            sys.exit(main(arguments))
        assert isinstance(end.value.code, int)
        return Ran(end.value.code, *capsys.readouterr())

    return ran


@pytest.mark.parametrize(
    "target", ["author:MemoryFileSystem", "author:Grouped.make", "author:borrowed", "author:LocalFileSystem"]
)
def test_a_factory_is_run(ran: Run, target: str) -> None:
    """A class, an attribute of one, a context manager, and a class that needs a directory."""
    found = ran(target, *SOME)
    assert (found.status, found.err) == (0, "")
    assert found.out.startswith(target)
    assert "The contract is kept: 2 rules" in found.out


def test_links_are_made_in_the_directory_that_was_told(ran: Run) -> None:
    found = ran("author:LocalFileSystem", "-k", "test_a_link_is_read_through or test_a_link_is_told_as_a_link")
    assert "The contract is kept: 2 rules" in found.out


@pytest.mark.parametrize("target", ["author:AsyncDelegate", "author:connected"])
def test_asynchronous_filesystems_are_told_from_others(ran: Run, target: str) -> None:
    found = ran(target, "-k", "test_methods_are_awaited or test_scan_is_given_up or test_rename_keeps_the_object")
    assert (found.status, found.err) == (0, "")
    assert "asynchrony" in found.out


def test_a_class_of_the_seed_api_is_named_as_it_is(ran: Run) -> None:
    """It takes a root and a handler, and has real paths."""
    found = ran("author:AbstractedFS", "-k", "test_chdir_moves_the_client or test_rename_keeps_the_file")
    assert (found.status, found.err) == (0, "")
    assert "The contract is kept: 2 rules" in found.out


def test_a_contract_can_be_named(ran: Run) -> None:
    """For what can't be seen: these methods are no coroutine functions, and return coroutines all the same."""
    found = ran("author:wrapped", "--contract", "AsyncFileSystemContract", "-k", "test_scan_is_given_up")
    assert (found.status, found.err) == (0, "")


@pytest.mark.parametrize("target", ["author:borrowed", "author:connected"])
def test_a_context_manager_is_left_again(ran: Run, target: str) -> None:
    events = import_module("author").events
    events.clear()
    ran(target, *SOME)
    assert len(events) > 2
    assert events == ["opened", "closed"] * (len(events) // 2)


def test_contents_are_told_to_who_asks_for_them(ran: Run) -> None:
    """A read-only filesystem is tried with what the tests want in it."""
    found = ran("author:read_only", "-k", "test_a_listing_has_every_entry_once or test_rename_moves")
    assert found.status == 0, found.out
    assert "WRITE" in found.out


def test_room_is_told_to_who_asks_for_it(ran: Run) -> None:
    assert "The contract is kept: 1 rule" in ran("author:small", "-k", "test_full_store_says_so").out
    assert ran("author:MemoryFileSystem", "-k", "test_full_store_says_so").status == 1


def test_a_broken_contract_is_told(ran: Run, tmp_path: Path) -> None:
    page, data = tmp_path / "report.md", tmp_path / "report.json"
    found = ran("author:Broken", *SOME, "--report", str(page), "--json", str(data))
    assert (found.status, found.err) == (1, "")
    assert "FAILED test_rename_keeps_the_object" in found.out
    assert page.read_text().startswith("# Contract: author:Broken\n")
    assert json.loads(data.read_text())["green"] is False


def test_json_can_be_all_there_is_on_standard_output(ran: Run) -> None:
    found = ran("author:Broken", *SOME, "--json", "-")
    assert found.status == 1
    assert json.loads(found.out)["contract"] == "author:Broken"


def test_skips_alone_are_no_success(ran: Run) -> None:
    found = ran("author:read_only", "-k", "test_rename_moves")
    assert found.status == 1
    assert "Nothing passed" in found.out


def test_a_contract_is_run_as_it_is(ran: Run) -> None:
    assert "The contract is kept: 2 rules" in ran("author:Whole", *SOME).out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param((), "TARGET is missing", id="no target"),
        pytest.param(("author",), "not of the form module:factory", id="no colon"),
        pytest.param(("no_such_module:x",), "there is no module no_such_module", id="no module"),
        pytest.param(("author.below:x",), "there is no module author.below", id="no package"),
        pytest.param(
            ("broken_author:x",), "importing broken_author raised ModuleNotFoundError: No module", id="import fails"
        ),
        pytest.param(("author:absent",), "author has no absent", id="no factory"),
        pytest.param(("author:failing",), "raised ConnectionError: no store at this address", id="factory raises"),
        pytest.param(("author:needy",), "author:needy needs bucket", id="factory needs more"),
        pytest.param(("author:one",), "a callable that returns a fresh one", id="instance"),
        pytest.param(("author:number",), "a callable that returns a fresh one", id="number"),
        pytest.param(("author:coroutine",), "asynccontextmanager", id="coroutine"),
        pytest.param(("author:Half",), "lacks these of FileSystem: enter_dir, open_file", id="no port"),
        pytest.param(("author:FileSystemContract",), "a contract with nothing in it", id="contract itself"),
        pytest.param(("author:Whole", "-k", "no_such_test"), "no test of author:Whole", id="nothing selected"),
        pytest.param(("author:Whole", "-k", "a b"), "expression", id="no expression"),
        pytest.param(("author:Whole", "--contract", "Other"), "invalid choice", id="no contract"),
        pytest.param(("--explain", "test_rename_mooves"), "similar: test_rename_moves", id="misspelt"),
        pytest.param(("author:Whole", *SOME, "--report", "/no/such/directory/x"), "can't be written", id="no report"),
    ],
)
def test_what_cannot_be_run_is_one_line(ran: Run, arguments: tuple[str, ...], complaint: str) -> None:
    found = ran(*arguments)
    assert (found.status, found.out) == (2, "")
    assert complaint in found.err
    assert found.err.count("\n") == 1


def test_tests_are_listed_by_area(ran: Run) -> None:
    everything = ran("--list").out
    assert "FileSystemContract\n" in everything
    found = ran("author:Whole", "--list", *SOME)
    assert found.status == 0
    assert [line for line in found.out.splitlines() if "rename" in line] == [
        "  rename",
        "    test_rename_keeps_the_object",
    ]


def test_a_test_is_explained(ran: Run) -> None:
    found = ran("--explain", "test_rename_moves")
    assert found.status == 0
    for told in ("RENAME moves a file", "area:     rename", "FileSystemContract", "RFC 959 4.1.3", "_fs_renaming.py:"):
        assert told in found.out


def test_rules_of_one_name_are_all_explained(ran: Run) -> None:
    told = ran("--explain", "test_rename_moves").out
    assert told.count("rule: ") == told.count("test: ") == 2
    assert ", of FileSystemContract, AsyncFileSystemContract\n" in told
    assert ", of SeedFileSystemContract\n" in told


def test_it_runs_in_a_directory_of_its_own(author: Path) -> None:
    """As an author does: the module is found in the current directory, and nothing is left there."""
    (author / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    before = sorted(path.name for path in author.iterdir())
    command = [sys.executable, "-B", "-m", "ftpcore_contracts", "author:Broken", "-k", "keeps_the_object or reference"]
    # The package is found as it is installed here.
    found = subprocess.run(command, cwd=author, capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, found.stderr) == (1, "")
    assert "The contract is broken: 2 rules" in found.stdout
    assert sorted(path.name for path in author.iterdir()) == before
