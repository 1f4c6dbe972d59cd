"""Rules of servers: many sessions, sessions that wait, and the end of all of them."""

from __future__ import annotations

import ftplib
import io
import socket
import threading
from dataclasses import replace
from typing import ClassVar

import pytest

from ftpcore import Address
from ftpcore_contracts._rules import expect, rule
from ftpcore_contracts._server_client import Start, take_all
from ftpcore_contracts._server_handler import ContractHandler
from ftpcore_contracts._server_record import Record
from ftpcore_contracts._server_script import PASSWORD, USER, Gate, Script
from ftpcore_contracts._server_transfers import FILES, LARGE

__all__ = ["Sessions"]


class Sessions:
    """sessions"""

    concurrent: ClassVar[bool]
    concurrent_lanes: ClassVar[bool]
    stoppable: ClassVar[bool]

    @rule("RFC 959 2.3")
    def test_an_ordinary_client_is_served(self, start: Start, record: Record) -> None:
        """Python's ftplib lists, stores, retrieves and leaves."""
        with start(Script(stock={"/file": b"data"})) as server, ftplib.FTP() as client:
            client.connect(server.address.host, server.address.port, timeout=record.patience)
            client.login(USER, PASSWORD)
            client.storbinary("STOR new", io.BytesIO(LARGE[:100_000]))
            expect(client.nlst(), ["file", "new"], "the names of NLST")
            blocks: list[bytes] = []
            client.retrbinary("RETR new", blocks.append)
            expect(b"".join(blocks) == LARGE[:100_000], True, "whether RETR returned what STOR stored")
            expect(client.quit()[:3], "221", "the reply to QUIT")

    @rule("docs/hosts.md 7")
    def test_many_clients_come_at_once(self, start: Start) -> None:
        """Fifty clients that connect in one moment are all served, each as if it were alone."""
        with start(Script(stock={"/file": b"data"})) as server:
            clients = [server.client() for _ in range(50)]
            for client in clients:
                client.login()
            connections = [client.data() for client in clients]
            for client in clients:
                client.send("RETR file", "QUIT")
            for client, data in zip(clients, connections, strict=True):
                expect(take_all(data), (b"data", True), "what RETR sent to each of them")
                expect(sorted(client.rest()), [150, 221, 226], "the replies of each of them")

    @pytest.mark.parametrize(
        ("method", "command"),
        [("authenticate", ""), ("on_login", ""), ("open_file", "RETR file"), ("stat", "SIZE file")],
    )
    @rule("docs/hosts.md 7")
    def test_a_port_call_that_waits_delays_its_own_session(
        self, start: Start, record: Record, gate: Gate, method: str, command: str
    ) -> None:
        """While a blocking port or a hook of one session waits, the others are served."""
        if not self.concurrent:
            pytest.skip("not offered: concurrent port calls")
        with start(Script(stock={"/file": b"data"}, blocking=True, gates={method: gate})) as server:
            other, client = server.client(), server.client()
            client.send(f"USER {USER}", f"PASS {PASSWORD}", "TYPE I")
            data = None
            if command:
                expect(client.codes(4), [220, 331, 230, 200], "the replies to a login")
                data = client.data()
                client.send(command)
            session = client.session
            record.wait(lambda: session.held, f"{method} to be called")
            expect(other.command("HELP"), 220, "the greeting of another session meanwhile")
            expect(other.code(), 214, "the reply to its command meanwhile")
            gate.open()
            if data is not None and command == "RETR file":
                expect(take_all(data), (b"data", True), "what RETR sent once it could")
            elif command:
                expect(client.code(), 213, "the reply once it could be made")
            else:
                expect(client.codes(4), [220, 331, 230, 200], "the replies to a login once it could be made")

    @pytest.mark.parametrize("method", ["read_at", "write_at"])
    @rule("docs/hosts.md 7")
    def test_a_transfer_that_waits_for_its_file_delays_no_command(
        self, start: Start, record: Record, gate: Gate, method: str
    ) -> None:
        """The two lanes of a session wait by themselves: NOOP is answered while a transfer waits for its file."""
        if not self.concurrent_lanes:
            pytest.skip("not offered: concurrent lanes")
        with start(Script(stock={"/file": b"data"}, blocking=True, gates={method: gate})) as server:
            client = server.login()
            with client.data() as data:
                client.send("RETR file" if method == "read_at" else "STOR new")
                expect(client.code(), 150, "the mark")
                if method == "write_at":
                    data.sendall(b"data")
                session = client.session
                record.wait(lambda: session.held, f"{method} to be called")
                expect(client.command("NOOP"), 200, f"the reply to NOOP while {method} waits")
                gate.open()
            expect(client.code(), 226, "the reply to the transfer")

    @pytest.mark.parametrize("files", FILES)
    @pytest.mark.parametrize("command", ["STOR new", "RETR file"])
    @rule("docs/hosts.md 6")
    def test_a_server_that_stops_cuts_transfers(
        self, start: Start, record: Record, files: Script, command: str
    ) -> None:
        """A server that stops closes all connections, and all files as incomplete, within a bounded time."""
        server = start(replace(files, stock={"/file": LARGE}))
        client = server.login()
        data = client.data(window=4096)
        expect(client.command(command), 150, "the mark")
        session = client.session
        if command == "STOR new":
            data.sendall(LARGE[:100_000])
            record.wait(lambda: session.received == 100_000, "100,000 bytes to be counted, for so many were sent")

        @record.afterwards
        def check() -> None:
            take_all(data)
            take_all(client.sock)
            server.finish()
            expect(session.latest.closings, [False], "`complete` of a file when the server stops")

    @pytest.mark.parametrize("how", ["request_drain", "close_all"])
    @rule("docs/hosts.md 6")
    def test_a_hook_may_end_the_server(self, start: Start, record: Record, how: str) -> None:
        """What a hook asks of its server, to drain or to close all, is done to the whole of it."""
        if not self.stoppable:
            pytest.skip("not offered: a server that hooks can end")

        def meanwhile(handler: ContractHandler, hook: str) -> None:
            if hook == "on_login":
                end = getattr(handler.server, how)  # type: ignore[attr-defined]  # that is what `stoppable` says
                end(*([record.patience] if how == "request_drain" else []))

        with start(meanwhile=meanwhile) as server:
            others = [server.client() for _ in range(8)]  # more than there are workers
            for other in others:
                expect(other.command("HELP"), 220, "the greeting")
                expect(other.code(), 214, "the reply to HELP")
            client = server.client()
            client.send(f"USER {USER}", f"PASS {PASSWORD}")
            for other in others:
                expect(other.rest(), [421] if how == "request_drain" else [], "what other sessions get then")
            if how == "request_drain":
                expect(client.rest(), [220, 331, 230, 421], "the replies of the session with the hook")
            else:
                take_all(client.sock)
            record.wait(lambda: _refuses(server.address), "connections to be refused")
            session = client.session
            server.finish()
            expect(session.hooks[-1], ("on_disconnect",), "the last hook")

    @pytest.mark.parametrize("command", ["NOOP", "EPSV"])
    @rule("docs/hosts.md 6")
    def test_a_server_that_stops_ends_its_sessions(self, start: Start, record: Record, command: str) -> None:
        """Sessions that do nothing, and those that listen, end with the server."""
        server = start()
        client = server.login()
        expect(client.command(command), 200 if command == "NOOP" else 229, f"the reply to {command}")

        @record.afterwards
        def check() -> None:
            take_all(client.sock)
            server.finish()

    @pytest.mark.parametrize("method", ["open_file", "close"])
    @rule("docs/hosts.md 6")
    def test_a_server_that_stops_loses_no_file(self, start: Start, record: Record, gate: Gate, method: str) -> None:
        """A file that OpenFile yields after the end is closed by the host, as incomplete; no file is closed twice."""
        content = LARGE if method == "open_file" else b"data"
        server = start(Script(stock={"/file": content}, blocking=True, gates={method: gate}))
        client = server.login()
        client.data(window=4096)
        client.send("RETR file")
        session = client.session
        record.wait(lambda: session.held, f"{method} to be called")
        opening = threading.Timer(0.2, gate.open)  # by then the server has begun to stop
        opening.start()

        @record.afterwards
        def check() -> None:
            opening.join()
            take_all(client.sock)
            server.finish()
            closings = [file.closings for file in session.files.values()]
            expect(closings, [[method == "close"]], "`complete` of each file when the server stops")


def _refuses(address: Address) -> bool:
    try:
        socket.create_connection((address.host, address.port)).close()
    except ConnectionError:
        return True
    return False
