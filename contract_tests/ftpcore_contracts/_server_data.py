"""Rules of data connections: who listens and for how long, who may connect, and what is left of it."""

from __future__ import annotations

import socket
from contextlib import ExitStack, suppress

import pytest

from ftpcore import Address
from ftpcore_contracts._rules import broken, expect, rule
from ftpcore_contracts._server_client import Client, Start, take_all
from ftpcore_contracts._server_record import Record
from ftpcore_contracts._server_script import Script

__all__ = ["DataConnections"]

_STOCK = Script(stock={"/file": b"data"})

#: How often it is asked whether the server has accepted a connection.
_LOOKS = 1_000


class DataConnections:
    """data connections"""

    @rule("docs/hosts.md 5")
    def test_nobody_connects(self, start: Start) -> None:
        """AcceptData goes on until it is cancelled; the listener is closed then, and the session stays."""
        with start(_STOCK, accept_timeout=0.1) as server:
            client = server.login()
            client.send("EPSV", "RETR file")
            expect(client.codes(3), [229, 150, 425], "the replies to EPSV and RETR when nobody connects")
            address = client.passive()
            expect(client.code(), 421, "the reply when nobody connects and no command waits")
            _check_refused(address, "a port that nobody came to in time")
            expect(client.command("PWD"), 257, "the reply to the next command")

    @rule("docs/hosts.md 5")
    def test_a_connection_may_come_before_its_command(self, start: Start, record: Record) -> None:
        """What comes over a data connection before its command waits, its end too."""
        with start() as server:
            client = server.login()
            with client.data() as data:
                data.sendall(b"data")
                data.shutdown(socket.SHUT_WR)
                record.settle()
                client.send("STOR file")
                expect(client.codes(2), [150, 226], "the replies to STOR")
            expect(client.session.latest.content, b"data", "the file")

    @rule("docs/hosts.md 5")
    def test_a_listener_serves_one_connection(self, start: Start) -> None:
        """The first connection from the client is the data connection; who comes second gets nothing, not a byte."""
        with start(_STOCK) as server:
            client = server.login()
            address = client.passive()
            first, second = client.data(address), b""
            with suppress(ConnectionError):  # refused, which is as good
                second, _ = take_all(client.data(address))
            client.send("RETR file")
            expect(take_all(first), (b"data", True), "what the first connection got")
            expect(second, b"", "what the second connection got")
            expect(client.codes(2), [150, 226], "the replies to RETR")
            _check_refused(address, "a port that has served its connection")

    @pytest.mark.parametrize("permitted", [False, True])
    @rule("RFC 2577 4")
    def test_the_peer_of_a_data_connection_is_told(self, start: Start, permitted: bool) -> None:
        """AcceptData is answered by who connected, for the core to judge; a stranger is closed, listening goes on."""
        with start(_STOCK, permit_foreign_addresses=permitted) as server:
            client = server.login()
            address = client.passive()
            try:
                stranger = client.data(address, source="127.0.0.2")
            except OSError as error:
                pytest.skip(f"nobody can come from another address here: {error}")
            if not permitted:
                expect(take_all(stranger)[0], b"", "what a stranger got")
            owner = stranger if permitted else client.data(address)
            client.send("RETR file")
            expect(take_all(owner), (b"data", True), "what the owner of the data connection got")
            expect(client.codes(2), [150, 226], "the replies to RETR")

    @pytest.mark.parametrize(
        "command", ["ABOR", "EPSV", "EPRT", "REIN", "QUIT", ""], ids=lambda command: command or "leaving"
    )
    @rule("docs/hosts.md 5")
    def test_a_listener_is_closed_when_it_is_given_up(self, start: Start, command: str) -> None:
        """CloseData closes a listener at once: nobody can connect any more."""
        with start() as server:
            client = server.login()
            address = client.passive()
            match command:
                case "":
                    client.close()
                    server.finish()
                case "QUIT":
                    client.send("QUIT")
                    expect(client.rest(), [221], "the reply to QUIT")
                    server.finish()
                case "EPRT":
                    expect(client.command(f"EPRT {client.listener()[1]}"), 200, "the reply to EPRT")
                case "EPSV":
                    expect(client.passive() == address, False, "the same port again")
                case _:
                    expect(client.command(command), 225 if command == "ABOR" else 220, f"the reply to {command}")
            _check_refused(address, "a port that was given up")

    @pytest.mark.parametrize("silent", [False, True], ids=["refused", "not answered"])
    @rule("docs/hosts.md 5")
    def test_a_connection_that_can_not_be_made_fails(self, start: Start, silent: bool) -> None:
        """ConnectData fails by an OSError when the client refuses, and is given up when nobody answers; 425."""
        with start(_STOCK, connect_timeout=0.2) as server:
            client = server.login()
            host = str(client.sock.getsockname()[0])
            with socket.socket(client.sock.family) as target, ExitStack() as others:
                target.bind((host, 0))
                name = target.getsockname()
                if silent:
                    target.listen(0)
                    for _ in range(3):  # its queue is full then: more are not answered
                        others.enter_context(_connecting(name))
                client.send(f"EPRT |{2 if ':' in host else 1}|{host}|{name[1]}|", "RETR file")
                expect(client.codes(3), [200, 150, 425], "the replies to EPRT and RETR")
            expect(client.command("PWD"), 257, "the reply to the next command")

    @rule("docs/hosts.md 5")
    def test_an_unused_connection_is_closed(self, start: Start) -> None:
        """A data connection that no transfer used is closed by ABOR, by the next EPSV, and with the session."""
        with start() as server:
            client = server.login()
            for command in ("ABOR", "EPSV", "QUIT"):
                with client.data() as data:
                    _wait_for_it(client)
                    client.send(command)
                    expect(take_all(data)[0], b"", f"what came over the data connection after {command}")
                expect(client.code(), {"ABOR": 225, "EPSV": 229, "QUIT": 221}[command], f"the reply to {command}")


def _wait_for_it(client: Client) -> None:
    """Ask until the server has accepted the data connection; it may find the next command before it."""
    __tracebackhide__ = True
    for _ in range(_LOOKS):
        client.send("STAT")
        reply = client.reply()
        if reply is None or "Data connection open:" in reply.lines:
            return
    broken("an unused data connection", expected="STAT to tell of it", came=f"nothing of it in {_LOOKS} replies")


def _connecting(name: tuple[str, int]) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in name[0] else socket.AF_INET)
    sock.setblocking(False)
    sock.connect_ex(name)
    return sock


def _check_refused(address: Address, what: str) -> None:
    __tracebackhide__ = True
    try:
        socket.create_connection((address.host, address.port), 5).close()
    except OSError:
        return
    broken(f"connecting to {what}", expected="ConnectionRefusedError", came=f"a connection to {address}")
