"""Rules of making, removing and entering directories, and of removing files."""

from __future__ import annotations

import errno

import pytest

from ftpcore import VirtualPath, base_name, join_path
from ftpcore.ports import Capability, FileKind, FileSystem
from ftpcore_contracts._refusals import refused, unchanged
from ftpcore_contracts._rules import expect, needs, raises, rule
from ftpcore_contracts._trees import ABSENT, DIR, EMPTY, FILE, INNER, ROOT, STOCK, get, listing, put, tree

__all__ = ["Directories"]

#: Deeper than any limit to the number of components that is not one to the length of the path.
_DEPTH = 40


class Directories:
    """directories"""

    @rule("FileInfo.name")
    def test_the_root_is_a_directory(self, stocked: FileSystem) -> None:
        """The root is a directory, is named "/", and may be entered."""
        for follow in (True, False):
            info = stocked.stat(ROOT, follow=follow)
            expect((info.name, info.kind), ("/", FileKind.DIRECTORY), f"name and kind of stat(/, follow={follow})")
        stocked.enter_dir(ROOT)

    @rule("FileSystem.make_dir")
    def test_make_dir_makes_an_empty_directory(self, stocked: FileSystem) -> None:
        """WRITE: `make_dir` makes a directory that is empty, is listed, can be entered, and takes entries."""
        needs(stocked, Capability.WRITE)
        stocked.make_dir(ABSENT)
        expect(stocked.stat(ABSENT, follow=True).kind, FileKind.DIRECTORY, "kind of what make_dir(/absent) made")
        stocked.enter_dir(ABSENT)
        expect(tree(stocked), dict(sorted({**STOCK, "/absent/": b""}.items())), "what is there after make_dir(/absent)")
        put(stocked, join_path(ABSENT, "new"), b"new")
        expect(get(stocked, join_path(ABSENT, "new")), b"new", "content of a file in a directory just made")

    @rule("RFC 959 4.1.3, MKD")
    def test_make_dir_makes_one_directory(self, stocked: FileSystem) -> None:
        """WRITE: `make_dir` makes no parents: FileNotFoundError, and nothing is made."""
        needs(stocked, Capability.WRITE)
        with refused(stocked, FileNotFoundError, "make_dir(/absent/x), where /absent is missing"):
            stocked.make_dir(join_path(ABSENT, "x"))

    @pytest.mark.parametrize("path", [DIR, EMPTY, FILE, ROOT], ids=["in use", "empty", "file", "root"])
    @rule("RFC 959 4.1.3, MKD")
    def test_make_dir_refuses_what_exists(self, stocked: FileSystem, path: VirtualPath) -> None:
        """WRITE: where there is something, `make_dir` raises FileExistsError, and what was there stays."""
        needs(stocked, Capability.WRITE)
        with refused(stocked, FileExistsError, f"make_dir({path}), which exists"):
            stocked.make_dir(path)

    @rule("FileSystem.remove_dir")
    def test_remove_dir_removes_one_directory(self, stocked: FileSystem) -> None:
        """WRITE: `remove_dir` removes an empty directory and nothing else."""
        needs(stocked, Capability.WRITE)
        stocked.remove_dir(EMPTY)
        kept = {path: data for path, data in STOCK.items() if path != "/empty/"}
        expect(tree(stocked), kept, "what is there after remove_dir(/empty)")
        with raises(FileNotFoundError, "stat of a directory that was removed"):
            stocked.stat(EMPTY, follow=False)

    @pytest.mark.parametrize(
        "entry",
        [
            pytest.param("inner", id="file"),
            pytest.param(".hidden", id="dot-file"),
            pytest.param("below/", id="empty directory"),
        ],
    )
    @rule("FileSystem.remove_dir")
    def test_remove_dir_refuses_one_in_use(self, stocked: FileSystem, entry: str) -> None:
        """WRITE: a directory with any entry stays: OSError(ENOTEMPTY)."""
        needs(stocked, Capability.WRITE)
        path = join_path(EMPTY, entry.rstrip("/"))
        if entry.endswith("/"):
            stocked.make_dir(path)
        else:
            put(stocked, path, b"")
        with refused(stocked, (), f"remove_dir(/empty) with {entry} in it", errnos=(errno.ENOTEMPTY,)):
            stocked.remove_dir(EMPTY)

    @rule("FileSystem.remove_dir")
    def test_remove_dir_refuses_files(self, stocked: FileSystem) -> None:
        """WRITE: `remove_dir` of a file raises NotADirectoryError, and the file stays."""
        needs(stocked, Capability.WRITE)
        with refused(stocked, NotADirectoryError, "remove_dir(/file)"):
            stocked.remove_dir(FILE)

    @rule("FileSystem.remove_dir")
    def test_the_root_is_not_removed(self, stocked: FileSystem) -> None:
        """WRITE: `remove_dir` of the root raises PermissionError, whatever is in it."""
        needs(stocked, Capability.WRITE)
        with refused(stocked, PermissionError, "remove_dir(/)"):
            stocked.remove_dir(ROOT)

    @rule("FileSystem.remove_dir")
    def test_an_empty_root_is_not_removed(self, files: FileSystem) -> None:
        """WRITE: `remove_dir` of the root raises PermissionError, also when it is empty, and the root takes entries."""
        needs(files, Capability.WRITE)
        with refused(files, PermissionError, "remove_dir(/), which is empty"):
            files.remove_dir(ROOT)
        put(files, FILE, b"x")
        expect(get(files, FILE), b"x", "content of a file that was stored after remove_dir(/)")

    @rule("RFC 959 4.1.3, DELE")
    def test_remove_file_removes_one_file(self, stocked: FileSystem) -> None:
        """WRITE: `remove_file` removes the file and nothing else."""
        needs(stocked, Capability.WRITE)
        stocked.remove_file(FILE)
        kept = {path: data for path, data in STOCK.items() if path != FILE}
        expect(tree(stocked), kept, "what is there after remove_file(/file)")
        with raises(FileNotFoundError, "stat of a file that was removed"):
            stocked.stat(FILE, follow=False)

    @pytest.mark.parametrize("path", [EMPTY, DIR, ROOT], ids=["empty", "in use", "root"])
    @rule("FileSystem.remove_file")
    def test_remove_file_refuses_directories(self, stocked: FileSystem, path: VirtualPath) -> None:
        """WRITE: `remove_file` never removes a directory: IsADirectoryError or PermissionError."""
        needs(stocked, Capability.WRITE)
        with refused(stocked, (IsADirectoryError, PermissionError), f"remove_file({path}), a directory"):
            stocked.remove_file(path)

    @rule("FileSystem.make_dir")
    def test_a_directory_outlives_its_entries(self, stocked: FileSystem) -> None:
        """WRITE: a directory stays when its last entry is removed."""
        needs(stocked, Capability.WRITE)
        stocked.remove_file(INNER)
        expect(listing(stocked, DIR), {}, "the listing of /dir, whose last entry was removed")
        stocked.make_dir(join_path(DIR, "below"))
        stocked.remove_dir(join_path(DIR, "below"))
        expect(stocked.stat(DIR, follow=True).kind, FileKind.DIRECTORY, "kind of /dir, whose last entry was removed")
        expect("dir" in listing(stocked), True, "/dir, whose last entry was removed, is listed")

    @pytest.mark.parametrize("path", [DIR, EMPTY], ids=["in use", "empty"])
    @rule("FileSystem.enter_dir")
    def test_enter_dir_takes_directories(self, stocked: FileSystem, path: VirtualPath) -> None:
        """`enter_dir` of a directory raises nothing and changes nothing."""
        with unchanged(stocked, f"enter_dir({path})"):
            stocked.enter_dir(path)

    @rule("FileSystem.enter_dir")
    def test_enter_dir_refuses_files(self, stocked: FileSystem) -> None:
        """`enter_dir` of a file raises NotADirectoryError."""
        with raises(NotADirectoryError, "enter_dir(/file)"):
            stocked.enter_dir(FILE)

    @rule("VirtualPath")
    def test_enter_dir_is_not_remembered(self, stocked: FileSystem) -> None:
        """Every path counts from the root: a filesystem has no current directory."""
        stocked.enter_dir(DIR)
        expect(stocked.stat(FILE, follow=True).size, 10, "size of /file after enter_dir(/dir)")
        expect(set(listing(stocked)), {"dir", "empty", "file", "other"}, "the listing of / after enter_dir(/dir)")
        with raises(FileNotFoundError, "stat(/inner) after enter_dir(/dir)"):
            stocked.stat(VirtualPath("/inner"), follow=True)

    @rule("FileSystem.make_dir")
    def test_directories_nest(self, files: FileSystem) -> None:
        """WRITE: a directory takes directories, 40 levels deep at least, and each is removed again."""
        needs(files, Capability.WRITE)
        made = []
        path = ROOT
        for _ in range(_DEPTH):
            path = join_path(path, "deep")
            files.make_dir(path)
            made.append(path)
        put(files, join_path(path, "file"), b"deep")
        expect(get(files, join_path(path, "file")), b"deep", f"content of a file below {_DEPTH} directories")
        files.remove_file(join_path(path, "file"))
        for path in reversed(made):
            expect(listing(files, path), {}, f"the listing of {path}, whose entry was removed")
            files.remove_dir(path)
        expect(tree(files), {}, "what is there when all directories are removed")

    @rule("VirtualPath")
    def test_directories_that_begin_alike_are_apart(self, files: FileSystem) -> None:
        """WRITE: what is done to /dir does not touch /dir2 or /dir.txt, and makes no /di."""
        needs(files, Capability.WRITE)
        for path in ("/dir", "/dir2"):
            files.make_dir(VirtualPath(path))
        put(files, VirtualPath("/dir2/inner"), b"inner")
        put(files, VirtualPath("/dir.txt"), b"text")
        expect(listing(files, DIR), {}, "the listing of /dir, with files in /dir2")
        with raises(FileNotFoundError, "stat(/di), where there are /dir and /dir2"):
            files.stat(VirtualPath("/di"), follow=True)
        files.remove_dir(DIR)
        kept = {"/dir.txt": b"text", "/dir2/": b"", "/dir2/inner": b"inner"}
        expect(tree(files), kept, "what is there after remove_dir(/dir)")
        with raises(FileNotFoundError, "stat(/dir), where there are /dir2 and /dir.txt"):
            files.stat(DIR, follow=True)

    @rule("FileSystem.stat")
    def test_a_name_is_free_again(self, stocked: FileSystem) -> None:
        """WRITE: what is removed can be made again, also as another kind, and is then what was made last."""
        needs(stocked, Capability.WRITE)
        stocked.remove_file(FILE)
        stocked.make_dir(FILE)
        stocked.remove_dir(EMPTY)
        put(stocked, EMPTY, b"file now")
        for path, kind in ((FILE, FileKind.DIRECTORY), (EMPTY, FileKind.FILE)):
            expect(stocked.stat(path, follow=True).kind, kind, f"kind of {path}, which was the other kind before")
            expect(listing(stocked)[base_name(path)].kind, kind, f"kind in the listing of {path}")
        expect(get(stocked, EMPTY), b"file now", "content of a file that was a directory before")

    @rule("FileSystem.scan_dir")
    def test_changes_are_seen_by_the_next_call(self, stocked: FileSystem) -> None:
        """WRITE: what a call changed, the next call sees, whatever was looked at before."""
        needs(stocked, Capability.WRITE)
        inside = join_path(DIR, "new")

        def look() -> tuple[set[str], set[str]]:
            return set(listing(stocked)), set(listing(stocked, DIR))

        expect(look(), ({"dir", "empty", "file", "other"}, {"inner"}), "listings of / and /dir")
        stocked.make_dir(ABSENT)
        put(stocked, inside, b"new")
        expect(
            look(),
            ({"absent", "dir", "empty", "file", "other"}, {"inner", "new"}),
            "listings of / and /dir after make_dir(/absent) and storing /dir/new",
        )
        put(stocked, inside, b"longer")
        expect(stocked.stat(inside, follow=True).size, 6, "size after the file was replaced")
        expect(listing(stocked, DIR)["new"].size, 6, "size in the listing after the file was replaced")
        stocked.remove_dir(ABSENT)
        stocked.remove_file(inside)
        expect(
            look(),
            ({"dir", "empty", "file", "other"}, {"inner"}),
            "listings of / and /dir after both were removed",
        )
