"""What a handler tells the log beside the lines of its commands and transfers: warnings, and what user code logs."""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
from typing import IO, Any

import pytest

from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_adapters.handlers import FTPHandler, TLS_FTPHandler
from ftpcore_adapters.log import logger
from tests.adapters.conftest import Serve, TLSServe
from tests.adapters.serving import PASSWORD, USER, Recorder, Serving, wait_for


def told(serve: Serve, level: int) -> list[str]:
    """Return the lines of sessions, without the address in their prefix."""
    found = [re.fullmatch(r"127\.0\.0\.1:\d+-(\[.*)", line) for line in serve.log.lines(level)]
    return [match[1] for match in found if match]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("PORT 127,0,0,2,200,1", 501),
        ("EPRT |1|127.0.0.1|22|", 501),
        ("x" * 5000, 500),
    ],
    ids=["foreign address", "privileged port", "too long"],
)
def test_what_is_refused_for_safety_is_a_warning(serve: Serve, line: str, code: int) -> None:
    client = serve().login()
    assert client.command("PWD") == 257
    assert client.command(line) == code
    [warning] = told(serve, logging.WARNING)
    assert warning.startswith(f"[{USER}] ")
    assert "refused" in warning


def test_ports_that_are_all_taken_are_a_warning(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        client = serve(passive_ports=[taken.getsockname()[1]]).login()
        assert client.command("PASV") == 425
    assert [line.split(":")[0] for line in told(serve, logging.WARNING)] == [f"[{USER}] PASV refused"]


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({"max_cons": 2}, "Too many connections. Service temporarily unavailable."),
        ({"max_cons_per_ip": 1}, "Too many connections from the same IP address."),
    ],
    ids=["server", "address"],
)
def test_a_full_server_is_a_warning(serve: Serve, calls: list[str], limits: dict[str, object], text: str) -> None:
    serving = serve(Recorder, calls=calls, server=limits)
    serving.login()
    client = serving.client()
    assert client.line() == f"421 {text}"
    assert client.ended()
    assert told(serve, logging.WARNING) == [f"[] {text}"]
    assert calls == ["connect", f"login {USER} True True"], "no hook is called for who is refused"


def test_a_handler_may_say_it_otherwise(serve: Serve) -> None:
    class Sorry(FTPHandler):
        def handle_max_cons_per_ip(self) -> None:
            self.log("one too many")
            super().handle_max_cons_per_ip()

    serving = serve(Sorry, server={"max_cons_per_ip": 1})
    serving.login()
    assert serving.client().code() == 421
    assert "[] one too many" in told(serve, logging.INFO)


def test_a_file_that_fails_is_a_warning(serve: Serve) -> None:
    class Full(AbstractedFS):
        def open(self, filename: str, mode: str) -> IO[bytes]:
            return open("/dev/full", "wb", buffering=0) if "w" in mode or "+" in mode else super().open(filename, mode)

    client = serve(abstracted_fs=Full, use_sendfile=False).login()
    with client.data() as data:
        client.send("STOR f")
        data.sendall(b"data")
        data.shutdown(socket.SHUT_WR)
        assert client.codes(2) == [150, 452]
    wait_for(lambda: told(serve, logging.WARNING), "the warning")
    assert "failed" in told(serve, logging.WARNING)[0]


def test_a_reply_at_a_level_is_logged_without_its_code(serve: Serve) -> None:
    class Talking(FTPHandler):
        def on_login(self, username: str) -> None:
            self.respond("299 Hello there.", logfun=logger.info)
            self.respond_w_warning("299 Mind the gap.")
            self.respond("299 Not told.")
            self.logerror("only a word")

    serve.errors_expected = True
    client = serve(Talking).client()
    client.send(f"USER {USER}", f"PASS {PASSWORD}")
    assert client.codes(6) == [220, 331, 230, 299, 299, 299]
    assert told(serve, logging.INFO)[-1] == f"[{USER}] Hello there."
    assert told(serve, logging.WARNING) == [f"[{USER}] Mind the gap."]
    assert told(serve, logging.ERROR) == [f"[{USER}] only a word"]


def test_a_session_is_told_from_others(serve: Serve) -> None:
    (serve.directory / "f").write_bytes(bytes(1_000))
    serving = serve()
    client = serving.login()
    handler = serving.session()
    info = serving.call(handler.get_repr_info)
    assert isinstance(info, dict)
    port = client.sock.getsockname()[1]
    assert info == {"id": id(handler), "addr": f"127.0.0.1:{port}", "user": USER}
    text = serving.call(lambda: handler.get_repr_info(as_str=True, extra_info={"more": 1}))
    assert text == f"id={id(handler)!r}, addr='127.0.0.1:{port}', user={USER!r}, more=1"
    assert serving.call(lambda: repr(handler)).startswith("<Handler(id=")


def shown(serving: Serving) -> dict[str, Any]:
    """Return what the latest session shows of itself."""
    info = serving.call(serving.session().get_repr_info)
    assert isinstance(info, dict)
    return info


def test_a_session_tells_what_it_transfers(serve: Serve) -> None:
    path = serve.directory / "f"
    path.touch()
    os.truncate(path, 1 << 26)
    serving = serve()
    client = serving.login()
    with client.data() as data:
        client.send("RETR f")
        assert client.codes(1) == [150]
        assert len(data.recv(1)) == 1
        info = shown(serving)
        assert (info["sending-file"], info["bytes-trans"] > 0) == (str(path), True)
        assert not {"receiving-file", "ssl-data"} & info.keys()
    assert client.codes(1) == [426]
    with client.data() as data:
        client.send("STOR f")
        assert client.codes(1) == [150]
        data.sendall(b"more")
        wait_for(lambda: shown(serving).get("bytes-trans") == 4, "the bytes")
        assert shown(serving)["receiving-file"] == str(path)
    assert client.codes(1) == [226]
    assert not {"sending-file", "receiving-file", "bytes-trans"} & shown(serving).keys()


def test_a_session_tells_what_is_encrypted(tls_serve: TLSServe) -> None:
    serving = tls_serve()
    client = tls_serve.login(serving)
    data, wire = client.begin("STOR f")
    assert wire is not None
    with data:
        wire.send(b"more")
        wait_for(lambda: shown(serving).get("bytes-trans") == 4, "the bytes")
        info = shown(serving)
        assert (info["ssl"], info["ssl-data"]) == (True, True)
        wire.finish()
    assert client.code() == 226
    assert "ssl-data" not in shown(serving)


def test_calls_later_are_made_with_the_handlers_error_callback(serve: Serve) -> None:
    """The idiom of old code: `self.call_later(1, self.work, _errback=self.handle_error)`."""
    serve.errors_expected = True
    called = threading.Event()

    class Working(FTPHandler):
        def on_login(self, username: str) -> None:
            self.call_later(0, self.work, "now", why="so", _errback=self.handle_error)

        def work(self, when: str, why: str) -> None:
            assert (when, why) == ("now", "so")
            called.set()
            raise LookupError("a bug")

    serving = serve(Working)
    bystander = serve().login()
    client = serving.client()
    client.send(f"USER {USER}", f"PASS {PASSWORD}")
    assert client.codes(3) == [220, 331, 230]
    assert called.wait(10)
    assert client.ended(), "handle_error closes the session"
    assert any("LookupError" in str(record.exc_info) for record in serve.log.records)
    assert bystander.command("NOOP") == 200


def test_old_code_may_have_attributes_of_its_own(serve: Serve) -> None:
    class Busy(FTPHandler):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            for name in ("running", "speaking", "failed", "state", "data", "count", "intercept", "decide", "user"):
                setattr(self, name, True)

        def ftp_NOOP(self, line: str) -> None:
            self.respond("200 Busy.")

    client = serve(Busy).login()
    assert client.command("NOOP") == 200
    assert client.store("STOR f", b"data") == 226


def test_commands_of_tls_may_be_inherited(tls_serve: TLSServe) -> None:
    class Counting(TLS_FTPHandler):
        counted = 0

        def ftp_AUTH(self, line: str) -> str | None:
            type(self).counted += 1
            return super().ftp_AUTH(line)

        def ftp_PROT(self, line: str) -> str | None:
            type(self).counted += 1
            return super().ftp_PROT(line)

        def process_command(self, cmd: str, *args: Any, **kwargs: Any) -> None:
            super().process_command(cmd, *args, **kwargs)

    serving = tls_serve(Counting)
    client = serving.client()
    assert client.code() == 220
    assert [client.command(line) for line in ("AUTH X", "PBSZ 0", "PROT P")] == [504, 503, 503]
    secure = tls_serve.login(serving)
    assert secure.command("NOOP") == 200
    handler: Any = serving.handler
    assert handler.counted == 4
