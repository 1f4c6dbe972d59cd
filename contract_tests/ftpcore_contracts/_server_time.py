"""Rules of time: `handle_deadline` is called when `next_deadline` says so, whatever else goes on or does not."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from ftpcore_contracts._rules import expect, rule
from ftpcore_contracts._server_client import Start, reset, take_all
from ftpcore_contracts._server_script import PASSWORD, USER, Script
from ftpcore_contracts._server_transfers import FILES, LARGE, differ

__all__ = ["Time"]

#: Seconds: as short as a busy machine allows.
_SHORT = 0.2


class Time:
    """time"""

    @pytest.mark.parametrize("option", ["timeout", "login_timeout"])
    @rule("docs/hosts.md 9")
    def test_an_idle_session_is_closed(self, start: Start, option: str) -> None:
        """A session that nothing comes for is told the time when it asked to be, and ends by 421."""
        with start(**{option: _SHORT}) as server:
            expect(server.client().rest(), [220, 421], f"the replies to a client that is silent, with {option}")

    @rule("docs/hosts.md 9")
    def test_a_deadline_may_move(self, start: Start) -> None:
        """`next_deadline` is asked after each input: it may be later than before, or earlier."""
        with start(timeout=0.5, accept_timeout=_SHORT) as server:
            client = server.client()
            client.send("NOOP")
            expect(client.rest(), [220, 200, 421], "the replies to a client that says one thing and is silent")
            client = server.login()
            client.send("EPSV", "NOOP")
            expect(client.rest(), [229, 200, 421, 421], "the replies when nobody comes to a port, and nothing follows")

    @pytest.mark.parametrize("upload", [False, True], ids=["RETR", "STOR"])
    @pytest.mark.parametrize("files", FILES)
    @rule("docs/hosts.md 9")
    def test_a_transfer_that_stalls_is_cut(self, start: Start, files: Script, upload: bool) -> None:
        """A data connection over which nothing moves for `data_timeout` is given up, 426; the session stays."""
        with start(replace(files, stock={"/file": LARGE}), data_timeout=_SHORT) as server:
            client = server.login()
            data = client.data(window=4096)
            expect(client.command("STOR new" if upload else "RETR file"), 150, "the mark")
            expect(client.code(), 426, "the reply when nothing moves")
            expect(client.command("PWD"), 257, "the reply to the next command")
            received, _ = take_all(data)
            differ(received, LARGE[: len(received)], "what was sent until the stall")
            expect(client.session.latest.closings, [False], "`complete` of the file")

    @rule("docs/hosts.md 9")
    def test_a_data_connection_without_a_command_is_closed(self, start: Start) -> None:
        """A data connection that no command comes for ends the session by 421."""
        with start(data_timeout=_SHORT) as server:
            client = server.login()
            data = client.data()
            expect(client.rest(), [421], "the replies when no command comes")
            expect(take_all(data)[0], b"", "what came over the data connection")

    @pytest.mark.parametrize("orderly", [True, False], ids=["closed", "reset"])
    @rule("docs/hosts.md 4")
    def test_a_data_connection_that_the_client_left_vanishes(self, start: Start, orderly: bool) -> None:
        """An effect is tried before a `Cancel` that comes at its heels: when the time of a data connection without a
        command is over, and the client has closed it, that is seen, and the session goes on.
        """
        with start(data_timeout=_SHORT, timeout=3 * _SHORT) as server:
            client = server.login()
            data = client.data()
            if orderly:
                data.close()
            else:
                reset(data)
            before = time.monotonic()
            reply = client.reply()
            expect(reply and reply.lines, ("Control connection timed out.",), "what ends a session that does nothing")
            expect(time.monotonic() - before > 3 * _SHORT, True, "whether the session got its own time after that")

    @rule("docs/hosts.md 9")
    def test_a_penalty_is_served(self, start: Start) -> None:
        """The reply to a wrong password is held back for a while, and then it comes, though nothing else happens."""
        with start(auth_failed_timeout=_SHORT) as server:
            client = server.client()
            expect(client.code(), 220, "the greeting")
            before = time.monotonic()
            client.send(f"USER {USER}", "PASS wrong", f"USER {USER}", f"PASS {PASSWORD}")
            expect(client.codes(4), [331, 530, 331, 230], "the replies to a wrong password and a right one")
            expect(time.monotonic() - before >= _SHORT * 0.9, True, f"whether the penalty took {_SHORT} s")

    @pytest.mark.parametrize("upload", [False, True], ids=["RETR", "STOR"])
    @rule("docs/hosts.md 9")
    def test_a_limited_transfer_takes_its_time(self, start: Start, upload: bool) -> None:
        """Pauses of a rate limit end by `handle_deadline`: the transfer is slow, and complete."""
        content = LARGE[:60_000]
        with start(Script(stock={"/file": content}), read_limit=200_000, write_limit=200_000) as server:
            client = server.login()
            before = time.monotonic()
            with client.data() as data:
                client.send("STOR new" if upload else "RETR file")
                if upload:
                    data.sendall(content)
                else:
                    differ(take_all(data)[0], content, "what RETR sent")
            expect(client.codes(2), [150, 226], "the replies to a limited transfer")
            expect(time.monotonic() - before > 0.1, True, "whether 60,000 bytes at 200,000 a second took their time")
            if upload:
                differ(client.session.latest.content, content, "what STOR stored")
