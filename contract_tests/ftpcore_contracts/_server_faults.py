"""Rules of faults: what ports and hooks raise is an answer, and ends a command or a session at most."""

from __future__ import annotations

import errno
import os
from contextlib import suppress

import pytest

from ftpcore_contracts._rules import expect, rule
from ftpcore_contracts._server_client import Start, take_all
from ftpcore_contracts._server_record import Record
from ftpcore_contracts._server_script import PASSWORD, USER, Fault, Script

__all__ = ["Faults"]

_BYTES = bytes(600_000)


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


class Faults:
    """faults"""

    @pytest.mark.parametrize("blocking", [False, True], ids=["inline", "blocking"])
    @pytest.mark.parametrize(
        ("method", "fault", "codes", "closings"),
        [
            pytest.param("open_file", Fault(_error(errno.EACCES)), [550], [], id="open_file, EACCES"),
            pytest.param("read_at", Fault(_error(errno.EIO)), [150, 451], [False], id="read_at, EIO"),
            pytest.param("read_at", Fault(_error(errno.EIO), 2), [150, 451], [False], id="third read_at, EIO"),
            pytest.param("read_at", Fault(KeyError("bug")), [150, 451], [False], id="read_at, a bug"),
            pytest.param("close", Fault(_error(errno.EIO)), [150, 451], [True], id="close, EIO"),
        ],
    )
    @rule("docs/hosts.md 2")
    def test_what_a_filesystem_raises_ends_a_download(
        self, start: Start, blocking: bool, method: str, fault: Fault, codes: list[int], closings: list[bool]
    ) -> None:
        """Whatever a port raises is given to `fail`: the client gets the reply for it, and the session goes on."""
        with start(Script(stock={"/file": _BYTES}, blocking=blocking, faults={method: fault})) as server:
            client = server.login()
            with client.data() as data:
                client.send("RETR file")
                if method != "open_file":
                    take_all(data)
                expect(client.codes(len(codes)), codes, f"the replies to RETR when {method} raises")
            expect(client.command("PWD"), 257, "the reply to the next command")
            files = list(client.session.files.values())
            expect([file.closings for file in files], [closings] * bool(closings), "`complete` of each file")

    @pytest.mark.parametrize("blocking", [False, True], ids=["inline", "blocking"])
    @pytest.mark.parametrize(
        ("method", "fault", "codes", "closings"),
        [
            pytest.param("open_file", Fault(_error(errno.EACCES)), [550], [], id="open_file, EACCES"),
            pytest.param("truncate", Fault(_error(errno.EIO)), [150, 451], [False], id="truncate, EIO"),
            pytest.param("write_at", Fault(_error(errno.ENOSPC)), [150, 452], [False], id="write_at, ENOSPC"),
            pytest.param("write_at", Fault(_error(errno.ENOSPC), 1), [150, 452], [False], id="second write_at, ENOSPC"),
            pytest.param("write_at", Fault(_error(errno.EDQUOT)), [150, 552], [False], id="write_at, EDQUOT"),
            pytest.param("write_at", Fault(KeyError("bug")), [150, 451], [False], id="write_at, a bug"),
            pytest.param("close", Fault(_error(errno.ENOSPC)), [150, 452], [True], id="close, ENOSPC"),
        ],
    )
    @rule("docs/hosts.md 2")
    def test_what_a_filesystem_raises_ends_an_upload(
        self, start: Start, blocking: bool, method: str, fault: Fault, codes: list[int], closings: list[bool]
    ) -> None:
        """An upload that was not stored is never answered 226; its file is closed once."""
        with start(Script(stock={"/file": b"old"}, blocking=blocking, faults={method: fault})) as server:
            client = server.login()
            with client.data() as data:
                client.send("STOR file")
                with suppress(ConnectionError):  # the server gives up
                    data.sendall(_BYTES)
            expect(client.codes(len(codes)), codes, f"the replies to STOR when {method} raises")
            expect(client.command("PWD"), 257, "the reply to the next command")
            files = list(client.session.files.values())
            expect([file.closings for file in files], [closings] * bool(closings), "`complete` of each file")

    @rule("docs/hosts.md 2")
    def test_what_an_authorizer_raises_ends_the_command(self, start: Start) -> None:
        """An authorizer that fails refuses nobody for good: 451, and the session goes on."""
        with start(Script(faults={"authenticate": Fault(RuntimeError("no database"))})) as server:
            client = server.client()
            client.send(f"USER {USER}", f"PASS {PASSWORD}", "NOOP")
            expect(client.codes(4), [220, 331, 451, 200], "the replies when the authorizer raises")

    @pytest.mark.parametrize("hook", ["on_connect", "on_login", "on_file_received", "on_logout", "on_disconnect"])
    @rule("docs/hosts.md 2")
    def test_a_hook_that_raises_ends_its_session(self, start: Start, record: Record, hook: str) -> None:
        """An exception in a hook ends the session it is of; the server goes on, and so do the others."""
        with start(Script(faults={hook: Fault(RuntimeError("a bug of the user"))})) as server:
            client = server.client()
            replies = []
            if hook != "on_connect":
                client.send(f"USER {USER}", f"PASS {PASSWORD}", "TYPE I")
                replies = [220, 331, 230]
            if hook not in ("on_connect", "on_login"):
                expect(client.codes(4), [220, 331, 230, 200], "the replies to a login")
                with client.data():
                    client.send("STOR file")
                replies = [150, 226]
                if hook != "on_file_received":
                    expect(client.codes(2), replies, "the replies to STOR")
                    client.send("QUIT")
                    replies = [221]
            expect(client.rest(), replies, f"the replies when {hook} raises, until the end")
            session = client.session
            record.wait(lambda: session.over, f"the end of a session whose {hook} raised")
            other = server.client()
            if hook == "on_connect":
                expect(other.rest(), [], "the replies to the next client")
            else:
                expect(other.code(), 220, "the greeting of the next client")
