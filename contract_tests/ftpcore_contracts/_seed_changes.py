"""Rules of `mkdir`, `rmdir`, `remove`, `rename`, `chmod` and `utime`."""

from __future__ import annotations

import os
import stat

import pytest

from ftpcore_contracts._rules import expect, rule
from ftpcore_contracts._seed_tree import (
    ABSENT,
    DIR,
    FILE,
    INNER,
    REFUSALS,
    STOCK,
    MakeLink,
    SeedStyleFileSystem,
    content,
    names,
    real,
    refused,
    stored,
    tree,
)

__all__ = ["Changes"]


class Changes:
    """changes"""

    @rule("AbstractedFS.mkdir")
    def test_mkdir_makes_an_empty_directory(self, stocked: SeedStyleFileSystem) -> None:
        """`mkdir` makes one directory, empty, that takes files."""
        stocked.mkdir(real(stocked, ABSENT))
        expect(tree(stocked), dict(sorted({**STOCK, "absent/": b""}.items())), "what is there after mkdir('absent')")
        stored(stocked, "absent/x", b"x")
        expect(content(stocked, "absent/x"), b"x", "content of a file in a directory just made")

    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            pytest.param(DIR, FileExistsError, id="a directory"),
            pytest.param(FILE, FileExistsError, id="a file"),
            pytest.param("absent/x", FileNotFoundError, id="no parent"),
            pytest.param("file/x", NotADirectoryError, id="below a file"),
        ],
    )
    @rule("AbstractedFS.mkdir")
    def test_mkdir_is_refused(self, stocked: SeedStyleFileSystem, path: str, kind: type[OSError]) -> None:
        """`mkdir` raises, and makes nothing, where there is something, or no directory to make it in."""
        with refused(stocked, f"mkdir({path!r})", kind):
            stocked.mkdir(real(stocked, path))

    @rule("AbstractedFS.rmdir")
    def test_rmdir_removes_an_empty_directory(self, stocked: SeedStyleFileSystem) -> None:
        """`rmdir` removes an empty directory and nothing else."""
        stocked.rmdir(real(stocked, "empty"))
        kept = {path: data for path, data in STOCK.items() if path != "empty/"}
        expect(tree(stocked), kept, "what is there after rmdir('empty')")

    @pytest.mark.parametrize(
        ("path", "kinds"),
        [
            pytest.param(DIR, (OSError,), id="in use"),
            pytest.param(FILE, (NotADirectoryError,), id="a file"),
            pytest.param(ABSENT, (FileNotFoundError,), id="missing"),
        ],
    )
    @rule("AbstractedFS.rmdir")
    def test_rmdir_is_refused(self, stocked: SeedStyleFileSystem, path: str, kinds: tuple[type[OSError], ...]) -> None:
        """`rmdir` raises, and removes nothing, where there is no empty directory."""
        with refused(stocked, f"rmdir({path!r})", kinds):
            stocked.rmdir(real(stocked, path))

    @rule("AbstractedFS.remove")
    def test_remove_removes_a_file(self, stocked: SeedStyleFileSystem) -> None:
        """`remove` removes one file and nothing else."""
        stocked.remove(real(stocked, FILE))
        kept = {path: data for path, data in STOCK.items() if path != FILE}
        expect(tree(stocked), kept, "what is there after remove('file')")

    @pytest.mark.parametrize("path", [DIR, "empty", ABSENT], ids=["directory", "empty directory", "missing"])
    @rule("AbstractedFS.remove")
    def test_remove_is_refused(self, stocked: SeedStyleFileSystem, path: str) -> None:
        """`remove` raises, and removes nothing, where there is no file: a directory is for `rmdir`."""
        with refused(stocked, f"remove({path!r})"):
            stocked.remove(real(stocked, path))

    @pytest.mark.parametrize("target", ["file", "dir", "absent"])
    @rule("AbstractedFS.remove")
    def test_remove_removes_the_link(self, stocked: SeedStyleFileSystem, link: MakeLink, target: str) -> None:
        """`remove` removes a link, never what it leads to."""
        link(real(stocked, "link"), target)
        stocked.remove(real(stocked, "link"))
        expect(tree(stocked), dict(STOCK), f"what is there after remove of a link that holds {target!r}")

    @pytest.mark.parametrize(
        ("source", "target", "gone", "new"),
        [
            pytest.param(FILE, ABSENT, {FILE}, {ABSENT: STOCK[FILE]}, id="file to a new name"),
            pytest.param(FILE, "empty/x", {FILE}, {"empty/x": STOCK[FILE]}, id="file into a directory"),
            pytest.param(DIR, ABSENT, {"dir/", INNER}, {"absent/": b"", "absent/inner": b"inner"}, id="directory"),
            pytest.param(INNER, ".x", {INNER}, {".x": b"inner"}, id="to a hidden name"),
        ],
    )
    @rule("AbstractedFS.rename")
    def test_rename_moves(
        self, stocked: SeedStyleFileSystem, source: str, target: str, gone: set[str], new: dict[str, bytes]
    ) -> None:
        """`rename` moves a file, or a directory with all that is in it; nothing stays at the old name."""
        stocked.rename(real(stocked, source), real(stocked, target))
        kept = {path: data for path, data in STOCK.items() if path not in gone}
        expect(tree(stocked), dict(sorted((kept | new).items())), f"what is there after rename({source!r}, {target!r})")

    @rule("AbstractedFS.rename")
    def test_rename_keeps_the_file(self, stocked: SeedStyleFileSystem) -> None:
        """What was renamed is the same file and no copy: it has its time and, where there is one, its number."""
        stocked.utime(real(stocked, FILE), 1_000_000_000)
        before = stocked.stat(real(stocked, FILE))
        stocked.rename(real(stocked, FILE), real(stocked, ABSENT))
        after = stocked.stat(real(stocked, ABSENT))
        expect(int(after.st_mtime), 1_000_000_000, "st_mtime after rename")
        expect(getattr(after, "st_ino", 0), getattr(before, "st_ino", 0), "st_ino after rename")

    @pytest.mark.parametrize(
        ("source", "target"),
        [(ABSENT, "x"), (FILE, "absent/x"), (FILE, DIR), (DIR, FILE), (DIR, "dir/below")],
        ids=["missing", "no parent", "file over directory", "directory over file", "into itself"],
    )
    @rule("AbstractedFS.rename")
    def test_rename_is_refused(self, stocked: SeedStyleFileSystem, source: str, target: str) -> None:
        """What can't be renamed raises, and stays where it is."""
        with refused(stocked, f"rename({source!r}, {target!r})"):
            stocked.rename(real(stocked, source), real(stocked, target))

    @pytest.mark.parametrize("target", ["file", "dir", "absent"])
    @rule("AbstractedFS.rename")
    def test_rename_renames_the_link(self, stocked: SeedStyleFileSystem, link: MakeLink, target: str) -> None:
        """`rename` moves a link as it is."""
        link(real(stocked, "link"), target)
        stocked.rename(real(stocked, "link"), real(stocked, "moved"))
        expect(stocked.islink(real(stocked, "moved")), True, f"islink of a renamed link that holds {target!r}")
        expect(tree(stocked), dict(sorted({**STOCK, "moved": b""}.items())), "what is there after a link was renamed")

    @pytest.mark.parametrize("path", [FILE, DIR])
    @rule("AbstractedFS.chmod")
    def test_chmod_sets_the_mode(self, stocked: SeedStyleFileSystem, path: str) -> None:
        """`chmod` sets the permission bits and nothing else; a filesystem that has none raises NotImplementedError."""
        before = stocked.stat(real(stocked, path)).st_mode
        try:
            stocked.chmod(real(stocked, path), 0o740)
        except NotImplementedError:
            pytest.skip("not offered: MODE")
        after = stocked.stat(real(stocked, path)).st_mode
        expect(oct(after), oct(stat.S_IFMT(before) | 0o740), f"st_mode after chmod({path!r}, 0o740)")

    @rule("AbstractedFS.chmod")
    def test_chmod_is_refused(self, stocked: SeedStyleFileSystem) -> None:
        """For what is missing `chmod` raises."""
        with refused(stocked, "chmod of what is missing", (OSError, NotImplementedError)):
            stocked.chmod(real(stocked, ABSENT), 0o600)

    @pytest.mark.parametrize("path", [FILE, DIR])
    @pytest.mark.parametrize("seconds", [0, 1_000_000_000, 1_700_000_000.0], ids=str)
    @rule("AbstractedFS.utime")
    def test_utime_sets_the_times(self, stocked: SeedStyleFileSystem, path: str, seconds: float) -> None:
        """`utime` sets the times of modification and access, in seconds since 1970-01-01 UTC."""
        stocked.utime(real(stocked, path), seconds)
        status = stocked.stat(real(stocked, path))
        expect(int(status.st_mtime), int(seconds), f"st_mtime after utime({path!r}, {seconds})")
        expect(int(getattr(status, "st_atime", seconds)), int(seconds), f"st_atime after utime({path!r}, {seconds})")
        expect(int(stocked.getmtime(real(stocked, path))), int(seconds), f"getmtime after utime({path!r}, {seconds})")

    @rule("AbstractedFS.utime")
    def test_utime_is_refused(self, stocked: SeedStyleFileSystem) -> None:
        """For what is missing `utime` raises, and makes nothing."""
        with refused(stocked, "utime of what is missing"):
            stocked.utime(real(stocked, ABSENT), 0)

    @pytest.mark.parametrize(
        "name",
        [
            " a  b ",
            "quo\"te'",
            "-rf",
            "...",
            ".x",
            "*[a]?",
            "un été",
            "e\u0301",
            "\udce9\udcff",
            "a;b=c",
            "new\nline",
            "n" * 200,
        ],
        ids=ascii,
    )
    @rule("AbstractedFS.listdir")
    def test_names_are_kept(self, fs: SeedStyleFileSystem, name: str) -> None:
        """A name comes back from `listdir` as it was made, and what it names can be read, renamed and removed; one that
        the filesystem can't hold is refused when it is made, never changed.
        """
        try:
            stored(fs, name, b"x")
        except (*REFUSALS, UnicodeError):
            expect(names(fs), [], f"names after {name!r} was refused")
            return
        expect(names(fs), [name], f"names after {name!r} was stored")
        expect(content(fs, name), b"x", f"content of {name!r}")
        fs.rename(real(fs, name), real(fs, "x"))
        fs.mkdir(real(fs, name))
        fs.rename(real(fs, "x"), real(fs, f"{name}/{name}"))
        expect(tree(fs), {f"{name}/": b"", f"{name}/{name}": b"x"}, f"what is there, of names {name!r}")
        fs.remove(os.path.join(real(fs, name), name))
        fs.rmdir(real(fs, name))
        expect(names(fs), [], f"names after {name!r} was removed")
