"""Rules of endings: whatever ends a transfer or a session, what moved is counted, and files are closed, once."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar

import pytest

from ftpcore_contracts._rules import broken, expect, rule
from ftpcore_contracts._server_client import Client, Start, reset, take_all
from ftpcore_contracts._server_record import Record, SessionRecord
from ftpcore_contracts._server_script import PASSWORD, USER, Gate, Script
from ftpcore_contracts._server_transfers import FILES, LARGE, differ

__all__ = ["Endings"]

#: ABOR as clients send it: Telnet IP and DM, the latter urgent, before the line.
_INTERRUPT = (b"\xff\xf4\xff", b"\xf2")

_STOCK = Script(stock={"/file": LARGE})

#: Bytes that a client has uploaded when it causes trouble.
_PART = 300_000


class Endings:
    """endings"""

    vanishing: ClassVar[int]

    @pytest.mark.parametrize("files", FILES)
    @rule("docs/hosts.md 4")
    def test_an_aborted_download_counts_what_left(self, start: Start, record: Record, files: Script) -> None:
        """After Cancel an effect that moved anything is answered by its count; EffectCancelled: nothing moved."""
        with start(replace(files, stock=_STOCK.stock)) as server:
            client = server.login()
            with client.data(window=4096) as data:
                client.send("RETR file")
                expect(data.recv(1), LARGE[:1], "the first byte of the file")
                record.settle()  # the buffers are full: the host is in the midst of an effect
                _interrupt(client)
                expect(client.codes(3), [150, 426, 226], "the replies to RETR and ABOR")
                received, orderly = take_all(data)
            session = client.session
            differ(LARGE[:1] + received, LARGE[: 1 + len(received)], "what RETR sent until ABOR")
            _check_count(session.sent, 1 + len(received), orderly)
            server.finish()
            _check_cut(session, "on_incomplete_file_sent")

    @pytest.mark.parametrize("files", FILES)
    @pytest.mark.parametrize("goes_on", [False, True], ids=["then silence", "while more comes"])
    @rule("docs/hosts.md 4")
    def test_an_aborted_upload_counts_what_came(
        self, start: Start, record: Record, files: Script, goes_on: bool
    ) -> None:
        """What left the socket is in the file, and counted, whatever cancels the effect."""
        with start(files) as server:
            client = server.login()
            with client.data() as data:
                session = _upload_part(client, data, record)
                if goes_on:
                    data.setblocking(False)
                    sent = _PART + data.send(LARGE[_PART:])
                    data.setblocking(True)
                else:
                    sent = _PART
                _interrupt(client)
                expect(client.codes(2), [426, 226], "the replies to STOR and ABOR")
                take_all(data)
            server.finish()
            _check_cut(session, "on_incomplete_file_received")
            content = session.latest.content
            differ(content, LARGE[: session.received], "what STOR stored, compared with what was counted")
            expect(_PART <= len(content) <= sent, True, f"{len(content)} bytes stored of {sent} sent, {_PART} counted")

    @pytest.mark.parametrize("files", FILES)
    @pytest.mark.parametrize("upload", [False, True], ids=["RETR", "STOR"])
    @rule("docs/hosts.md 4")
    def test_a_reset_is_no_end(self, start: Start, record: Record, files: Script, upload: bool) -> None:
        """A data connection that breaks fails the effect by a ConnectionError: 426, and the file is incomplete."""
        with start(replace(files, stock=_STOCK.stock)) as server:
            client = server.login()
            data = client.data(window=None if upload else 4096)
            session = _upload_part(client, data, record) if upload else _download_part(client, data)
            reset(data)
            expect(client.code(), 426, "the reply when the data connection was reset")
            expect(client.command("PWD"), 257, "the reply to the next command")
            server.finish()
            _check_cut(session, "on_incomplete_file_received" if upload else "on_incomplete_file_sent")
            if upload:
                differ(session.latest.content, LARGE[:_PART], "what STOR stored")

    @pytest.mark.parametrize("files", FILES)
    @pytest.mark.parametrize("crash", [False, True], ids=["closed", "reset"])
    @pytest.mark.parametrize("upload", [False, True], ids=["RETR", "STOR"])
    @rule("docs/hosts.md 6")
    def test_a_lost_control_connection_cuts_transfers(
        self, start: Start, record: Record, files: Script, upload: bool, crash: bool
    ) -> None:
        """After `connection_lost` or `receive_eof` the host goes on until all is closed, hooks and all."""
        with start(replace(files, stock=_STOCK.stock)) as server:
            client = server.login()
            data = client.data(window=None if upload else 4096)
            session = _upload_part(client, data, record) if upload else _download_part(client, data)
            if crash:
                client.reset()
            else:
                client.sock.close()
            received, orderly = take_all(data)
            if not upload:
                record.check_over()
                _check_count(session.sent, 1 + len(received), orderly)
            server.finish()
            _check_cut(session, "on_incomplete_file_received" if upload else "on_incomplete_file_sent")
            expect(session.hooks[-1], ("on_disconnect",), "the last hook")

    @pytest.mark.parametrize("half", [False, True], ids=["QUIT", "QUIT and a half-close"])
    @rule("RFC 959 4.1.1, QUIT")
    def test_quit_lets_a_transfer_end(self, start: Start, record: Record, half: bool) -> None:
        """QUIT is answered at once; the transfer goes on to its end, is answered, and then the connection closed."""
        with start() as server:
            client = server.login()
            with client.data() as data:
                session = _upload_part(client, data, record)
                client.send("QUIT")
                if half:
                    client.sock.shutdown(socket.SHUT_WR)
                expect(client.code(), 221, "the reply to QUIT")
                data.sendall(LARGE[_PART : 2 * _PART])
            expect(client.rest(), [226], "the replies after QUIT")
            server.finish()
            expect(session.latest.closings, [True], "`complete` of the file")
            differ(session.latest.content, LARGE[: 2 * _PART], "what STOR stored")

    @pytest.mark.parametrize("crash", [False, True], ids=["closed", "reset"])
    @rule("docs/hosts.md 6")
    def test_a_client_may_vanish_anywhere(self, start: Start, crash: bool) -> None:
        """Wherever the control connection breaks, within lines too, the session ends, and nothing of it is left."""
        with start(Script(stock={"/file": b"data"}), auth_failed_timeout=0.01) as server:
            listener, argument = server.login().listener()
            lines = [f"USER {USER}", f"PASS {PASSWORD}", "TYPE I", f"EPRT {argument}", "STOR file", "ABOR", "EPSV"]
            lines += ["RETR file", "MKD x", "EPSV", "ABOR", f"EPRT {argument}", "RETR file", "QUIT"]
            script = "".join(f"{line}\r\n" for line in lines).encode()
            listener.setblocking(False)
            for length in range(0, len(script) + 1, self.vanishing):
                client = server.client()
                client.sock.sendall(script[:length])
                if length % 3:  # else it goes before the greeting
                    expect(client.code(), 220, "the greeting")
                if crash:
                    client.reset()
                else:
                    client.close()
                with suppress(BlockingIOError):  # a queue that is full would not answer any more
                    while True:
                        listener.accept()[0].close()
            listener.close()

    @pytest.mark.parametrize("method", ["on_connect", "on_login", "authenticate", "open_file", "read_at", "close"])
    @rule("docs/hosts.md 6")
    def test_a_client_may_vanish_during_a_port_call(
        self, start: Start, record: Record, gate: Gate, method: str
    ) -> None:
        """The answer of a port that comes when the client has gone is given to the session all the same."""
        with start(Script(stock={"/file": b"data"}, gates={method: gate})) as server:
            client = server.client()
            client.send(f"USER {USER}", f"PASS {PASSWORD}", "TYPE I")
            if method in ("open_file", "read_at", "close"):
                expect(client.codes(4), [220, 331, 230, 200], "the replies to a login")
                client.data()
                client.send("RETR file")
            session = client.session
            record.wait(lambda: session.held, f"{method} to be called")
            client.reset()
            record.settle()
            gate.open()
            server.finish()
            expect(session.hooks[-1], ("on_disconnect",), "the last hook")

    @pytest.mark.parametrize("name", ["receive_data", "receive_eof", "succeed", "control_sent", "handle_deadline"])
    @rule("docs/hosts.md 8")
    def test_a_session_that_raises_is_given_up(self, start: Start, record: Record, name: str) -> None:
        """An input that raises is a bug: the host abandons the session, closes all it had, and serves the others."""
        with start(Script(broken_inputs=frozenset([name])), data_timeout=0.2) as server:
            other, client = server.login(), server.login()
            with client.data() as data:
                client.send("STOR file")
                expect(client.code(), 150, "the mark of STOR")
                session = client.session
                record.wait(lambda: session.in_call("ReceiveData"), "ReceiveData to be asked for")
                match name:
                    case "receive_data" | "control_sent":
                        client.send("NOOP")
                    case "receive_eof":
                        client.sock.shutdown(socket.SHUT_WR)
                    case "succeed":
                        data.sendall(b"data")
                    case _:
                        pass  # the transfer stalls
                take_all(data)
                take_all(client.sock)
            record.wait(lambda: session.over, f"`abandon`, for {name} raised")
            expect(session.over is not None and session.over.abandoned, True, f"`abandon` called, for {name} raised")
            record.wait(lambda: session.all_closed, "the files that `abandon` returned to be closed")
            expect(session.latest.closings, [False], "`complete` of the file that `abandon` returned")
            expect(other.command("NOOP"), 200, "the reply to a command of another session")


def _upload_part(client: Client, data: socket.socket, record: Record) -> SessionRecord:
    """Begin an upload, and return when a part of it is counted."""
    __tracebackhide__ = True
    client.send("STOR file")
    expect(client.code(), 150, "the mark of STOR")
    data.sendall(LARGE[:_PART])
    session = client.session
    record.wait(lambda: session.received == _PART, f"{_PART} bytes to be counted, for so many were sent")
    return session


def _download_part(client: Client, data: socket.socket) -> SessionRecord:
    """Begin a download, and return when its first byte is there."""
    __tracebackhide__ = True
    client.send("RETR file")
    expect((client.code(), data.recv(1)), (150, LARGE[:1]), "the mark, and the first byte of the file")
    return client.session


def _interrupt(client: Client) -> None:
    plain, urgent = _INTERRUPT
    client.sock.send(plain)
    client.sock.send(urgent, socket.MSG_OOB)
    client.send("ABOR")


def _check_count(counted: int, arrived: int, orderly: bool) -> None:
    """What arrived was counted; what was counted arrived, unless a reset took it."""
    __tracebackhide__ = True
    if counted < arrived or (orderly and counted != arrived):
        broken("the bytes that the host counted", expected=f"{arrived}, for so many arrived", came=counted)


def _check_cut(session: SessionRecord, hook: str) -> None:
    __tracebackhide__ = True
    expect(session.latest.closings, [False], "`complete` of the file of a transfer that was cut")
    expect(hook in [called[0] for called in session.hooks], True, f"whether {hook} was called")
