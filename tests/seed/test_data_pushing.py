"""`push_dtp_data` and producers: commands of user code that send what they make, on every runtime."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest

from ftpcore_adapters.handlers import BufferedIteratorProducer, FileProducer, FTPHandler
from tests.adapters.serving import Client, received
from tests.seed.noted import Noting, Site, sites

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")

site = sites()

LINES = [f"line {number}\r\n".encode() for number in range(100)]


class Counting:
    """Produces three blocks, then fails if it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self._left = 3
        self._error = error

    def more(self) -> bytes:
        if self._left == 0 and self._error is not None:
            raise self._error
        self._left -= 1
        return b"block " if self._left >= 0 else b""


class Endless:
    def more(self) -> bytes:
        return bytes(65536)


class Named(io.BytesIO):
    """A generated file."""

    name = "/made/report.txt"


class Pushing(Noting):
    """Sends what it makes: as a listing, as a download, under a command of its own."""

    proto_cmds = FTPHandler.proto_cmds | {
        "SITE MAKE": {"perm": None, "auth": True, "arg": True, "help": "Syntax: SITE MAKE <SP> what (make it)."},
    }

    def ftp_NLST(self, path: str) -> None:
        self.push_dtp_data(BufferedIteratorProducer(iter(LINES)), isproducer=True, cmd="NLST")

    def ftp_RETR(self, path: str) -> str | None:
        if not path.endswith("report"):
            return super().ftp_RETR(path)
        file = Named(b"generated\n" * 50_000)
        self.push_dtp_data(FileProducer(file, self._current_type), isproducer=True, file=file, cmd="RETR")
        return path

    def ftp_SITE_MAKE(self, what: str) -> None:
        match what:
            case "bytes":
                self.push_dtp_data(b"some bytes")
                self.note(what, "is set up")
            case "nothing":
                self.push_dtp_data(b"")
            case "blocks":
                self.push_dtp_data(Counting(), isproducer=True)
            case "an error":
                self.push_dtp_data(Counting(OSError(5, "broken")), isproducer=True, file=Named())
            case "a fault":
                self.push_dtp_data(Counting(LookupError("broken")), isproducer=True)
            case "no end":
                self.push_dtp_data(Endless(), isproducer=True)
            case "two":
                self.push_dtp_data(b"first")
                with pytest.raises(RuntimeError, match="not over"):
                    self.push_dtp_data(b"second")
            case _:
                data: Any = what
                for isproducer in True, False:
                    with pytest.raises(TypeError, match="push_dtp_data expected"):
                        self.push_dtp_data(data, isproducer=isproducer)
                self.respond("200 Neither bytes nor a producer.")

    def log_transfer(self, cmd: str, filename: str, receive: bool, completed: bool, elapsed: float, bytes: int) -> None:
        self.note("log", cmd, filename, receive, completed, bytes)


@pytest.fixture
def client(site: Site) -> Client:
    (site.home / "file").write_bytes(b"plain")
    return site.serve(Pushing).login()


def fetch(client: Client, command: str, final: int = 226) -> bytes:
    with client.data() as data:
        assert client.command(command) == 150
        content = received(data)
    assert client.code() == final
    return content


def test_a_listing_of_ones_own(client: Client) -> None:
    assert fetch(client, "NLST") == b"".join(LINES)


def test_a_download_that_is_made(client: Client, site: Site) -> None:
    assert fetch(client, "RETR report") == b"generated\n" * 50_000
    assert fetch(client, "RETR file") == b"plain"
    client.command("PWD")
    site.noted(
        "log RETR /made/report.txt False True 500000",
        "sent report.txt",
        f"log RETR {site.home}/file False True 5",
        "sent file",
    )


def test_a_producer_of_a_file_knows_lines(client: Client) -> None:
    assert client.command("TYPE A") == 200
    assert fetch(client, "RETR report") == b"generated\r\n" * 50_000


@pytest.mark.parametrize(
    ("what", "content"), [("bytes", b"some bytes"), ("nothing", b""), ("blocks", b"block " * 3), ("two", b"first")]
)
def test_a_command_of_ones_own(client: Client, what: str, content: bytes) -> None:
    assert fetch(client, f"SITE MAKE {what}") == content
    assert client.command("NOOP") == 200


def test_the_command_goes_on_before_the_transfer_ends(client: Client, site: Site) -> None:
    assert fetch(client, "SITE MAKE bytes") == b"some bytes"
    site.noted("bytes is set up")  # and there is no file to log or to tell of


@pytest.mark.parametrize("what", ["an error", "a fault"])
def test_a_producer_that_fails(client: Client, what: str) -> None:
    assert fetch(client, f"SITE MAKE {what}", 451) == b"block " * 3
    assert client.command("PWD") == 257


@pytest.mark.parametrize("command", ["SITE MAKE bytes", "RETR report", "NLST"])
def test_it_needs_a_data_connection_that_was_asked_for(client: Client, command: str) -> None:
    assert client.command(command) == 425
    assert client.command("NOOP") == 200


def test_what_can_not_be_pushed(client: Client) -> None:
    assert client.command("SITE MAKE text") == 200


def test_it_can_be_aborted(client: Client) -> None:
    with client.data() as data:
        assert client.command("SITE MAKE no end") == 150
        assert data.recv(1)
        client.send("ABOR")
        assert client.codes(2) == [426, 226]
    assert client.command("NOOP") == 200


# -- producers ---------------------------------------------------------------------------------------------------------


def test_the_producer_of_a_file_reads_blocks() -> None:
    producer = FileProducer(io.BytesIO(bytes(100_000)), "i")
    assert [len(producer.more()) for _ in range(3)] == [65536, 34464, 0]
    producer = FileProducer(io.BytesIO(b"a\r" + b"\n" + b"b\n"), "a")
    producer.buffer_size = 2
    assert b"".join(iter(producer.more, b"")) == b"a\r\nb\r\n"


@pytest.mark.parametrize("kind", ["A", "", "e", None])
def test_the_producer_of_a_file_knows_two_types(kind: Any) -> None:
    with pytest.raises(TypeError, match="expected 'a' or 'i'"):
        FileProducer(io.BytesIO(), kind)


def test_the_producer_of_an_iterator_joins_twenty_items() -> None:
    def items() -> Iterator[bytes]:
        yield from [b""] * 30  # which are no end
        yield from [b"xy"] * 45

    producer = BufferedIteratorProducer(items())
    assert (FileProducer.buffer_size, BufferedIteratorProducer.loops) == (65536, 20)
    assert [len(producer.more()) for _ in range(4)] == [20, 40, 30, 0]


def test_nothing_is_pushed_from_outside_of_a_command(site: Site) -> None:
    class Late(Noting):
        def on_login(self, username: str) -> None:
            with pytest.raises(RuntimeError, match="within a command"):
                self.push_dtp_data(b"x")
            self.note("refused")

    site.serve(Late).login()
    site.noted("refused")
