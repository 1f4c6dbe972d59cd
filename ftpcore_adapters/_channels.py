"""Channels: connections that share an I/O loop with servers, in the style of asyncore and asynchat.

A proxy, a client, or a page about the server's health is written as a subclass of one of these.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from ftpcore_adapters._channels_socket import SocketChannel
from ftpcore_adapters._pollers import READ, WRITE

if TYPE_CHECKING:
    from ftpcore_adapters.ioloop import IOLoop

__all__ = ["Acceptor", "AsyncChat", "Connector", "Producer"]


class Producer(Protocol):
    """Something that is sent piece by piece, as there is room for it."""

    def more(self) -> bytes:
        """Return the next piece, which is empty at the end."""
        ...


class AsyncChat(SocketChannel):
    """A connection on a loop: what is read is cut at terminators, what is pushed is sent as there is room.

    A subclass implements `collect_incoming_data` and `found_terminator`, or, for data as they come, overrides
    `handle_read` and calls `recv`.  An exception of a method that the loop calls goes to `handle_error`.

    >>> from ftpcore_adapters.ioloop import IOLoop
    >>> class Lines(AsyncChat):
    ...     def collect_incoming_data(self, data: bytes) -> None:
    ...         print(data)
    ...
    ...     def found_terminator(self) -> None:
    ...         self.push(b"thanks")
    ...         self.close_when_done()
    >>> ours, theirs = socket.socketpair()
    >>> with IOLoop() as loop, theirs:
    ...     lines = Lines(ours, loop)
    ...     lines.set_terminator(b"\\n")
    ...     theirs.sendall(b"hello\\n")
    ...     loop.loop()
    ...     theirs.recv(100)
    b'hello'
    b'thanks'

    Args:
        sock: A connected socket, which belongs to the channel from now on.  Without one, see `create_socket`.
        ioloop: By default the one that the whole program shares.
    """

    ac_in_buffer_size: int = 65536
    """Bytes that are read at once, at most."""
    ac_out_buffer_size: int = 65536
    """Bytes that are sent at once, at most."""

    _terminator: bytes | int | None = None

    def __init__(self, sock: socket.socket | None = None, ioloop: IOLoop | None = None) -> None:
        self.producer_fifo: deque[Any] = deque()
        """What is still to be sent: bytes and producers; None stands for the end."""
        self._incoming = bytearray()
        super().__init__(sock, ioloop)

    def connect_af_unspecified(
        self, addr: tuple[str | None, int], source_address: tuple[str, int] | None = None
    ) -> int:
        """Make a socket of the family of `addr`, a host and a port, and begin to connect it; return the family.

        The host may be a name: the look-up blocks.

        Args:
            source_address: What the socket is bound to; a mapped IPv4 address is unmapped if the peer's family is IPv4.

        Raises:
            OSError: No address can be had; the channel has no socket then.
        """

        def begin(family: int, name: Any) -> None:
            if source_address is not None:
                host, port = source_address  # of a peer that came to an IPv6 socket by IPv4, say
                self.bind((host.removeprefix("::ffff:") if family == socket.AF_INET else host, port))
            self.connect(name)

        return self._with_family(addr, 0, begin)

    def push(self, data: bytes | bytearray | memoryview) -> None:
        """Send data, those that there is no room for later."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"expected bytes, not {type(data).__name__}; encode text first")
        size = self.ac_out_buffer_size
        block = bytes(data)
        self.producer_fifo.extend(block[start : start + size] for start in range(0, len(block), size))
        self.initiate_send()

    def push_with_producer(self, producer: Producer) -> None:
        """Send what a producer has, after what was pushed before."""
        self.producer_fifo.append(producer)
        self.initiate_send()

    def close_when_done(self) -> None:
        """Close as soon as everything that was pushed is sent."""
        if self.producer_fifo:
            self.producer_fifo.append(None)
        else:
            self.handle_close()

    def discard_buffers(self) -> None:
        """Drop what was read and not collected yet, and what was pushed and not sent yet."""
        self._incoming.clear()
        self.producer_fifo.clear()

    def initiate_send(self) -> None:
        """Send one block of what was pushed, and have the loop tell of room for the rest."""
        fifo = self.producer_fifo
        while fifo and self.connected:
            first = fifo[0]
            if first is None:
                fifo.popleft()
                self.handle_close()
                return
            if not isinstance(first, (bytes, bytearray, memoryview)):
                block = first.more()
                if block:
                    fifo.appendleft(block)
                elif fifo and fifo[0] is first:  # a producer may close the channel
                    fifo.popleft()
                continue
            try:
                sent = self.send(first[: self.ac_out_buffer_size])
            except OSError:
                self.handle_error()
                return
            if fifo and fifo[0] is first:
                if sent < len(first):
                    fifo[0] = first[sent:]
                else:
                    fifo.popleft()
            if first:
                break
        if self.connected and self._is_registered():
            self.modify_ioloop_events(self._events & READ | (WRITE if fifo else 0))

    def set_terminator(self, term: bytes | int | None) -> None:
        """Have `found_terminator` called behind these bytes, or after so many; None and 0: data come as they come."""
        if isinstance(term, int) and term < 0:
            raise ValueError(f"the number of bytes must be 0 or more, not {term}")
        if isinstance(term, str):
            raise TypeError(f"expected bytes, a number or None, not str; write b{term!r}")
        self._terminator = term

    def get_terminator(self) -> bytes | int | None:
        """Return the terminator; of a number what is left of it."""
        return self._terminator

    def close(self) -> None:
        """Close at once, cancel what `call_later` has scheduled, and drop what is not sent.  Idempotent."""
        super().close()
        self.discard_buffers()

    def writable(self) -> bool:
        """Is there something to send, or a connection to wait for?  Not asked by the loop."""
        return bool(self.producer_fifo) or not self.connected

    # -- for subclasses ------------------------------------------------------------------------------------------------

    def collect_incoming_data(self, data: bytes) -> None:
        """Take data that came before a terminator; called as often as pieces of them come."""
        raise NotImplementedError(f"{type(self).__name__} must implement collect_incoming_data(data)")

    def found_terminator(self) -> None:
        """The terminator has come, behind what was collected; `set_terminator` may set another one."""
        raise NotImplementedError(f"{type(self).__name__} must implement found_terminator()")

    def handle_read(self) -> None:
        """Data have come, or the end: by default look for terminators in them."""
        with suppress(BlockingIOError):
            self._incoming += self.recv(self.ac_in_buffer_size)
        self._collect()

    def handle_write(self) -> None:
        """There is room for data: by default for what was pushed."""
        self.initiate_send()

    # -- private -------------------------------------------------------------------------------------------------------

    def _first_events(self) -> int:
        if self.connecting:
            return WRITE
        return READ | WRITE if self.producer_fifo and self.connected else READ

    def _collect(self) -> None:
        """Hand over what came, piece by piece; a channel that closes itself meanwhile has an empty buffer."""
        incoming = self._incoming
        while incoming:
            terminator = self._terminator
            if isinstance(terminator, int) and terminator:
                end = size = min(terminator, len(incoming))
                self._terminator = terminator - size
                found = size == terminator
            elif terminator:
                assert not isinstance(terminator, int)
                size = incoming.find(terminator)
                found = size >= 0
                if not found:
                    size = len(incoming) - _begun(terminator, incoming)
                    if not size:
                        return
                end = size + len(terminator) * found
            else:
                end, size, found = len(incoming), len(incoming), False
            data = bytes(incoming[:size])
            del incoming[:end]
            if data:
                self.collect_incoming_data(data)
            if found and not self._closed:
                self.found_terminator()

    def _with_family(self, addr: tuple[str | None, int], flags: int, begin: Callable[[int, Any], None]) -> int:
        """Make a socket for the first address that `begin` takes."""
        if self.socket is not None and self.socket.fileno() >= 0:
            raise RuntimeError(f"{self!r} has a socket already; close() it first")
        self.socket = None
        host, port = addr
        failure: OSError | None = None
        for family, kind, _, _, name in socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=flags):
            try:
                self.create_socket(family, kind)
                begin(family, name)
            except OSError as error:
                failure = error
                self._give_socket_up()
            else:
                return family
        raise failure or OSError(errno.EADDRNOTAVAIL, f"{host} has no address")

    def _give_socket_up(self) -> None:
        self.del_channel()
        if self.socket is not None:
            self.socket.close()
        self.socket = self._fileno = self.addr = None
        self.connected = self.connecting = False


class Acceptor(AsyncChat):
    """A channel that listens: `bind_af_unspecified`, `listen`, and `handle_accepted` gets the connections."""

    def bind_af_unspecified(self, addr: tuple[str | None, int]) -> int:
        """Make a socket of the family of `addr`, a host ("" for any) and a port, and bind it; return the family.

        The host may be a name: the look-up blocks.

        Raises:
            OSError: No address can be had; the channel has no socket then.
        """

        def bind(_: int, name: Any) -> None:
            self.set_reuse_addr()
            self.bind(name)

        return self._with_family(addr, socket.AI_PASSIVE, bind)


class Connector(AsyncChat):
    """A channel that connects: `connect` or `connect_af_unspecified`, then `handle_connect` is called."""


def _begun(terminator: bytes, data: bytearray) -> int:
    """Return how many bytes of a terminator the data end with, less than all.

    >>> _begun(b"\\r\\n", bytearray(b"a\\r")), _begun(b"\\r\\n", bytearray(b"a"))
    (1, 0)
    """
    size = min(len(terminator) - 1, len(data))
    while size and not data.endswith(terminator[:size]):
        size -= 1
    return size
