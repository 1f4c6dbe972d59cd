"""FTP clients under TLS that see the wire: close_notify and FIN, in which order they come, and what is behind them."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.adapters.serving import PATIENCE, Client

__all__ = ["SecureClient", "Truncated", "Wire", "client_context", "login"]

_BLOCK: Final = 65536

VERSIONS: Final = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


class Truncated(Exception):
    """The server's end came without close_notify."""


def client_context(authority: Path, version: str | None = None) -> ssl.SSLContext:
    """Return a context that trusts `authority`; for one version of TLS, or for all."""
    context = ssl.create_default_context(cafile=str(authority))
    if version is not None:
        context.minimum_version = context.maximum_version = VERSIONS[version]
    return context


class Wire:
    """TLS on a connected socket, whose every wait is bounded.

    Attributes:
        ended: The server's close_notify came.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> None:
        self.sock = sock
        self.ended = False
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_hostname="localhost", session=session)

    @property
    def session(self) -> ssl.SSLSession | None:
        return self.tls.session

    def hello(self) -> bytes:
        """Return the ClientHello, which is not sent."""
        with suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self._out.read()

    def handshake(self) -> None:
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
                self._fill()
            else:
                break
        self.flush()

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self.tls.write(view[: 1 << 20]) :]
            self.flush()

    def encrypted(self, data: bytes) -> bytes:
        """Return `data` as records, which are not sent."""
        self.tls.write(data)
        return self._out.read()

    def receive(self, size: int = _BLOCK) -> bytes:
        """Return what comes; b"" at close_notify, Truncated at an end without it."""
        while not self.ended:
            try:
                data = self.tls.read(size)
            except ssl.SSLWantReadError:
                self._fill()
            except ssl.SSLZeroReturnError:
                self.ended = True
            else:
                self.ended = not data
                return data
        return b""

    def read_to_end(self) -> bytes:
        """Return all that comes up to close_notify."""
        blocks = []
        while block := self.receive():
            blocks.append(block)
        return b"".join(blocks)

    def finish(self) -> None:
        """Send close_notify, and go on reading."""
        with suppress(ssl.SSLWantReadError, ssl.SSLError):  # it looks for the server's, too, and may find data
            self.tls.unwrap()
        self.flush()

    def farewell(self) -> bytes:
        """Return a close_notify, which is not sent."""
        with suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self._out.read()

    def rest(self) -> bytes:
        """Return what came behind the server's close_notify."""
        return self._in.read()

    def fin(self) -> bool:
        """Does the server's FIN follow its close_notify, and nothing in between?"""
        return self.ended and self.rest() + self.sock.recv(1) == b""

    def flush(self) -> None:
        self.sock.sendall(self._out.read())

    def _fill(self) -> None:
        data = self.sock.recv(_BLOCK)
        if not data:
            raise Truncated
        self._in.write(data)


class SecureClient(Client):
    """A control connection that may go under TLS, and its transfers.

    Attributes:
        wire: TLS on the control connection; None: it is in clear.
        private: PROT P was agreed on.
        resumes: Data connections resume the TLS session of the control connection.
    """

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext, *, implicit: bool = False) -> None:
        super().__init__(address)
        self._lines.close()
        self.context = context
        self.wire: Wire | None = None
        self.private = implicit
        self.resumes = False
        self._received = b""
        if implicit:
            self.secure()

    # -- the control connection ----------------------------------------------------------------------------------------

    def secure(self) -> None:
        """Make the handshake."""
        self.wire = Wire(self.sock, self.context)
        self.wire.handshake()

    def start_tls(self) -> None:
        assert self.command("AUTH TLS") == 234
        self.secure()

    def clear(self) -> None:
        """Take the server's close_notify, answer it, and go on in clear."""
        assert self.wire is not None
        assert self.wire.receive() == b""
        self.wire.finish()
        self._received += self.wire.rest()
        self.wire = None

    def protect(self) -> None:
        assert self.command("PBSZ 0") == 200
        assert self.command("PROT P") == 200
        self.private = True

    def send_raw(self, data: bytes) -> None:
        if self.wire is None:
            self.sock.sendall(data)
        else:
            self.wire.send(data)

    def send(self, *lines: str) -> None:
        self.send_raw("".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape"))

    def line(self) -> str:
        while b"\n" not in self._received:
            try:
                data = self._more()
            except (ConnectionResetError, Truncated):
                return ""
            if not data:
                return ""
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return line.decode("utf-8", "surrogateescape").rstrip("\r")

    def ended(self) -> bool:
        try:
            return not (self._received or self._more())
        except (ConnectionError, ssl.SSLError, Truncated):
            return True

    def ended_well(self) -> bool:
        """Did close_notify come, then FIN?"""
        assert self.wire is not None
        return not self._received and self.wire.receive() == b"" and self.wire.fin()

    def _more(self) -> bytes:
        return self.sock.recv(_BLOCK) if self.wire is None else self.wire.receive()

    # -- data connections ----------------------------------------------------------------------------------------------

    def begin(self, command: str, *, active: bool = False, handshake: bool = True) -> tuple[socket.socket, Wire | None]:
        """Begin a transfer; return its connection, and TLS on it where it is private."""
        if active:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                listener.settimeout(PATIENCE)
                assert self.command(f"EPRT |1|127.0.0.1|{listener.getsockname()[1]}|") == 200
                self.send(command)
                data, _ = listener.accept()
        else:
            data = self.data()
            self.send(command)
        data.settimeout(PATIENCE)
        try:
            code = self.code()
            assert code == 150, (command, code)
            if not self.private:
                return data, None
            session = self.wire.session if self.resumes and self.wire is not None else None
            wire = Wire(data, self.context, session)
            if handshake:
                wire.handshake()
        except BaseException:
            data.close()
            raise
        return data, wire

    def retrieve(self, command: str, *, active: bool = False) -> bytes:
        """Download; AssertionError unless it ends as it should, by close_notify, FIN and 226."""
        data, wire = self.begin(command, active=active)
        with data:
            if wire is None:
                blocks = []
                while block := data.recv(_BLOCK):
                    blocks.append(block)
                content = b"".join(blocks)
            else:
                content = wire.read_to_end()
                assert wire.fin(), "no FIN behind close_notify"
        assert self.code() == 226
        return content

    def store(self, command: str, content: bytes, *, active: bool = False, waits: bool = False) -> int:
        """Upload, and return the code of the final reply; `waits` for the server's close_notify before closing."""
        data, wire = self.begin(command, active=active)
        with data:
            if wire is None:
                data.sendall(content)
            else:
                wire.send(content)
                wire.finish()
                if waits:
                    assert wire.read_to_end() == b""
                    assert wire.fin()
        return self.code()


def login(address: tuple[str, int], context: ssl.SSLContext, *, implicit: bool = False) -> SecureClient:
    """Return a client that is logged in under TLS, with private data connections."""
    client = SecureClient(address, context, implicit=implicit)
    if implicit:
        assert client.code() == 220
    else:
        assert client.code() == 220
        client.start_tls()
        client.protect()
    client.send("USER ann", "PASS correct-horse", "TYPE I")
    assert client.codes(3) == [331, 230, 200]
    return client
