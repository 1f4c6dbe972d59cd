"""Rules of `ftpnorm`, `ftp2fs`, `fs2ftp`, `realpath`, `chdir`, and of the attributes `root` and `cwd`."""

from __future__ import annotations

import os

import pytest

from ftpcore_contracts._rules import broken, expect, rule
from ftpcore_contracts._seed_tree import (
    ABSENT,
    DIR,
    FILE,
    INNER,
    MakeLink,
    SeedStyleFileSystem,
    content,
    names,
    real,
    refused,
)

__all__ = ["Paths"]

#: What a client types below its current directory -> the path that this is from there.
_TYPED = {
    "": "",
    ".": "",
    "x": "x",
    "x/": "x",
    "x//y": "x/y",
    "./x/./y": "x/y",
    "x/../y": "y",
    "x/..": "",
    " b ": " b ",
    "...": "...",
    ".x": ".x",
    "-la": "-la",
    "*[a]?": "*[a]?",
    "a\\b": "a\\b",
    "un été": "un été",
    "e\u0301": "e\u0301",
    "\udcff": "\udcff",
}


class Paths:
    """paths"""

    @pytest.mark.parametrize(("typed", "below"), _TYPED.items(), ids=ascii)
    @rule("AbstractedFS.ftpnorm")
    def test_ftpnorm_counts_from_the_current_directory(self, fs: SeedStyleFileSystem, typed: str, below: str) -> None:
        """`ftpnorm` returns the absolute FTP path of what a client typed, without ".", "..", blank components and a
        slash at the end; every other character stays.
        """
        if os.sep == "\\" and "\\" in typed:
            pytest.skip("a backslash separates here")
        expected = f"{fs.cwd.rstrip('/')}/{below}" if below else fs.cwd
        expect(fs.ftpnorm(typed), expected, f"ftpnorm({typed!r}) in {fs.cwd!r}")

    @pytest.mark.parametrize(
        ("typed", "expected"),
        [("/", "/"), ("/x", "/x"), ("/x/y/", "/x/y"), ("//x", "/x"), ("///x//y", "/x/y"), ("/x/../y/.", "/y")],
    )
    @rule("AbstractedFS.ftpnorm")
    def test_ftpnorm_takes_absolute_paths(self, fs: SeedStyleFileSystem, typed: str, expected: str) -> None:
        """A path that begins with a slash, or several, is absolute."""
        expect(fs.ftpnorm(typed), expected, f"ftpnorm({typed!r})")

    @pytest.mark.parametrize("typed", ["/..", "/../..", "../" * 60, "/x/../../..", "/./../."])
    @rule("AbstractedFS.ftpnorm")
    def test_ftpnorm_stays_below_the_root(self, fs: SeedStyleFileSystem, typed: str) -> None:
        """ ".." never leads above "/"."""
        expect(fs.ftpnorm(typed), "/", f"ftpnorm({typed!r})")

    @pytest.mark.parametrize("typed", [*_TYPED, "/", "/x", "//x/../y", "/../x", "../" * 60], ids=ascii)
    @rule("AbstractedFS.ftp2fs")
    def test_ftp2fs_takes_what_a_client_typed(self, fs: SeedStyleFileSystem, typed: str) -> None:
        """`ftp2fs` takes any path as a client typed it: it leads where the normal one does."""
        expect(fs.ftp2fs(typed), fs.ftp2fs(fs.ftpnorm(typed)), f"ftp2fs({typed!r}), compared with the normal path")

    @rule("AbstractedFS.ftp2fs")
    def test_ftp2fs_tells_paths_apart(self, fs: SeedStyleFileSystem) -> None:
        """Different paths are different real paths, and what is below one is below the other."""
        found = {path: fs.ftp2fs(path) for path in ("", "x", "x/y", "X", "y", " x", "x ")}
        expect(len(set(found.values())), len(found), f"different ones among {found}")
        expect(os.path.dirname(found["x/y"]), found["x"], "directory of ftp2fs('x/y'), compared with ftp2fs('x')")

    @pytest.mark.parametrize("path", ["", "x", "x/y", FILE, DIR, INNER, " b ", "un été", "\udcff"], ids=ascii)
    @rule("AbstractedFS.fs2ftp")
    def test_fs2ftp_is_the_way_back(self, stocked: SeedStyleFileSystem, path: str) -> None:
        """`fs2ftp` returns the FTP path that `ftp2fs` took, whether something is there or not."""
        expect(stocked.fs2ftp(real(stocked, path)), stocked.ftpnorm(path), f"fs2ftp(ftp2fs({path!r}))")

    @rule("AbstractedFS.fs2ftp")
    def test_fs2ftp_takes_a_relative_path_below_the_root(self, confined: SeedStyleFileSystem) -> None:
        """A real path that is not absolute counts from `root`."""
        expect(confined.fs2ftp(os.path.join("x", "y")), "/x/y", "fs2ftp of a relative path")

    @rule("AbstractedFS.chdir")
    def test_chdir_moves_the_client(self, stocked: SeedStyleFileSystem) -> None:
        """`chdir` makes a directory, given by its real path, the current one: `cwd` is its FTP path, and names count
        from there.
        """
        start, below = stocked.cwd, stocked.ftpnorm(DIR)
        stocked.chdir(real(stocked, DIR))
        expect(stocked.cwd, below, "cwd after chdir")
        expect(names(stocked), ["inner"], "names in the current directory after chdir")
        expect(content(stocked, "inner"), b"inner", "content of a file of the current directory after chdir")
        stocked.chdir(real(stocked, ".."))
        expect(stocked.cwd, start, "cwd after chdir back")

    @pytest.mark.parametrize(
        ("path", "kind"), [(ABSENT, FileNotFoundError), (FILE, NotADirectoryError)], ids=["missing", "file"]
    )
    @rule("AbstractedFS.chdir")
    def test_chdir_refuses_what_is_no_directory(
        self, stocked: SeedStyleFileSystem, path: str, kind: type[OSError]
    ) -> None:
        """`chdir` raises, and `cwd` stays, where there is no directory."""
        before = stocked.cwd
        with refused(stocked, f"chdir to {path!r}", kind):
            stocked.chdir(real(stocked, path))
        expect(stocked.cwd, before, f"cwd after chdir to {path!r} was refused")

    @rule("AbstractedFS.chdir")
    def test_chdir_leaves_the_process_where_it_is(self, stocked: SeedStyleFileSystem) -> None:
        """The working directory of the process, which all sessions share, never changes."""
        before = os.getcwd()
        stocked.chdir(real(stocked, DIR))
        expect(os.getcwd(), before, "working directory of the process after chdir")

    @rule("AbstractedFS.cwd")
    def test_cwd_may_be_assigned(self, stocked: SeedStyleFileSystem) -> None:
        """`cwd` is an FTP path that may be set, to what need not exist; names count from there."""
        expected = stocked.ftpnorm("dir/x")
        stocked.cwd = stocked.ftpnorm(DIR)
        expect(stocked.ftpnorm("x"), expected, "ftpnorm('x') after cwd was set")
        stocked.cwd = stocked.ftpnorm("nowhere")
        expect(stocked.ftpnorm(""), stocked.cwd, "ftpnorm('') after cwd was set to what does not exist")

    @rule("AbstractedFS.root")
    def test_root_may_be_assigned(self, confined: SeedStyleFileSystem) -> None:
        """`root` is a real path that may be set; "/" is there from then on."""
        confined.root = real(confined, DIR)
        confined.cwd = "/"
        expect(names(confined, "/"), ["inner"], "names in / after root was set")
        expect(confined.fs2ftp(real(confined, "/inner")), "/inner", "fs2ftp(ftp2fs('/inner')) after root was set")
        if confined.validpath(os.path.dirname(confined.root)):
            broken("validpath of the former root", expected="False, once a directory in it is the root", came=True)

    @rule("AbstractedFS.realpath")
    def test_realpath_is_one_for_all_names(self, stocked: SeedStyleFileSystem, link: MakeLink) -> None:
        """`realpath` returns the same for every way to one object, links followed, also below what is missing."""
        link(real(stocked, "to_file"), "file")
        link(real(stocked, "to_dir"), "dir")
        for path, same in ((("to_file"), FILE), ("to_dir/inner", INNER), ("to_dir/absent", "dir/absent")):
            expect(
                stocked.realpath(real(stocked, path)), stocked.realpath(real(stocked, same)), f"realpath of {path!r}"
            )
        one, other = stocked.realpath(real(stocked, FILE)), stocked.realpath(real(stocked, INNER))
        expect(one == other, False, "whether realpath of two files is the same")
