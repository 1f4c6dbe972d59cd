"""A filesystem that makes the lines of listings itself is shown as it says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from ftpcore import VirtualPath
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem


class Formatting(MemoryFileSystem):
    """Makes lines of its own for everything."""

    formats_list = True
    formats_facts = True
    count = 2

    def list_lines(self, path: VirtualPath, /) -> Iterator[bytes]:
        self.stat(path, follow=True)
        return (b"line %d of %s\r\n" % (number, path.encode()) for number in range(self.count))

    def fact_lines(self, path: VirtualPath, /, *, facts: Sequence[str], rights: str) -> Iterator[bytes]:
        self.enter_dir(path)
        return (b"x.rights=%s;x.facts=%d; %d\r\n" % (rights.encode(), len(facts), n) for n in range(self.count))

    def fact_line(self, path: VirtualPath, /, *, facts: Sequence[str], rights: str) -> bytes:
        return b"x.rights=%s; basename\r\n" % rights.encode()


@pytest.fixture
def formatting() -> Formatting:
    filesystem = Formatting()
    filesystem.write_bytes("/f", b"")
    return filesystem


@pytest.fixture
def lister(formatting: Formatting) -> ScriptedHost:
    return ScriptedHost(SingleUser(formatting, rights="elr")).login()


def test_list_sends_the_lines_of_the_filesystem(lister: ScriptedHost) -> None:
    lister.feed(b"EPSV\r\nLIST\r\n").connect()
    assert lister.codes() == [229, 150, 226]
    assert lister.downloads == [b"line 0 of /\r\nline 1 of /\r\n"]


def test_lines_are_fetched_in_pages(lister: ScriptedHost, formatting: Formatting) -> None:
    formatting.count = 1200
    lister.feed(b"EPSV\r\nLIST\r\n").connect()
    assert lister.codes() == [229, 150, 226]
    assert lister.downloads[0].count(b"\r\n") == 1200


def test_stat_shows_the_lines_of_the_filesystem(lister: ScriptedHost) -> None:
    (reply,) = lister.feed(b"STAT f\r\n").replies()
    assert reply.code == 213
    assert reply.lines[1:-1] == ("line 0 of /f", "line 1 of /f")


def test_mlsd_sends_the_facts_of_the_filesystem(lister: ScriptedHost) -> None:
    lister.feed(b"EPSV\r\nMLSD\r\n").connect()
    assert lister.codes() == [229, 150, 226]
    assert lister.downloads == [b"x.rights=elr;x.facts=5; 0\r\nx.rights=elr;x.facts=5; 1\r\n"]


def test_mlsd_of_a_file_is_501(lister: ScriptedHost) -> None:
    assert lister.feed(b"EPSV\r\nMLSD f\r\n").codes() == [229, 501]


def test_mlst_shows_the_facts_of_the_filesystem_and_the_whole_path(lister: ScriptedHost) -> None:
    (reply,) = lister.feed(b"MLST f\r\n").replies()
    assert reply.code == 250
    assert reply.lines[1] == "x.rights=elr; /f"
