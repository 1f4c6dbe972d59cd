"""How objects of data connections come to be, what they reach of their session, and classes that none are made of."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from ftpcore_adapters.handlers import (
    ActiveDTP,
    DTPHandler,
    FTPHandler,
    PassiveDTP,
    ThrottledDTPHandler,
    TLS_DTPHandler,
)
from tests.adapters.serving import LogLines, Serving, make_handler, wait_for
from tests.seed.noted import Noting, Site, sites

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")

site = sites()


class Curious(DTPHandler):
    """Looks for itself while it is made."""

    cmd_channel: Noting

    def __init__(self, sock: socket.socket, cmd_channel: Noting) -> None:
        cmd_channel.note("before", cmd_channel.data_channel)
        super().__init__(sock, cmd_channel)
        cmd_channel.note("within", cmd_channel.data_channel)

    def close(self) -> None:
        self.cmd_channel.note("end", self.cmd_channel.data_channel is self)
        super().close()


def test_there_is_no_data_channel_while_it_is_made(site: Site) -> None:
    (site.home / "file").write_bytes(b"x")
    client = site.serve(dtp_handler=Curious).login()
    for _ in range(2):
        assert client.retrieve("RETR file") == b"x"
    assert client.command("PWD") == 257
    site.noted(*["before None", "within None", "end False", "sent file"] * 2)


class Stillborn(DTPHandler):
    """Can't be made for the first connection; wants to be told of the end."""

    def __init__(self, sock: socket.socket | None, cmd_channel: Noting) -> None:
        cmd_channel.note("made", sock is not None)
        if cmd_channel.notes.read_text().count("made") == 1:
            raise LookupError("a fault of the user's code")
        super().__init__(sock, cmd_channel)

    def close(self) -> None:
        self.cmd_channel.note("end")  # type: ignore[attr-defined]  # a Noting
        super().close()


class StillbornAndSilent(Stillborn):
    close = DTPHandler.close


@pytest.mark.parametrize(("kind", "end"), [(Stillborn, ["end"]), (StillbornAndSilent, [])])
def test_what_could_not_be_made_is_not_made_again_for_the_same_connection(
    site: Site, kind: type[DTPHandler], end: list[str]
) -> None:
    (site.home / "file").write_bytes(b"x")
    client = site.serve(dtp_handler=kind).login()
    with client.data() as data:
        assert data.recv(1) == b""  # the server closes it
    assert client.command("PWD") == 257
    site.noted("made True")
    assert client.retrieve("RETR file") == b"x"
    site.noted("made True", "made True", *end, "sent file")


# -- what it has of its session ----------------------------------------------------------------------------------------


class Reaching(DTPHandler):
    """Uses what it has of its session."""

    cmd_channel: Noting

    def __init__(self, sock: socket.socket, cmd_channel: Noting) -> None:
        super().__init__(sock, cmd_channel)
        assert self.addr is not None
        cmd_channel.note(self.connected, self.accepting, self.ioloop is cmd_channel.ioloop, self.addr[0])
        self.late = self.call_later(3600, print)
        self.call_later(0, cmd_channel.note, "called", last="later")

    def close(self) -> None:
        self.log(f"closed after {self.get_transmitted_bytes()} byte(s)")
        super().close()


class Keeping(Noting):
    """Keeps the channel of the latest connection."""

    kept: Any = None

    def note(self, *words: object, last: str | None = None) -> None:
        super().note(*words, *filter(None, [last]))

    def on_file_received(self, file: str) -> None:
        super().on_file_received(file)
        self.note("calls", self.kept.late.cancelled, self.kept.connected)

    def ftp_NOOP(self, line: str) -> None:
        self.kept = self.data_channel
        self.respond("200 Kept.")


def test_it_has_the_loop_the_log_and_the_timers_of_its_session(site: Site) -> None:
    client = site.serve(Keeping, dtp_handler=Reaching).login()
    with client.data() as data:
        wait_for(lambda: "called later" in site.lines(), "the call")
        assert client.command("NOOP") == 200
        assert client.command("STOR new") == 150
        data.sendall(b"x")
    assert client.code() == 226
    site.noted("True False True 127.0.0.1", "called later", "received new", "calls True False")


def test_what_it_logs_has_the_prefix_of_the_session(tmp_path: Path) -> None:
    serving = Serving(make_handler(tmp_path, dtp_handler=Reaching, note=lambda *words, last=None: None)).start()
    try:
        with LogLines() as log, serving.login() as client:
            assert client.store("STOR new", b"abc") == 226
            assert any("-[ann] closed after 3 byte(s)" in line for line in log.lines())
    finally:
        serving.stop()


class Failing(DTPHandler):
    """A call of it fails."""

    def __init__(self, sock: socket.socket, cmd_channel: FTPHandler) -> None:
        super().__init__(sock, cmd_channel)
        self.call_later(0, self.fail)

    def fail(self) -> None:
        raise LookupError("a fault of the user's code")


def test_a_call_that_fails_is_logged_and_ends_the_connection(tmp_path: Path) -> None:
    serving = Serving(make_handler(tmp_path, dtp_handler=Failing)).start()
    try:
        with LogLines() as log, serving.login() as client:
            with client.data() as data:
                assert data.recv(1) == b""
            assert client.command("PWD") == 257
            assert any("unhandled exception in instance <Failing" in line for line in log.errors)
    finally:
        serving.stop()


# -- classes that no object is made of ---------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [PassiveDTP, ActiveDTP])
@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("__init__", "ftp_PASV"),
        ("handle_accepted", "__init__ of the class that is dtp_handler"),
        ("handle_connect", "__init__ of the class that is dtp_handler"),
        ("handle_timeout", "respond()"),
        ("handle_error", "respond()"),
        ("handle_close", "respond()"),
        ("close", "close() of the class that is dtp_handler"),
    ],
)
def test_a_method_that_would_never_be_called_is_refused_where_it_is_written(
    base: type, name: str, instead: str
) -> None:
    with pytest.raises(TypeError) as caught:
        type("Own", (base,), {name: lambda *args: None})
    assert f"Own.{name}" in str(caught.value)
    assert instead in str(caught.value)


def test_a_mixin_that_would_never_be_called_is_refused() -> None:
    class Screening:
        def handle_accepted(self, sock: socket.socket, addr: Any) -> None: ...

    with pytest.raises(TypeError, match="handle_accepted"):
        type("Own", (Screening, PassiveDTP), {})


@pytest.mark.parametrize("name", ["close_when_done", "add_channel", "del_channel", "modify_ioloop_events"])
@pytest.mark.parametrize("base", [DTPHandler, ThrottledDTPHandler, TLS_DTPHandler])
def test_a_class_that_would_steer_the_bytes_is_refused(base: type[DTPHandler], name: str) -> None:
    with pytest.raises(TypeError, match=f"Own.{name} would never be called"):
        type("Own", (base,), {name: lambda *args: None})


# -- its time ----------------------------------------------------------------------------------------------------------


class Brief(DTPHandler):
    """Has little time."""

    cmd_channel: Noting
    timeout = 0.1

    def close(self) -> None:
        self.cmd_channel.note("end", self.cmd)
        super().close()


def test_a_connection_that_the_client_closes_unused_vanishes(site: Site) -> None:
    client = site.serve(dtp_handler=Brief).login()
    client.data().close()
    site.noted("end None")
    assert client.command("PWD") == 257
    assert client.store("STOR new", b"x") == 226
