"""Patterns in NLST and LIST, and `LIST -R`."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from ftpcore import CloseScan, FileInfo, FileKind, LaneName, ScanDir, SendData, VirtualPath, resolve
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem


@pytest.fixture
def tree(fs: MemoryFileSystem) -> ScriptedHost:
    for name in (
        "/a.txt",
        "/b.txt",
        "/c.dat",
        "/.hidden.txt",
        "/[x].txt",
        "/d/a.txt",
        "/d/e/f.txt",
        "/g/a.txt",
        "/g/*",
    ):
        parent = name.rpartition("/")[0]
        for depth in range(2, parent.count("/") + 2):
            directory = "/".join(parent.split("/")[:depth])
            if directory + "/" not in fs.tree():
                fs.make_dir(directory)  # type: ignore[arg-type]  # a literal virtual path
        fs.write_bytes(name, b"")
    return ScriptedHost(SingleUser(fs)).login()


def listed(host: ScriptedHost, command: bytes) -> list[str]:
    host.feed(b"EPSV\r\n").connect().feed(command + b"\r\n")
    assert host.codes() == [229, 125, 226]
    return host.downloads[-1].decode("utf-8", "surrogateescape").split("\r\n")[:-1]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        pytest.param("*.txt", ["[x].txt", "a.txt", "b.txt"], id="a star, but not for a leading dot"),
        pytest.param(".*", [".hidden.txt"], id="a dot that was typed"),
        pytest.param("?.txt", ["a.txt", "b.txt"], id="a question mark"),
        pytest.param("[a-b].*", ["a.txt", "b.txt"], id="a range"),
        pytest.param("[!a]*.txt", ["[x].txt", "b.txt"], id="none of these"),
        pytest.param("d/*", ["d/a.txt", "d/e"], id="the directory is kept as it was typed"),
        pytest.param("/d/*.txt", ["/d/a.txt"], id="from the root"),
        pytest.param("*/a.txt", ["d/a.txt", "g/a.txt"], id="a pattern for directories"),
        pytest.param("*/*/*", ["d/e/f.txt"], id="three levels"),
        pytest.param("[x].txt", ["[x].txt"], id="M-06 a name that looks like a pattern is a name first"),
        pytest.param("g/*", ["g/*"], id="M-06 so is a star"),
    ],
)
def test_nlst_expands_patterns_to_names_that_retr_takes(tree: ScriptedHost, pattern: str, names: list[str]) -> None:
    assert listed(tree, b"NLST " + pattern.encode()) == names


def test_list_expands_patterns(tree: ScriptedHost) -> None:
    assert [line.split()[-1] for line in listed(tree, b"LIST -la *b.t?t")] == ["b.txt"]


@pytest.mark.parametrize("command", [b"NLST *.zip", b"LIST nowhere/*", b"LIST c.dat/*", b"NLST [z-a]"])
def test_a_pattern_that_stands_for_nothing_is_550(tree: ScriptedHost, command: bytes) -> None:
    assert tree.feed(b"EPSV\r\n" + command + b"\r\n").codes() == [229, 550]


def test_a_pattern_does_not_look_at_more_than_its_limit(fs: MemoryFileSystem) -> None:
    for number in range(10_001):
        fs.write_bytes(f"/{number}", b"")
    host = ScriptedHost(SingleUser(fs)).login()
    assert host.feed(b"EPSV\r\nNLST *1\r\n").codes() == [229, 550]


def test_a_right_that_is_missing_hides_a_directory_from_patterns(fs: MemoryFileSystem) -> None:
    class Partly(SingleUser):
        def check_permission(self, account: object, letter: str, path: str, /) -> bool:
            return not path.startswith("/secret")

    fs.make_dir("/secret")  # type: ignore[arg-type]  # a literal virtual path
    fs.write_bytes("/secret/a", b"")
    authorizer = Partly(fs)
    object.__setattr__(authorizer.account, "rights_vary", True)
    host = ScriptedHost(authorizer).login()
    assert host.feed(b"EPSV\r\nNLST */a\r\n").codes() == [229, 550]
    assert listed(host, b"LIST -R") != []
    assert b"secret:" not in host.downloads[-1]


def test_no_pattern_makes_matching_run_wild(fs: MemoryFileSystem) -> None:
    fs.write_bytes("/" + "a" * 250, b"")
    host = ScriptedHost(SingleUser(fs)).login()
    # A naive expression would take longer than the universe: the time limit of each test would end this one.
    assert host.feed(b"EPSV\r\nNLST " + b"a*" * 100 + b"b\r\n").codes() == [229, 550]


def test_list_r_shows_the_tree_in_order(tree: ScriptedHost) -> None:
    lines = listed(tree, b"LIST -R")
    heads = [line for line in lines if line.endswith(":")]
    assert heads == ["d:", "d/e:", "g:"]
    assert lines[lines.index("d/e:") - 1] == ""
    assert lines[lines.index("d/e:") + 1].endswith(" f.txt")


def test_list_r_of_a_file_is_its_line(tree: ScriptedHost) -> None:
    assert len(listed(tree, b"LIST -lR a.txt")) == 1


def test_list_r_goes_on_when_a_directory_went_away(tree: ScriptedHost, fs: MemoryFileSystem) -> None:
    tree.window = 0
    tree.feed(b"EPSV\r\n").connect().feed(b"LIST -R\r\n")
    fs.rename("/d", "/moved")  # type: ignore[arg-type]  # literal virtual paths
    tree.window = None
    tree.pump()
    assert tree.codes() == [229, 125, 226]
    assert b"g:\r\n" in tree.downloads[-1]
    assert b"d:\r\n" not in tree.downloads[-1]


def test_abor_ends_list_r(tree: ScriptedHost) -> None:
    tree.window = 10
    tree.feed(b"EPSV\r\n").connect().feed(b"LIST -R\r\nABOR\r\n")
    assert tree.codes() == [229, 125, 426, 226]


def test_list_r_asks_for_large_directories_in_pages(fs: MemoryFileSystem) -> None:
    fs.make_dir("/big")  # type: ignore[arg-type]  # a literal virtual path
    for number in range(3000):
        fs.write_bytes(f"/big/{number}", b"")
    host = ScriptedHost(SingleUser(fs)).login()
    assert len(listed(host, b"LIST -R")) == 3000 + 3
    assert len(host.performed(ScanDir)) == 2


def test_a_pattern_gives_up_at_its_limit_in_the_middle_of_a_directory(fs: MemoryFileSystem) -> None:
    for number in range(12_000):
        fs.write_bytes(f"/{number}", b"")
    host = ScriptedHost(SingleUser(fs)).login()
    assert host.feed(b"EPSV\r\nNLST *1\r\n").codes() == [229, 550]
    assert len(host.performed(CloseScan)) == 1


def test_list_r_ends_at_its_limit_with_451() -> None:
    many = FileInfo("f", FileKind.FILE)

    class Endless(MemoryFileSystem):
        def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
            return iter([FileInfo("d", FileKind.DIRECTORY), *[many] * 5_000])

    host = ScriptedHost(SingleUser(Endless())).login()
    host.feed(b"EPSV\r\n").connect().feed(b"LIST -R\r\n")
    assert host.codes() == [229, 125, 451]


def test_list_r_goes_no_deeper_than_its_limit() -> None:
    class Bottomless(MemoryFileSystem):
        def scan_dir(self, path: VirtualPath, /, *, follow: bool) -> Iterator[FileInfo]:
            return iter([FileInfo("d", FileKind.DIRECTORY)])

    host = ScriptedHost(SingleUser(Bottomless())).login()
    host.feed(b"EPSV\r\n").connect().feed(b"LIST -R\r\n")
    assert host.codes() == [229, 125, 226]
    assert host.downloads[-1].count(b":\r\n") == 64


def test_abor_of_list_r_closes_the_directory_that_it_was_reading(fs: MemoryFileSystem) -> None:
    for number in range(3000):
        fs.write_bytes(f"/{number}", b"")
    host = ScriptedHost(SingleUser(fs)).login()
    host.window = 10
    host.feed(b"EPSV\r\n").connect().feed(b"LIST -R\r\nABOR\r\n")
    assert host.codes() == [229, 125, 426, 226]
    assert len(host.performed(CloseScan)) == 1


def test_a_long_way_behind_a_pattern_is_one_step(fs: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is looked at on it, so that no limit of the search would end it."""
    for number in range(20):
        fs.make_dir(VirtualPath(f"/d{number}"))
    resolved = []

    def counted(directory: VirtualPath, text: str) -> VirtualPath:
        resolved.append(text)
        return resolve(directory, text)

    monkeypatch.setattr("ftpcore.commands._trees.resolve", counted)
    host = ScriptedHost(SingleUser(fs)).login()
    host.feed(b"PORT 127,0,0,1,100,1\r\nNLST *" + b"/a" * 1000 + b"\r\n")
    assert host.codes() == [200, 550]
    assert len(resolved) < 3 * 20


def test_a_tree_that_is_walked_keeps_no_long_paths(fs: MemoryFileSystem) -> None:
    top = ""
    for _ in range(10):
        top += "/" + "x" * 200
        fs.make_dir(VirtualPath(top))
    for number in range(1500):
        fs.make_dir(VirtualPath(f"{top}/{number}"))
    host = ScriptedHost(SingleUser(fs), hold=(SendData,)).login()
    host.feed(b"PORT 127,0,0,1,100,1\r\nLIST -R\r\n")
    tracemalloc.start()
    try:
        while not bytes(host.performed(SendData)[-1].data).endswith(b"/0:\r\n"):  # the first of the many
            host.carry_out(LaneName.DATA)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 2_000_000


def test_what_a_pattern_stands_for_is_sent_in_pages(fs: MemoryFileSystem) -> None:
    for number in range(1200):
        fs.write_bytes(f"/{number}", b"")
    host = ScriptedHost(SingleUser(fs)).login()
    assert len(listed(host, b"NLST *")) == 1200
    assert max(len(effect.data) for effect in host.performed(SendData)) < 500 * len("1200\r\n")


def test_nlst_leaves_out_names_that_its_prefix_would_break(fs: MemoryFileSystem) -> None:
    fs.make_dir("/a\rb")  # type: ignore[arg-type]  # a literal virtual path
    fs.write_bytes("/a\rb/f", b"")
    host = ScriptedHost(SingleUser(fs)).login()
    assert listed(host, b"NLST a\r\0b") == []
