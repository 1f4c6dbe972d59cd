"""Rules of what is declared, and of what is not: a false claim fails in both directions."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

import pytest

from ftpcore import UnsupportedOperation, VirtualPath, join_path
from ftpcore.ports import Capability, FileSystem, OpenMode
from ftpcore_contracts._contents import offers
from ftpcore_contracts._refusals import refused
from ftpcore_contracts._rules import broken, expect, needs, raises, rule
from ftpcore_contracts._trees import ABSENT, DIR, EMPTY, FILE, LINK, OTHER, STOCK, Link, opened, tree
from ftpcore_contracts._verbs import CHANGING, MAKING, OPENING_UNIQUE, Verb, verb_name

__all__ = ["Capabilities"]

#: What makes no sense without what.
_RESTS_ON: Final = (
    (Capability.RESUME, Capability.WRITE),
    (Capability.APPEND, Capability.WRITE),
    (Capability.RENAME, Capability.WRITE),
    (Capability.TIMES, Capability.WRITE),
    (Capability.ATOMIC, Capability.WRITE),
    (Capability.REPLACE, Capability.RENAME),
)


def _set_mode(files: FileSystem) -> None:
    files.set_mode(FILE, 0o640)


def _set_modified(files: FileSystem) -> None:
    files.set_modified(FILE, 1_000_000_000.0)


def _opening(mode: OpenMode) -> Callable[[FileSystem], None]:
    return lambda files: files.open_file(FILE, mode).close(complete=True)


#: One operation of each capability that has any, and what else it takes.
_OPERATIONS: Final[tuple[tuple[Capability, str, Callable[[FileSystem], object]], ...]] = (
    (Capability.WRITE, "open_file(/file, REPLACE)", _opening(OpenMode.REPLACE)),
    (Capability.WRITE, "open_unique(/dir, 'x')", lambda files: OPENING_UNIQUE.call(files, DIR)),
    (Capability.WRITE, "make_dir(/absent)", lambda files: files.make_dir(ABSENT)),
    (Capability.WRITE, "remove_dir(/empty)", lambda files: files.remove_dir(EMPTY)),
    (Capability.WRITE, "remove_file(/file)", lambda files: files.remove_file(FILE)),
    (Capability.RESUME, "open_file(/file, WRITE)", _opening(OpenMode.WRITE)),
    (Capability.RESUME, "open_file(/file, UPDATE)", _opening(OpenMode.UPDATE)),
    (Capability.APPEND, "open_file(/file, APPEND)", _opening(OpenMode.APPEND)),
    (Capability.RENAME, "rename(/file, /absent)", lambda files: files.rename(FILE, ABSENT)),
    (Capability.RENAME, "rename(/dir, /absent)", lambda files: files.rename(DIR, ABSENT)),
    (Capability.RENAME | Capability.REPLACE, "rename(/file, /other)", lambda files: files.rename(FILE, OTHER)),
    (Capability.WRITE | Capability.MODE, "set_mode(/file)", _set_mode),
    (Capability.TIMES, "set_modified(/file)", _set_modified),
)


class Capabilities:
    """capabilities"""

    @rule("FileSystem.capabilities")
    def test_capabilities_are_declared(self, stocked: FileSystem) -> None:
        """`capabilities` is a `Capability`, and does not change while the filesystem is used."""
        before = stocked.capabilities
        if not isinstance(before, Capability):
            broken("FileSystem.capabilities", expected="a Capability", came=before)
        tree(stocked)
        stocked.stat(FILE, follow=True)
        expect(stocked.capabilities, before, "capabilities after some calls")

    @rule("FileSystem.blocking")
    def test_blocking_is_declared(self, stocked: FileSystem) -> None:
        """`blocking` is True or False: whether calls may wait, so that hosts make them on worker threads."""
        if not isinstance(stocked.blocking, bool):
            broken("FileSystem.blocking", expected="True or False", came=stocked.blocking)

    @rule("Capability")
    def test_capabilities_make_sense(self, stocked: FileSystem) -> None:
        """Nothing that changes a filesystem is declared without WRITE, nor REPLACE without RENAME."""
        for flag, basis in _RESTS_ON:
            if flag in stocked.capabilities and basis not in stocked.capabilities:
                broken(
                    "FileSystem.capabilities",
                    expected=f"{basis.name} where there is {flag.name}",
                    came=f"{flag.name} without {basis.name}",
                )

    @pytest.mark.parametrize(("capability", "what", "call"), [pytest.param(*row, id=row[1]) for row in _OPERATIONS])
    @rule("Capability")
    def test_what_is_declared_is_offered(
        self, stocked: FileSystem, capability: Capability, what: str, call: Callable[[FileSystem], object]
    ) -> None:
        """An operation whose capability is declared does not raise UnsupportedOperation."""
        needs(stocked, capability)
        try:
            call(stocked)
        except UnsupportedOperation as error:
            broken(f"{what}, which {capability} declares", expected="no UnsupportedOperation", came=repr(error))

    @rule("Capability.LINKS")
    def test_declared_links_are_there(self, stocked: FileSystem, link: Link) -> None:
        """LINKS: a link that was made is listed."""
        needs(stocked, Capability.LINKS)
        link(LINK, "file")
        expect(
            "link" in {info.name for info in stocked.scan_dir(VirtualPath("/"), follow=False)}, True, "/link is listed"
        )

    @rule("Capability.UNIQUE_ID")
    def test_declared_identifiers_are_there(self, stocked: FileSystem) -> None:
        """UNIQUE_ID: every object has an identifier."""
        needs(stocked, Capability.UNIQUE_ID)
        for path in ("/", "/file", "/dir", "/dir/inner"):
            unique = stocked.stat(VirtualPath(path), follow=True).unique
            expect(unique is None, False, f"FileInfo.unique of {path}, {unique!r}, is None")

    @rule("Capability.MODE")
    def test_declared_modes_are_there(self, stocked: FileSystem) -> None:
        """MODE: every object has a mode."""
        needs(stocked, Capability.MODE)
        for path in ("/", "/file", "/dir", "/dir/inner"):
            mode = stocked.stat(VirtualPath(path), follow=True).mode
            expect(mode is None, False, f"FileInfo.mode of {path}, {mode!r}, is None")

    @pytest.mark.parametrize("verb", [*MAKING, *CHANGING, OPENING_UNIQUE], ids=verb_name)
    @rule("Capability.WRITE")
    def test_without_write_nothing_changes(self, stocked: FileSystem, verb: Verb) -> None:
        """Without WRITE what changes anything raises UnsupportedOperation with EROFS, and changes nothing."""
        _without(stocked, Capability.WRITE)
        with refused(stocked, UnsupportedOperation, verb.of(FILE)):
            _expect_read_only(stocked, verb, FILE)

    @rule("Capability.WRITE")
    def test_without_write_the_path_does_not_matter(self, stocked: FileSystem) -> None:
        """Without WRITE the error is the same where there is nothing: it comes before the path is looked at."""
        _without(stocked, Capability.WRITE)
        for verb in (*MAKING, *CHANGING, OPENING_UNIQUE):
            for path in (ABSENT, join_path(ABSENT, "x"), DIR):
                with refused(stocked, UnsupportedOperation, verb.of(path)):
                    _expect_read_only(stocked, verb, path)

    @pytest.mark.parametrize("path", [FILE, ABSENT])
    @pytest.mark.parametrize("mode", [OpenMode.WRITE, OpenMode.UPDATE, OpenMode.APPEND], ids=lambda mode: mode.name)
    @rule("OpenMode")
    def test_undeclared_modes_open_nothing(self, stocked: FileSystem, mode: OpenMode, path: VirtualPath) -> None:
        """Without RESUME the modes WRITE and UPDATE raise UnsupportedOperation, without APPEND that one.

        Nothing is emptied, and nothing is made.
        """
        if offers(stocked, mode):
            pytest.skip(f"not offered: a filesystem without the mode {mode.name}")
        with refused(stocked, UnsupportedOperation, f"open_file({path}, {mode.name}), undeclared"):
            stocked.open_file(path, mode)

    @rule("Capability.RESUME")
    def test_without_resume_nothing_is_cut(self, stocked: FileSystem) -> None:
        """Without RESUME `truncate` raises UnsupportedOperation, and what was written stays."""
        needs(stocked, Capability.WRITE)
        _without(stocked, Capability.RESUME)
        with opened(stocked, FILE, OpenMode.REPLACE) as file:
            file.write_at(0, b"new")
            with raises(UnsupportedOperation, "truncate(1), undeclared"):
                file.truncate(1)
        expect(tree(stocked), {**STOCK, "/file": b"new"}, "what is there after truncate(1) was refused")

    @pytest.mark.parametrize(("source", "target"), [(FILE, ABSENT), (DIR, ABSENT), (FILE, OTHER), (ABSENT, FILE)])
    @rule("Capability.RENAME")
    def test_without_rename_nothing_is_renamed(
        self, stocked: FileSystem, source: VirtualPath, target: VirtualPath
    ) -> None:
        """Without RENAME `rename` raises UnsupportedOperation, whatever the paths are, and changes nothing."""
        _without(stocked, Capability.RENAME)
        with refused(stocked, UnsupportedOperation, f"rename({source}, {target}), undeclared"):
            stocked.rename(source, target)

    @pytest.mark.parametrize("path", [FILE, DIR, ABSENT])
    @rule("Capability.MODE")
    def test_without_mode_no_mode_is_set(self, stocked: FileSystem, path: VirtualPath) -> None:
        """Without MODE `set_mode` raises UnsupportedOperation, whatever the path is, and changes nothing."""
        _without(stocked, Capability.MODE)
        with refused(stocked, UnsupportedOperation, f"set_mode({path}), undeclared"):
            stocked.set_mode(path, 0o777)

    @pytest.mark.parametrize("path", [FILE, DIR, ABSENT])
    @rule("Capability.TIMES")
    def test_without_times_no_time_is_set(self, stocked: FileSystem, path: VirtualPath) -> None:
        """Without TIMES `set_modified` raises UnsupportedOperation, whatever the path is, and changes nothing."""
        _without(stocked, Capability.TIMES)
        with refused(stocked, UnsupportedOperation, f"set_modified({path}), undeclared"):
            stocked.set_modified(path, 0.0)


def _without(files: FileSystem, capability: Capability) -> None:
    """Skip the test if `capability` is declared."""
    if capability in files.capabilities:
        pytest.skip(f"not offered: a filesystem without {capability.name}")


def _expect_read_only(files: FileSystem, verb: Verb, path: VirtualPath) -> None:
    try:
        verb.call(files, path)
    except UnsupportedOperation as error:
        expect(error.errno, errno.EROFS, f"errno of the UnsupportedOperation that {verb.of(path)} raises")
        raise
