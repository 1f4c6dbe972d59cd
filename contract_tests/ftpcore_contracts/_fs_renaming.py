"""Rules of `FileSystem.rename`."""

from __future__ import annotations

import errno
from itertools import pairwise
from threading import Barrier, BrokenBarrierError, Event
from types import TracebackType
from typing import Final, Self

import pytest

from ftpcore import VirtualPath, join_path
from ftpcore.ports import Capability, FileSystem
from ftpcore_contracts._refusals import refused, unchanged
from ftpcore_contracts._rules import expect, needs, raises, rule
from ftpcore_contracts._threads import at_once
from ftpcore_contracts._trees import ABSENT, DIR, EMPTY, FILE, INNER, OTHER, ROOT, STOCK, get, listing, put, tree

__all__ = ["Renaming"]

_RENAME: Final = Capability.WRITE | Capability.RENAME
_REPLACE: Final = _RENAME | Capability.REPLACE

#: Renames that somebody watches.
_ROUNDS: Final = 50
#: Seconds after which one of two threads gives up waiting for the other.
_PATIENCE: Final = 30.0


class Renaming:
    """rename"""

    @pytest.mark.parametrize(
        ("source", "target", "gone", "new"),
        [
            pytest.param(FILE, ABSENT, {"/file"}, {"/absent": b"0123456789"}, id="file to a new name"),
            pytest.param(FILE, join_path(DIR, "x"), {"/file"}, {"/dir/x": b"0123456789"}, id="file into a directory"),
            pytest.param(INNER, ABSENT, {"/dir/inner"}, {"/absent": b"inner"}, id="file out of a directory"),
            pytest.param(
                DIR, ABSENT, {"/dir/", "/dir/inner"}, {"/absent/": b"", "/absent/inner": b"inner"}, id="directory"
            ),
            pytest.param(EMPTY, join_path(DIR, "x"), {"/empty/"}, {"/dir/x/": b""}, id="directory into a directory"),
        ],
    )
    @rule("RFC 959 4.1.3, RNTO")
    def test_rename_moves(
        self, stocked: FileSystem, source: VirtualPath, target: VirtualPath, gone: set[str], new: dict[str, bytes]
    ) -> None:
        """RENAME moves a file, or a directory with all that is in it; nothing stays at the old name."""
        needs(stocked, _RENAME)
        stocked.rename(source, target)
        kept = {path: data for path, data in STOCK.items() if path not in gone}
        expect(tree(stocked), dict(sorted((kept | new).items())), f"what is there after rename({source}, {target})")
        with raises(FileNotFoundError, f"stat({source}), which was renamed"):
            stocked.stat(source, follow=False)

    @pytest.mark.parametrize(("source", "target"), [(FILE, ABSENT), (DIR, ABSENT)], ids=["file", "directory"])
    @rule("FileInfo.unique")
    def test_rename_keeps_the_object(self, stocked: FileSystem, source: VirtualPath, target: VirtualPath) -> None:
        """UNIQUE_ID: what was renamed is the same object, and not a copy of it."""
        needs(stocked, _RENAME | Capability.UNIQUE_ID)
        before = stocked.stat(source, follow=True).unique
        stocked.rename(source, target)
        expect(stocked.stat(target, follow=True).unique, before, "FileInfo.unique after rename")

    @rule("FileSystem.rename")
    def test_rename_keeps_times(self, stocked: FileSystem) -> None:
        """TIMES: a file that was renamed was modified when it was before."""
        needs(stocked, _RENAME | Capability.TIMES)
        stocked.set_modified(FILE, 1_000_000_000.0)
        stocked.rename(FILE, ABSENT)
        expect(stocked.stat(ABSENT, follow=True).modified, 1_000_000_000.0, "time of a file after rename")

    @rule("FileSystem.rename")
    def test_rename_keeps_the_mode(self, stocked: FileSystem) -> None:
        """MODE: a file that was renamed has the mode it had before."""
        needs(stocked, _RENAME | Capability.MODE)
        stocked.set_mode(FILE, 0o640)
        before = stocked.stat(FILE, follow=True).mode
        stocked.rename(FILE, ABSENT)
        expect(stocked.stat(ABSENT, follow=True).mode, before, "mode of a file after rename")

    @rule("RFC 959 4.1.3, RNTO")
    def test_rename_moves_whole_trees(self, stocked: FileSystem) -> None:
        """RENAME: everything below a directory moves with it: empty directories, dot-files, what is far below."""
        needs(stocked, _RENAME)
        for path in ("/dir/.hidden", "/dir/a", "/dir/a/b", "/dir/a/b/c"):
            stocked.make_dir(VirtualPath(path))
        put(stocked, VirtualPath("/dir/a/b/.file"), b"far below")
        below = tree(stocked, DIR)
        stocked.rename(DIR, join_path(EMPTY, "moved"))
        moved = {path.replace("/dir/", "/empty/moved/", 1): data for path, data in below.items()}
        expected = {"/empty/": b"", "/empty/moved/": b"", "/file": STOCK["/file"], "/other": STOCK["/other"]} | moved
        expect(tree(stocked), dict(sorted(expected.items())), "what is there after rename(/dir, /empty/moved)")

    @rule("FileSystem.rename")
    def test_what_was_renamed_can_be_used(self, stocked: FileSystem) -> None:
        """RENAME: a directory in its new place takes entries and moves again, and its old name is free."""
        needs(stocked, _RENAME)
        stocked.rename(DIR, join_path(EMPTY, "dir"))
        stocked.make_dir(DIR)
        moved = join_path(DIR, "moved")
        stocked.rename(join_path(EMPTY, "dir"), moved)
        put(stocked, join_path(moved, "new"), b"new")
        expect(get(stocked, join_path(moved, "inner")), b"inner", "content of a file in a directory that moved twice")
        expect(set(listing(stocked, moved)), {"inner", "new"}, "the listing of a directory that moved twice")
        expect(set(listing(stocked, DIR)), {"moved"}, "the listing of a directory made where that one was")
        expect(listing(stocked, EMPTY), {}, "the listing of /empty, whose only entry was renamed")

    @pytest.mark.parametrize(("source", "target"), [(DIR, "/dir2"), (FILE, "/file2"), (DIR, "/di"), (FILE, "/fil")])
    @rule("FileSystem.rename")
    def test_rename_to_a_name_that_begins_alike(self, stocked: FileSystem, source: VirtualPath, target: str) -> None:
        """RENAME: /dir2 is not within /dir; what begins alike, and is something else, stays."""
        needs(stocked, _RENAME)
        put(stocked, VirtualPath("/dir.txt"), b"text")
        put(stocked, VirtualPath("/file.txt"), b"text")
        before = tree(stocked)
        stocked.rename(source, VirtualPath(target))
        expected = {
            f"{target}{path[len(source) :]}" if path == source or path.startswith(f"{source}/") else path: data
            for path, data in before.items()
        }
        expect(tree(stocked), dict(sorted(expected.items())), f"what is there after rename({source}, {target})")

    @pytest.mark.parametrize("path", [FILE, DIR, EMPTY], ids=["file", "directory", "empty directory"])
    @rule("FileSystem.rename")
    def test_rename_to_itself_does_nothing(self, stocked: FileSystem, path: VirtualPath) -> None:
        """RENAME: to rename something to the name it has is no error, and changes nothing."""
        needs(stocked, _RENAME)
        with unchanged(stocked, f"rename({path}, {path})"):
            stocked.rename(path, path)

    @rule("FileSystem.rename")
    def test_a_directory_moves_not_into_itself(self, stocked: FileSystem) -> None:
        """RENAME: a directory into itself, or over what is in it, is OSError(EINVAL)."""
        needs(stocked, _RENAME)
        stocked.make_dir(join_path(DIR, "below"))
        for target in ("/dir/x", "/dir/below", "/dir/below/x"):
            with refused(stocked, (), f"rename(/dir, {target})", errnos=(errno.EINVAL,)):
                stocked.rename(DIR, VirtualPath(target))

    @rule("FileSystem.rename")
    def test_nothing_takes_the_place_of_its_parents(self, stocked: FileSystem) -> None:
        """RENAME: over the directory that it is in nothing is moved: ENOTEMPTY, EISDIR, or without REPLACE EEXIST."""
        needs(stocked, _RENAME)
        below = join_path(DIR, "below")
        stocked.make_dir(below)
        errnos = (errno.ENOTEMPTY, errno.EISDIR, errno.EEXIST)
        for source in (INNER, below):
            with refused(stocked, (), f"rename({source}, /dir)", errnos=errnos):
                stocked.rename(source, DIR)

    @rule("FileSystem.rename")
    def test_the_root_is_not_renamed(self, stocked: FileSystem) -> None:
        """RENAME: the root stays where it is: PermissionError."""
        needs(stocked, _RENAME)
        with refused(stocked, PermissionError, "rename(/, /absent)"):
            stocked.rename(ROOT, ABSENT)

    @pytest.mark.parametrize("source", [FILE, EMPTY], ids=["file", "directory"])
    @rule("FileSystem.rename")
    def test_nothing_takes_the_place_of_the_root(self, stocked: FileSystem, source: VirtualPath) -> None:
        """RENAME: nothing is moved over the root: PermissionError."""
        needs(stocked, _RENAME)
        with refused(stocked, PermissionError, f"rename({source}, /)"):
            stocked.rename(source, ROOT)

    @pytest.mark.parametrize(
        ("source", "target"), [(FILE, OTHER), (FILE, EMPTY), (EMPTY, FILE), (DIR, EMPTY), (EMPTY, DIR)]
    )
    @rule("Capability.REPLACE")
    def test_rename_without_replace_refuses_what_exists(
        self, stocked: FileSystem, source: VirtualPath, target: VirtualPath
    ) -> None:
        """RENAME without REPLACE: FileExistsError for a target that exists, of any kind, and both stay."""
        needs(stocked, _RENAME)
        if Capability.REPLACE in stocked.capabilities:
            pytest.skip("not offered: RENAME without REPLACE")
        with refused(stocked, FileExistsError, f"rename({source}, {target}), which exists"):
            stocked.rename(source, target)

    @rule("Capability.REPLACE")
    def test_rename_replaces_files(self, stocked: FileSystem) -> None:
        """REPLACE: a file gives way to the one that is renamed to its name; none of its bytes stay."""
        needs(stocked, _REPLACE)
        stocked.rename(OTHER, FILE)
        expected = {path: data for path, data in STOCK.items() if path != "/other"} | {"/file": b"other"}
        expect(tree(stocked), expected, "what is there after rename(/other, /file)")
        expect(stocked.stat(FILE, follow=True).size, 5, "size after rename(/other, /file)")

    @pytest.mark.parametrize("source", [DIR, join_path(DIR, "below")], ids=["in use", "empty"])
    @rule("Capability.REPLACE")
    def test_rename_replaces_empty_directories(self, stocked: FileSystem, source: VirtualPath) -> None:
        """REPLACE: an empty directory gives way to a directory."""
        needs(stocked, _REPLACE)
        stocked.make_dir(join_path(DIR, "below"))
        below = tree(stocked, source)
        stocked.rename(source, EMPTY)
        moved = {path.replace(source, "/empty", 1): data for path, data in below.items()}
        expect(tree(stocked, EMPTY), moved, f"what is below /empty after rename({source}, /empty)")
        with raises(FileNotFoundError, f"stat({source}), which was renamed"):
            stocked.stat(source, follow=True)

    @pytest.mark.parametrize("target", [EMPTY, DIR], ids=["empty", "in use"])
    @rule("Capability.REPLACE")
    def test_a_file_replaces_no_directory(self, stocked: FileSystem, target: VirtualPath) -> None:
        """REPLACE: a file over a directory is IsADirectoryError, also when it is empty."""
        needs(stocked, _REPLACE)
        with refused(stocked, IsADirectoryError, f"rename(/file, {target}), a directory"):
            stocked.rename(FILE, target)

    @pytest.mark.parametrize("source", [EMPTY, DIR], ids=["empty", "in use"])
    @rule("Capability.REPLACE")
    def test_a_directory_replaces_no_file(self, stocked: FileSystem, source: VirtualPath) -> None:
        """REPLACE: a directory over a file is NotADirectoryError."""
        needs(stocked, _REPLACE)
        with refused(stocked, NotADirectoryError, f"rename({source}, /file), a file"):
            stocked.rename(source, FILE)

    @rule("Capability.REPLACE")
    def test_nothing_replaces_a_directory_in_use(self, stocked: FileSystem) -> None:
        """REPLACE: a directory over one with entries is OSError(ENOTEMPTY); they are neither merged nor lost."""
        needs(stocked, _REPLACE)
        with refused(stocked, (), "rename(/empty, /dir), which is in use", errnos=(errno.ENOTEMPTY,)):
            stocked.rename(EMPTY, DIR)

    @rule("Capability.RENAME")
    def test_rename_is_one_step(self, files: FileSystem) -> None:
        """RENAME: nobody, on any thread, sees both names of what is renamed, or none."""
        needs(files, _RENAME)
        names = [VirtualPath(f"/{number}") for number in range(_ROUNDS + 1)]
        put(files, names[0], b"x" * 100_000)
        seen: list[str] = []
        turns = _Turns()

        def rename() -> None:
            with turns:
                for old, new in pairwise(names):
                    turns.wait()
                    files.rename(old, new)
                    turns.wait()

        def watch() -> None:
            with turns:
                for old, new in pairwise(names):
                    turns.wait()
                    while not turns.broken:
                        at_new, at_old = _exists(files, new), _exists(files, old)
                        if at_new and at_old:
                            seen.append("both names")
                        at_old, at_new = _exists(files, old), _exists(files, new)
                        if not at_old and not at_new:
                            seen.append("neither name")
                        if seen or not at_old:
                            break
                    turns.wait()

        at_once([rename, watch])
        expect(seen, [], f"what another thread saw during {_ROUNDS} renames, other than one name")
        expect(_exists(files, names[-1]), True, f"{names[-1]} exists after {_ROUNDS} renames")

    @rule("Capability.REPLACE")
    def test_replacing_is_one_step(self, stocked: FileSystem) -> None:
        """REPLACE: the target is there all the time, first as the old file, then as the new one."""
        needs(stocked, _REPLACE)
        over = Event()
        missed: list[VirtualPath] = []

        def replace() -> None:
            try:
                for number in range(_ROUNDS):
                    put(stocked, ABSENT, str(number).encode())
                    stocked.rename(ABSENT, FILE)
            finally:
                over.set()

        def watch() -> None:
            while not over.is_set():
                if not _exists(stocked, FILE):
                    missed.append(FILE)

        at_once([replace, watch])
        expect(missed, [], f"when /file, which was replaced {_ROUNDS} times, was missing")
        expect(get(stocked, FILE), str(_ROUNDS - 1).encode(), f"content of /file, which was replaced {_ROUNDS} times")


def _exists(files: FileSystem, path: VirtualPath) -> bool:
    try:
        files.stat(path, follow=False)
    except FileNotFoundError:
        return False
    return True


class _Turns:
    """Two threads wait for each other; when one fails, or takes too long, the other ends, too."""

    def __init__(self) -> None:
        self._barrier = Barrier(2)

    def wait(self) -> None:
        self._barrier.wait(_PATIENCE)

    @property
    def broken(self) -> bool:
        return self._barrier.broken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if kind is not None:
            self._barrier.abort()
        return kind is BrokenBarrierError  # the error that made it so comes from the other thread
