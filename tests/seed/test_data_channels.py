"""`DTPHandler` and its subclasses: what user code reads of a data connection, sets, and is told, on every runtime."""

from __future__ import annotations

import os
import socket
import struct
import sys
from typing import Any

import pytest

from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_adapters.handlers import (
    ActiveDTP,
    DTPHandler,
    FTPHandler,
    PassiveDTP,
    ThrottledDTPHandler,
    TLS_DTPHandler,
    TLS_FTPHandler,
)
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.servers import FTPServer
from tests.adapters.resources import leftovers
from tests.adapters.serving import Client, Serving, make_handler, received, wait_for
from tests.seed.noted import Noting, Site, sites

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")

site = sites()


class Telling(DTPHandler):
    """Notes its beginning and its end, with all that can be read of it."""

    cmd_channel: Noting
    timeout = 20.0

    def __init__(self, sock: socket.socket, cmd_channel: Noting) -> None:
        super().__init__(sock, cmd_channel)
        cmd_channel.note("begin", sock.getpeername()[0], self.cmd_channel is cmd_channel, self.transfer_in_progress())

    def close(self) -> None:
        name = None if self.file_obj is None else os.path.basename(self.file_obj.name)
        self.cmd_channel.note("end", self.cmd, name, self.receive, self.tot_bytes_sent, self.tot_bytes_received)
        self.cmd_channel.note(
            "moved", self.get_transmitted_bytes(), self.transfer_in_progress(), self.transfer_finished
        )
        assert 0 <= self.get_elapsed_time() < 20
        super().close()

    def handle_close(self) -> None:
        self.cmd_channel.note("handle_close")
        super().handle_close()

    def handle_timeout(self) -> None:
        self.cmd_channel.note("handle_timeout")
        super().handle_timeout()

    def handle_error(self) -> None:
        self.cmd_channel.note("handle_error", sys.exc_info()[1])
        super().handle_error()


BEGIN = "begin 127.0.0.1 True False"


def begin_upload(site: Site, client: Client, data: socket.socket) -> None:
    """Begin an upload of which three bytes are stored."""
    assert client.command("STOR new") == 150
    data.sendall(b"abc")
    new = site.home / "new"
    wait_for(lambda: new.exists() and new.stat().st_size == 3, "the bytes")


def reset(data: socket.socket) -> None:
    data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    data.close()


def test_a_download(site: Site) -> None:
    (site.home / "file").write_bytes(b"x" * 10)
    client = site.serve(dtp_handler=Telling).login()
    assert client.retrieve("RETR file") == b"x" * 10
    site.noted(BEGIN, "end RETR file False 10 0", "moved 10 True True", "sent file")


def test_an_active_download(site: Site) -> None:
    (site.home / "file").write_bytes(b"x" * 10)
    client = site.serve(dtp_handler=Telling).login()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        assert client.command(f"EPRT |1|{host}|{port}|") == 200
        assert client.command("RETR file") == 150
        assert received(listener.accept()[0]) == b"x" * 10
    assert client.code() == 226
    site.noted(BEGIN, "end RETR file False 10 0", "moved 10 True True", "sent file")


def test_an_upload_ends_when_the_client_closes(site: Site) -> None:
    client = site.serve(dtp_handler=Telling).login()
    assert client.store("STOR new", b"12345") == 226
    site.noted(BEGIN, "handle_close", "end STOR new True 0 5", "moved 5 True True", "received new")


def test_a_listing_has_no_file(site: Site) -> None:
    client = site.serve(dtp_handler=Telling).login()
    assert client.retrieve("MLSD") == b""
    site.noted(BEGIN, "end MLSD None False 0 0", "moved 0 False True")


def test_a_download_that_the_client_cuts(site: Site) -> None:
    with (site.home / "file").open("wb") as file:
        file.truncate(2**30)
    client = site.serve(dtp_handler=Telling, use_sendfile=False).login()
    data = client.data()
    assert client.command("RETR file") == 150
    assert data.recv(1)
    reset(data)
    assert client.code() == 426
    assert client.command("PWD") == 257
    lines = site.lines()
    assert lines[:2] == [BEGIN, "handle_close"]
    assert [line.split()[0] for line in lines[2:]] == ["end", "moved", "incomplete"]
    assert lines[3].endswith(" True False")


def test_a_stall(site: Site) -> None:
    client = site.serve(dtp_handler=type("Hasty", (Telling,), {"timeout": 0.1})).login()
    with client.data():
        assert client.command("STOR new") == 150
        assert client.code() == 426
    assert client.command("PWD") == 257
    site.noted(BEGIN, "handle_timeout", "end STOR new True 0 0", "moved 0 False False", "incomplete received new")


class BrokenFS(AbstractedFS):
    """A disk that fails."""

    def open(self, filename: str, mode: str) -> Any:
        file = super().open(filename, mode)

        class Broken:
            name = filename
            closed = False

            def read(self, size: int) -> bytes:
                raise OSError(5, "the disk fails")

            def close(self) -> None:
                file.close()

        return Broken()


def test_an_error_of_the_file(site: Site) -> None:
    (site.home / "file").write_bytes(b"x")
    client = site.serve(dtp_handler=Telling, abstracted_fs=BrokenFS).login()
    with client.data():
        assert client.command("RETR file") == 150
        assert client.code() == 451
    assert client.command("PWD") == 257
    site.noted(
        BEGIN,
        "handle_error [Errno 5] the disk fails",
        "end RETR file False 0 0",
        "moved 0 False False",
        "incomplete sent file",
    )


def test_abor(site: Site) -> None:
    client = site.serve(dtp_handler=Telling).login()
    with client.data() as data:
        begin_upload(site, client, data)
        client.send("ABOR")
        assert client.codes(2) == [426, 226]
    assert client.command("PWD") == 257
    site.noted(BEGIN, "end STOR new True 0 3", "moved 3 True False", "incomplete received new")


@pytest.mark.parametrize("last", ["QUIT", "PASV", "ABOR", None])
def test_a_connection_that_no_command_came_for(site: Site, last: str | None) -> None:
    client = site.serve(dtp_handler=Telling).login()
    with client.data():
        client.command("PWD")
        site.noted(BEGIN)
        if last is None:
            client.reset()
        else:
            client.send(last)
    ending = [] if last in ("PASV", "ABOR") else ["gone"]
    site.noted(BEGIN, "end None None False 0 0", "moved 0 False False", *ending)


def test_the_client_leaves_during_an_upload(site: Site) -> None:
    client = site.serve(dtp_handler=Telling).login()
    with client.data() as data:
        begin_upload(site, client, data)
        client.reset()
        site.noted(BEGIN, "end STOR new True 0 3", "moved 3 True False", "incomplete received new", "gone")


class Cutting(Noting):
    """Cuts the transfer that runs when the client asks how it is, and looks at it before and behind."""

    dtp_handler = Telling

    def ftp_STAT(self, path: str) -> None:
        channel = self.data_channel
        self.note(type(channel).__name__, channel and (channel.cmd, channel.transfer_finished))
        if channel is not None:
            channel.close()
        self.respond("211 So it is.")


def test_user_code_closes_the_connection(site: Site) -> None:
    client = site.serve(Cutting).login()
    with client.data() as data:
        begin_upload(site, client, data)
        client.send("STAT")
        assert sorted(client.codes(2)) == [211, 426]
    client.send("STAT")
    assert client.code() == 211
    site.noted(
        BEGIN,
        "Telling ('STOR', False)",
        "end STOR new True 0 3",
        "moved 3 True False",
        "incomplete received new",
        "NoneType None",
    )


class Asking(Noting):
    """Looks at the data channel, of a class that does nothing, where user code can."""

    def ftp_NOOP(self, line: str) -> None:
        self.note("channel", type(self.data_channel).__name__, self.data_channel is self.data_channel)
        self.respond("200 Noted.")

    def on_file_received(self, file: str) -> None:
        self.note("behind", self.data_channel)


def test_the_channel_is_there_as_long_as_the_connection(site: Site) -> None:
    client = site.serve(Asking).login()
    client.command("NOOP")
    assert client.store("STOR new", b"x") == 226
    client.command("NOOP")
    site.noted("channel NoneType True", "behind None", "channel NoneType True")


class Mute(DTPHandler):
    """Says nothing to its base, and fails."""

    cmd_channel: Noting

    def close(self) -> None:
        self.cmd_channel.note("end", self.transfer_finished)
        raise LookupError("a fault of the user's code")


def test_a_method_that_fails_and_calls_no_base_changes_nothing(site: Site) -> None:
    (site.home / "file").write_bytes(b"x")
    client = site.serve(dtp_handler=Mute).login()
    for _ in range(2):
        assert client.retrieve("RETR file") == b"x"
    assert client.command("PWD") == 257
    site.noted(*["end True", "sent file"] * 2)


class Stillborn(DTPHandler):
    def __init__(self, sock: socket.socket, cmd_channel: FTPHandler) -> None:
        raise LookupError("a fault of the user's code")


def test_a_channel_that_can_not_be_made_refuses_the_connection(site: Site) -> None:
    (site.home / "file").write_bytes(b"x")
    client = site.serve(dtp_handler=Stillborn).login()
    with client.data():
        client.send("RETR file")
        while client.code() == 150:  # the command may come before the connection is refused
            pass
        assert client.replies[-1] == 425
    assert client.command("PWD") == 257
    site.noted()


# -- what never reaches user code --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("recv", "abstracted_fs.open"),
        ("send", "push_dtp_data"),
        ("push_with_producer", "push_dtp_data"),
        ("handle_read", "read_limit"),
        ("readable", "del_channel"),
        ("use_sendfile", "use_sendfile of the handler"),
        ("enable_receiving", "ftp_STOR"),
    ],
)
@pytest.mark.parametrize("base", [DTPHandler, ThrottledDTPHandler, TLS_DTPHandler])
def test_a_class_that_would_move_the_bytes_is_refused_where_it_is_written(
    base: type[DTPHandler], name: str, instead: str
) -> None:
    with pytest.raises(TypeError) as caught:
        type("Own", (base,), {name: lambda *args: None})
    assert f"Own.{name}" in str(caught.value)
    assert instead in str(caught.value)


@pytest.mark.parametrize("wrong", [object, "DTPHandler", None, FTPHandler])
@pytest.mark.parametrize("base", [FTPHandler, TLS_FTPHandler])
def test_a_server_refuses_what_is_no_data_channel(base: type[FTPHandler], wrong: object) -> None:
    handler = type("Handler", (base,), {"dtp_handler": wrong})
    with leftovers(), pytest.raises(TypeError, match="dtp_handler"):
        FTPServer(("127.0.0.1", 0), handler, ioloop=IOLoop.factory())


# -- options -----------------------------------------------------------------------------------------------------------


def test_the_defaults() -> None:
    assert (PassiveDTP.timeout, PassiveDTP.backlog, ActiveDTP.timeout) == (30, None, 30)
    for kind in DTPHandler, ThrottledDTPHandler, TLS_DTPHandler:
        assert (kind.timeout, kind.ac_in_buffer_size, kind.ac_out_buffer_size) == (300, 65536, 65536)
    assert (ThrottledDTPHandler.read_limit, ThrottledDTPHandler.write_limit) == (0, 0)
    assert ThrottledDTPHandler.auto_sized_buffers is True
    assert (FTPHandler.dtp_handler, TLS_FTPHandler.dtp_handler) == (DTPHandler, TLS_DTPHandler)


@pytest.mark.parametrize(
    ("options", "receive", "send"),
    [
        pytest.param({}, None, None, id="the default is what suits"),
        pytest.param({"ac_in_buffer_size": 1000, "ac_out_buffer_size": 4096}, 1000, 4096, id="sizes"),
        pytest.param({"auto_sized_buffers": False, "read_limit": 10}, 65536, 65536, id="sizes for sure"),
        pytest.param({"ac_in_buffer_size": 4096, "read_limit": 1000}, 512, None, id="halved below the limit"),
        pytest.param({"ac_out_buffer_size": 4096, "write_limit": 0.5}, None, 1, id="one byte at least"),
    ],
)
def test_buffer_sizes(tmp_path: Any, options: dict[str, object], receive: int | None, send: int | None) -> None:
    kind = type("Sized", (ThrottledDTPHandler,), options)
    serving = Serving(make_handler(tmp_path, dtp_handler=kind)).start()
    try:
        with serving.login():
            handler = serving.session()
            assert (handler.receive_block, handler.send_block) == (receive, send)
    finally:
        serving.stop()


def test_transfers_go_in_buffers_of_the_sizes(site: Site) -> None:
    content = os.urandom(100_001)
    options = {"ac_in_buffer_size": 999, "ac_out_buffer_size": 1001}
    client = site.serve(dtp_handler=type("Sized", (DTPHandler,), options)).login()
    assert client.store("STOR new", content) == 226
    assert client.retrieve("RETR new") == content


@pytest.mark.parametrize("kind", [PassiveDTP, ActiveDTP])
def test_a_session_may_have_options_of_its_own(tmp_path: Any, kind: type) -> None:
    serving = Serving(make_handler(tmp_path)).start()
    try:
        with serving.login() as client:
            handler = serving.session()
            handler.passive_dtp = handler.active_dtp = type("Hasty", (kind,), {"timeout": 0.05, "backlog": 3})
            assert (handler.accept_timeout, handler.connect_timeout) == (0.05, 0.05)
            client.passive()
            assert client.code() == 421
            assert client.command("PWD") == 257
    finally:
        serving.stop()


def test_who_connects_is_not_mixed_up(site: Site) -> None:
    """Two sessions at once have a channel each."""
    site.serve(dtp_handler=Telling)
    clients: list[Client] = [site.login(), site.login()]
    for number, client in enumerate(clients):
        assert client.store(f"STOR new{number}", b"x" * (number + 1)) == 226
        client.command("PWD")
    assert [line for line in site.lines() if line.startswith("end")] == [
        "end STOR new0 True 0 1",
        "end STOR new1 True 0 2",
    ]
