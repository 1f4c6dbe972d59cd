"""File objects of user code that do only what the API asks for: read or write, seek, close, and have a name."""

from __future__ import annotations

from typing import IO, Any

import pytest

from ftpcore_adapters.filesystems import AbstractedFS
from tests.seed.noted import Site, sites

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")

site = sites()

CONTENT = b"0123456789"


class Bare:
    """A file that tells neither its size nor where it is, and seeks from the beginning only."""

    def __init__(self, file: IO[bytes]) -> None:
        self.name = file.name
        self._file = file

    @property
    def closed(self) -> bool:
        return self._file.closed

    def seek(self, position: int) -> None:
        self._file.seek(position)

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def close(self) -> None:
        self._file.close()


class BareFS(AbstractedFS):
    def open(self, filename: str, mode: str) -> Any:
        return Bare(super().open(filename, mode))


class Twice(Bare):
    """Gives each byte twice: what is read is longer than what lies on the disk."""

    def read(self, size: int) -> bytes:
        return b"".join(bytes((byte, byte)) for byte in self._file.read(size // 2))


class TwiceFS(AbstractedFS):
    def open(self, filename: str, mode: str) -> Any:
        return Twice(super().open(filename, mode))


class LongFS(BareFS):
    """Says itself how long files are."""

    def getsize(self, path: str) -> int:
        return 100


@pytest.mark.parametrize("offset", [1, 2, 10])
def test_a_download_begins_at_the_offset(site: Site, offset: int) -> None:
    (site.home / "file").write_bytes(CONTENT)
    client = site.serve(abstracted_fs=BareFS).login()
    assert client.command(f"REST {offset}") == 350
    assert client.retrieve("RETR file") == CONTENT[offset:]
    assert client.retrieve("RETR file") == CONTENT


def test_an_upload_begins_at_the_offset_and_keeps_the_tail(site: Site) -> None:
    (site.home / "file").write_bytes(CONTENT)
    client = site.serve(abstracted_fs=BareFS).login()
    assert client.command("REST 2") == 350
    assert client.store("STOR file", b"ab") == 226
    assert (site.home / "file").read_bytes() == b"01ab456789"


@pytest.mark.parametrize("command", ["RETR file", "STOR file"])
@pytest.mark.parametrize(("content", "offset"), [(CONTENT, 11), (b"", 1)], ids=["behind the end", "of nothing"])
def test_an_offset_behind_the_end_is_refused(site: Site, command: str, content: bytes, offset: int) -> None:
    (site.home / "file").write_bytes(content)
    client = site.serve(abstracted_fs=BareFS).login()
    client.passive()
    client.send(f"REST {offset}", command)
    assert client.codes(2) == [350, 554]


def test_getsize_says_which_offsets_there_are(site: Site) -> None:
    (site.home / "file").write_bytes(CONTENT)
    client = site.serve(abstracted_fs=LongFS).login()
    assert client.command("REST 50") == 350
    assert client.retrieve("RETR file") == b""
    client.passive()
    client.send("REST 101", "RETR file")
    assert client.codes(2) == [350, 554]


def test_a_file_that_gives_more_than_lies_on_the_disk_is_sent_to_its_end(site: Site) -> None:
    (site.home / "file").write_bytes(CONTENT)
    client = site.serve(abstracted_fs=TwiceFS).login()
    assert client.retrieve("RETR file") == b"00112233445566778899"
