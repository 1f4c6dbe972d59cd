"""Rules of transfers: what moves over a data connection is all of it, once, and counted as it moves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import pytest

from ftpcore_contracts._rules import broken, expect, rule
from ftpcore_contracts._server_client import Start, take_all
from ftpcore_contracts._server_record import Record, SessionRecord
from ftpcore_contracts._server_script import Script, pattern

__all__ = ["FILES", "LARGE", "Transfers", "differ"]

#: More than the buffers of a connection hold, so that each side has to wait for the other.
LARGE: Final = pattern(6 * 1024 * 1024 + 1234)

#: Ways in which a host may have to move a file: inline, by worker threads, within the kernel.
FILES: Final = [
    pytest.param(Script(), id="in memory"),
    pytest.param(Script(blocking=True), id="blocking"),
    pytest.param(Script(kernel=True), id="with a descriptor"),
]

#: Bytes of a receive buffer that is soon full.
_SMALL: Final = 4096

#: Bytes that are compared at once.
_BLOCK: Final = 65536


def differ(came: bytes, expected: bytes, what: str) -> None:
    """Fail, by few words, unless two large contents are equal."""
    __tracebackhide__ = True
    if came == expected:
        return
    shorter = min(len(came), len(expected))
    same = next((at for at in range(0, shorter, _BLOCK) if came[at : at + _BLOCK] != expected[at : at + _BLOCK]), 0)
    first = next((at for at in range(same, shorter) if came[at] != expected[at]), None)
    where = "one is the beginning of the other" if first is None else f"different from byte {first} on"
    broken(what, expected=f"{len(expected)} bytes", came=f"{len(came)} bytes; {where}")


def _wait_for_count(record: Record, session: SessionRecord, name: str, count: int) -> None:
    __tracebackhide__ = True
    record.wait(lambda: getattr(session, name) >= count, f"{count} bytes {name} to be counted, for they arrived")


class Transfers:
    """transfers"""

    @pytest.mark.parametrize("files", FILES)
    @pytest.mark.parametrize("size", [0, 1, 262_145, len(LARGE)])
    @rule("docs/hosts.md 4")
    def test_a_download_arrives_whole(self, start: Start, files: Script, size: int) -> None:
        """Every byte of a file arrives once, in order, before the orderly end; the host counts as many."""
        with start(replace(files, stock={"/file": LARGE[:size]})) as server:
            client = server.login()
            with client.data() as data:
                client.send("RETR file")
                received, orderly = take_all(data)
            expect(client.codes(2), [150, 226], "the replies to RETR")
            differ(received, LARGE[:size], "what RETR sent")
            expect(orderly, True, "an end in good order, which says that this was all")
            expect(client.session.sent, size, "the bytes that SendData and SendFile were answered by")
            server.finish()
            expect(client.session.latest.closings, [True], "`complete` of the file that was sent")

    @pytest.mark.parametrize("files", FILES)
    @pytest.mark.parametrize("size", [0, 1, 262_145, len(LARGE)])
    @rule("docs/hosts.md 4")
    def test_an_upload_is_stored_whole(self, start: Start, files: Script, size: int) -> None:
        """Every byte that the client sent before its orderly end is in the file, once, when that is closed."""
        with start(files) as server:
            client = server.login()
            with client.data() as data:
                client.send("STOR file")
                data.sendall(LARGE[:size])
            expect(client.codes(2), [150, 226], "the replies to STOR")
            file = client.session.latest
            expect(file.closings, [True], "`complete` of the file that was stored")
            differ(file.content, LARGE[:size], "what STOR stored")
            expect(client.session.received, size, "the bytes that ReceiveData and ReceiveFile were answered by")

    @pytest.mark.parametrize("files", FILES)
    @rule("docs/hosts.md 4")
    def test_a_slow_reader_gets_all(self, start: Start, files: Script) -> None:
        """A client that takes little at a time gets the whole file all the same."""
        with start(replace(files, stock={"/file": LARGE[:1_000_000]})) as server:
            client = server.login()
            with client.data(window=_SMALL) as data:
                client.send("RETR file")
                received = bytearray()
                while block := data.recv(1000):
                    received += block
            expect(client.codes(2), [150, 226], "the replies to RETR")
            differ(bytes(received), LARGE[:1_000_000], "what RETR sent")

    @pytest.mark.parametrize("files", FILES)
    @rule("docs/hosts.md 4")
    def test_an_upload_is_answered_at_the_first_progress(self, start: Start, record: Record, files: Script) -> None:
        """ReceiveData and ReceiveFile are answered by what came, and don't wait for more."""
        with start(files) as server:
            client = server.login()
            with client.data() as data:
                client.send("STOR file")
                sent = 0
                for size in (1, 2, 300_000, 1):
                    data.sendall(LARGE[sent : sent + size])
                    sent += size
                    _wait_for_count(record, client.session, "received", sent)
            expect(client.codes(2), [150, 226], "the replies to STOR")
            differ(client.session.latest.content, LARGE[:sent], "what STOR stored")

    @pytest.mark.parametrize("files", FILES)
    @rule("docs/hosts.md 4")
    def test_a_download_is_answered_at_the_first_progress(self, start: Start, record: Record, files: Script) -> None:
        """SendData and SendFile are answered by what left, and don't wait until all of it did."""
        with start(replace(files, stock={"/file": LARGE})) as server:
            client = server.login()
            with client.data(window=_SMALL) as data:
                client.send("RETR file")
                expect(data.recv(1), LARGE[:1], "the first byte of the file")
                session, arrived = client.session, 1
                for _ in range(20):
                    arrived += len(data.recv(_SMALL))
                    _wait_for_count(record, session, "sent", arrived)
                received, _ = take_all(data)
            expect(client.codes(2), [150, 226], "the replies to RETR")
            expect(arrived + len(received), len(LARGE), "the bytes that arrived")

    @pytest.mark.parametrize("files", FILES)
    @rule("RFC 3659 5")
    def test_transfers_begin_where_rest_says(self, start: Start, files: Script) -> None:
        """ReadFile, SendFile, WriteFile and ReceiveFile act at the offset that they name."""
        with start(replace(files, stock={"/file": b"0123456789"})) as server:
            client = server.login()
            with client.data() as data:
                client.send("REST 4", "RETR file")
                expect(take_all(data), (b"456789", True), "what RETR after REST 4 sent")
            expect(client.codes(3), [350, 150, 226], "the replies to REST and RETR")
            for commands, content, expected in [
                (("REST 4", "STOR file"), b"abc", b"0123abc789"),
                (("APPE file",), b"xyz", b"0123abc789xyz"),
                (("STOR file",), b"new", b"new"),
            ]:
                with client.data() as data:
                    client.send(*commands)
                    data.sendall(content)
                replies = [350, 150, 226][-len(commands) - 1 :]
                expect(client.codes(len(replies)), replies, f"the replies to {commands}")
                expect(client.session.latest.content, expected, f"the file after {commands}")

    @rule("RFC 959 4.1.3, LIST")
    def test_listings_go_over_data_connections(self, start: Start) -> None:
        """Lines of listings are sent as the core makes them, and those of a data connection that came early too."""
        stock = {f"/file{number:04}": b"x" for number in range(3000)}
        with start(Script(stock=stock)) as server:
            client = server.login()
            for verb in ("NLST", "MLSD", "LIST"):
                with client.data() as data:
                    client.send(verb)
                    lines, orderly = take_all(data)
                expect(client.codes(2), [150, 226], f"the replies to {verb}")
                expect((lines.count(b"\r\n"), orderly), (3000, True), f"the lines of {verb}, and an orderly end")

    @rule("RFC 959 4.1.2, PORT")
    def test_the_server_connects_to_the_client(self, start: Start) -> None:
        """ConnectData connects to the address that EPRT named, from that of the control connection."""
        with start(Script(stock={"/file": LARGE[:70_000]})) as server:
            client = server.login()
            for verb in ("RETR", "STOR"):
                listener, argument = client.listener()
                expect(client.command(f"EPRT {argument}"), 200, "the reply to EPRT")
                client.send(f"{verb} file")
                with client.accept(listener) as data:
                    expect(data.getpeername()[0], server.address.host, "the host that the server connects from")
                    if verb == "RETR":
                        differ(take_all(data)[0], LARGE[:70_000], "what RETR sent")
                    else:
                        data.sendall(LARGE[:70_000])
                expect(client.codes(2), [150, 226], f"the replies to {verb}")
            differ(client.session.latest.content, LARGE[:70_000], "what STOR stored")

    @rule("docs/hosts.md 4")
    def test_many_transfers_follow_each_other(self, start: Start) -> None:
        """Each transfer has a data connection of its own; nothing of one is left for the next."""
        with start(Script(stock={"/file": LARGE})) as server:
            client = server.login()
            for number in range(20):
                with client.data() as data:
                    if number % 2:
                        client.send("STOR other")
                        data.sendall(LARGE[: number * 1000])
                    else:
                        client.send(f"REST {len(LARGE) - number * 1000}", "RETR file")
                        differ(take_all(data)[0], LARGE[len(LARGE) - number * 1000 :], "what RETR sent")
                        expect(client.code(), 350, "the reply to REST")
                expect(client.codes(2), [150, 226], "the replies to RETR and STOR in turn")

    @pytest.mark.parametrize("files", FILES)
    @rule("docs/hosts.md 4")
    def test_sessions_transfer_at_once(self, start: Start, files: Script) -> None:
        """Transfers of several sessions go on beside each other, and don't mix."""
        size = 1_000_000
        with start(replace(files, stock={f"/{number}": LARGE[number:size] for number in range(4)})) as server:
            clients = [server.login() for _ in range(8)]

            def transfer(number: int) -> None:
                client, content = clients[number], LARGE[number:size]
                with client.data() as data:
                    client.send(f"RETR {number}" if number < 4 else f"STOR {number}")
                    if number < 4:
                        differ(take_all(data)[0], content, "what RETR sent")
                    else:
                        data.sendall(content)
                expect(client.codes(2), [150, 226], "the replies to RETR and STOR at once")
                if number >= 4:
                    differ(client.session.latest.content, content, "what STOR stored")

            with ThreadPoolExecutor(len(clients)) as pool:
                list(pool.map(transfer, range(len(clients))))
