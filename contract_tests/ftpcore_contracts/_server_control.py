"""Rules of the control connection: what comes over it, what goes, and when it is left alone."""

from __future__ import annotations

import socket
from typing import Final

import pytest

from ftpcore_contracts._rules import expect, rule
from ftpcore_contracts._server_client import Served, Start, take_all
from ftpcore_contracts._server_handler import ContractHandler
from ftpcore_contracts._server_record import Record
from ftpcore_contracts._server_script import PASSWORD, USER, Gate, Script

__all__ = ["Control"]

#: Lines that make FEAT long: some six kilobytes.
LONG: Final = tuple(f"X{number:02} {'x' * 500}" for number in range(12))

#: Times FEAT, whose replies are more than the buffers of the kernel hold: some nine megabytes.
MANY: Final = 1500

#: Bytes of a receive buffer that is soon full.
SMALL: Final = 4096


class Control:
    """control connection"""

    def suspend(self, handler: ContractHandler) -> None:
        raise NotImplementedError

    def resume(self, handler: ContractHandler) -> None:
        raise NotImplementedError

    @rule("docs/hosts.md 1")
    def test_hooks_are_called_in_their_places(self, start: Start) -> None:
        """`on_connect` is called first and `on_disconnect` last; each of the others once, when its time has come."""
        with start(auth_failed_timeout=0.01) as server:
            client = server.client()
            client.send(f"USER {USER}", "PASS wrong", f"USER {USER}", f"PASS {PASSWORD}", "TYPE I")
            expect(client.codes(6), [220, 331, 530, 331, 230, 200], "the replies to two logins")
            with client.data() as data:
                expect(client.command("STOR file"), 150, "the mark of STOR")
                data.sendall(b"data")
            expect(client.code(), 226, "the reply to STOR")
            with client.data() as data:
                expect(client.command("RETR file"), 150, "the mark of RETR")
                expect(take_all(data), (b"data", True), "what RETR sent, and whether it ended in good order")
            expect(client.code(), 226, "the reply to RETR")
            client.send("QUIT")
            expect(client.rest(), [221], "the replies to QUIT")
            session = client.session
            server.finish()
        expected = [
            ("on_connect",),
            ("on_login_failed", USER, "wrong"),
            ("on_login", USER),
            ("on_file_received", "/file"),
            ("on_file_sent", "/file"),
            ("on_logout", USER),
            ("on_disconnect",),
        ]
        expect(session.hooks, expected, "the hooks, as they were called")

    @pytest.mark.parametrize("hook", ["on_connect", "on_login"])
    @rule("docs/hosts.md 2")
    def test_a_hook_is_waited_for(self, start: Start, record: Record, gate: Gate, hook: str) -> None:
        """The commands behind a hook begin when it has returned, however long that takes."""
        with start(Script(gates={hook: gate})) as server:
            client = server.client()
            client.send(f"USER {USER}", f"PASS {PASSWORD}", "NOOP", "PWD")
            session = client.session
            record.wait(lambda: hook in [called[0] for called in session.hooks], f"the call of {hook}")
            record.settle()
            said = session.replies.count(b"\r\n")
            expect(said, 0 if hook == "on_connect" else 3, f"replies while {hook} is under way")
            gate.open()
            expect(client.codes(5), [220, 331, 230, 200, 257], f"the replies once {hook} has returned")

    @rule("RFC 959 5.4")
    def test_pipelined_commands_are_answered_in_order(self, start: Start) -> None:
        """Commands that come in one segment get their replies in order, none twice, none left out."""
        with start() as server:
            client = server.login()
            client.send(*["NOOP", "PWD", "NONSENSE", "SYST"] * 100)
            expect(client.codes(400), [200, 257, 500, 215] * 100, "the replies to 400 commands")

    @rule("docs/hosts.md 3")
    def test_a_command_may_come_byte_by_byte(self, start: Start) -> None:
        """Each read of the control connection is given to the session as it comes, however little it is."""
        with start() as server:
            client = server.login()
            for byte in b"NOOP\r\nPWD\r\n":
                client.sock.send(bytes([byte]))
            expect(client.codes(2), [200, 257], "the replies to two commands in single bytes")

    @pytest.mark.parametrize(
        ("plain", "urgent", "rest"),
        [
            pytest.param(b"", b"NOOP\r\n", b"", id="the last byte of a line"),
            pytest.param(b"NO", b"O", b"P\r\n", id="in the midst of a word"),
            pytest.param(b"\xff\xf4\xff", b"\xf2", b"NOOP\r\n", id="Telnet IP and DM"),
        ],
    )
    @rule("RFC 959 4.1.3, ABOR")
    def test_urgent_bytes_keep_their_place(self, start: Start, plain: bytes, urgent: bytes, rest: bytes) -> None:
        """Bytes that come as urgent are read in their place: SO_OOBINLINE."""
        with start() as server:
            client = server.login()
            if plain:
                client.sock.send(plain)
            client.sock.send(urgent, socket.MSG_OOB)
            if rest:
                client.sock.send(rest)
            expect(client.command("PWD"), 200, "the reply to a NOOP of which a byte was urgent")
            expect(client.code(), 257, "the reply to the command behind it")

    @pytest.mark.parametrize(("last", "code"), [("PWD", 257), ("QUIT", 221), ("SIZE file", 213)])
    @rule("docs/hosts.md 3")
    def test_what_came_before_the_end_is_answered(
        self, start: Start, record: Record, gate: Gate, last: str, code: int
    ) -> None:
        """A client that shut down its sending side gets all its replies, then the end of the connection."""
        with start(Script(stock={"/file": b"data"}, gates={"stat": gate})) as server:
            client = server.login()
            client.send("NOOP", last)
            client.sock.shutdown(socket.SHUT_WR)
            record.settle()  # SIZE still waits for its file when the end comes
            gate.open()
            expect(client.rest(), [200, code], "the replies behind a half-close")

    @rule("docs/hosts.md 3")
    def test_unread_replies_stop_the_reading(self, start: Start, record: Record) -> None:
        """While `wants_data` is False nothing is read; once the client takes its replies, all goes on."""
        with start(extra_features=LONG) as server:
            client = server.client(window=SMALL)
            client.login()
            client.send(*["FEAT"] * MANY)
            session = client.session
            record.wait(lambda: session.stopped, "wants_data to become False, for nobody reads the replies")
            for _ in range(4):
                record.settle()
                client.send("NOOP")
            record.settle()
            client.widen()
            expect(client.codes(MANY + 4), [211] * MANY + [200] * 4, "the codes of all replies, once they are read")

    @rule("docs/hosts.md 6")
    def test_all_replies_leave_before_the_close(self, start: Start, record: Record) -> None:
        """CloseControl comes when all replies have left; what the kernel holds still reaches a slow client."""
        with start(extra_features=LONG) as server:
            client = server.client(window=SMALL)
            client.login()
            client.send(*["FEAT"] * MANY, "QUIT")
            record.settle()
            client.widen()
            expect(client.rest(), [211] * MANY + [221], "the codes of all replies")

    @rule("docs/hosts.md 7")
    def test_a_suspended_session_is_left_alone(self, start: Start, record: Record) -> None:
        """`suspend` and `resume` from another thread reach the session on its own; in between nothing is read."""
        with start() as server:
            client = server.login()
            session, handler = client.session, self._suspendable(server)
            self.suspend(handler)
            record.wait(lambda: session.stopped, "wants_data to become False, for the session is suspended")
            for _ in range(3):
                client.send("NOOP")
                record.settle()
            expect(session.replies.count(b"\r\n"), 4, "replies while the session is suspended")
            self.resume(handler)
            expect(client.codes(3), [200] * 3, "the replies once it is resumed")

    @pytest.mark.parametrize("resumes", [False, True], ids=["suspends", "suspends and resumes"])
    @rule("docs/hosts.md 7")
    def test_what_a_hook_asks_of_its_session_is_done_behind_it(
        self, start: Start, record: Record, resumes: bool
    ) -> None:
        """A hook may suspend and resume its session: not within the hook, but before the next command begins."""

        def meanwhile(handler: ContractHandler, hook: str) -> None:
            if hook == "on_login":
                self.suspend(handler)
                if resumes:
                    self.resume(handler)

        with start(meanwhile=meanwhile) as server:
            client = server.client()
            expect(client.code(), 220, "the greeting")
            session, handler = client.session, self._suspendable(server)
            client.send(f"USER {USER}", f"PASS {PASSWORD}", "NOOP", "PWD")
            expect(client.codes(2), [331, 230], "the replies to a login")
            if not resumes:
                record.wait(lambda: session.stopped, "wants_data to become False, for on_login suspended the session")
                record.settle()
                expect(session.replies.count(b"\r\n"), 3, "replies while the session is suspended")
                self.resume(handler)
            expect(client.codes(2), [200, 257], "the replies once it is resumed")

    def _suspendable(self, server: Served) -> ContractHandler:
        """Return the handler of the first session, if it can be suspended."""
        if not server.handler_class.made:
            pytest.skip("not offered: suspension from another thread")
        handler = server.handler_class.made[0]
        self.resume(handler)
        return handler
