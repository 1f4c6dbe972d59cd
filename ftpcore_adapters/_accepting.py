"""What listens, counts connections and makes a handler for each, on any loop."""

from __future__ import annotations

import errno
import logging
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ftpcore_adapters._loop import Loop
from ftpcore_adapters._loop_host import LoopHost
from ftpcore_adapters._pollers import READ
from ftpcore_adapters._scheduler import ScheduledCall
from ftpcore_adapters._sockets import address_of
from ftpcore_adapters.log import config_logging, is_logging_configured, logger

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["Acceptor", "listening_on", "places_of"]

#: Seconds until a server that could not accept, for want of descriptors say, tries again.
ACCEPT_PAUSE: Final = 0.5

#: Seconds that sessions have for their last words when the time to drain is over, before they are cut.
LAST_WORDS: Final = 2.0

#: What `socket.getaddrinfo` tells of one: family, kind, protocol, canonical name, address.
_Place: TypeAlias = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]


class Acceptor(ABC):
    """Listens on one socket, lets clients in, and keeps account of them; servers differ in what drives their loop."""

    max_cons: int = 512
    """Sockets of the loop, the listener among them, beyond which nobody is let in; 0: no limit."""
    max_cons_per_ip: int = 0
    """Control connections from one address; 0: no limit."""

    def __init__(self, listener: socket.socket, handler: type[FTPHandler], loop: Loop, backlog: int) -> None:
        """Begin to accept; the listener belongs to the server from now on.

        Raises:
            OSError, ValueError: The handler's certificates can't be used.
        """
        try:
            handler.check_options()
        except BaseException:
            listener.close()
            raise
        self.handler = handler
        self.backlog = backlog
        self.ioloop = loop
        self.ip_map: list[str] = []
        """The address of each open control connection, as often as it has one."""
        self.socket: socket.socket | None = listener
        self._pause: ScheduledCall | None = None
        self._drain_end: ScheduledCall | None = None
        self._address = address_of(listener.getsockname())
        loop.register(listener.fileno(), self, READ)

    @property
    def address(self) -> tuple[str, int]:
        """Address and port, the real one after binding port 0."""
        return self._address

    def close(self) -> None:
        """Stop listening; sessions go on.  Idempotent."""
        if self.socket is not None:
            self.ioloop.unregister(self.socket.fileno())
            self.socket.close()
            self.socket = None
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    @abstractmethod
    def close_all(self) -> None:
        """Stop listening, and end every session now."""

    @abstractmethod
    def request_drain(self, seconds: float) -> None:
        """Have the server drain itself: stop listening, and end each session in good order within so many seconds.

        Returns at once; for hooks, any thread, and signal handlers.
        """

    # -- sessions ------------------------------------------------------------------------------------------------------

    def _begin_drain(self, seconds: float) -> None:
        """Stop listening, and end the sessions: each with 421 once it is idle, by force soon after `seconds`."""
        self.close()
        hosts = self._hosts()
        logger.info("draining: %d session(s) may go on for %g seconds", len(hosts), seconds)
        if self._drain_end is not None:
            self._drain_end.cancel()
        if hosts:
            self._drain_end = self.ioloop.call_later(seconds + LAST_WORDS, self._drop_all)
        for host in hosts:
            _with(host, partial(host.run, partial(host.shut_down, seconds)))

    def _drop_all(self) -> None:
        for host in self._hosts():
            _with(host, partial(host.run, host.drop))

    def _hosts(self) -> list[LoopHost]:
        """Return the hosts of the sessions whose control connection is open."""
        instances = self.ioloop.socket_map.values()
        return [host for host in instances if isinstance(host, LoopHost) and host.handler.server is self]

    def make_host(self, handler: FTPHandler, sock: socket.socket) -> LoopHost:
        """Return what runs the session of a handler on the loop."""
        return LoopHost(handler, sock, handler.ioloop)

    # -- accounting ----------------------------------------------------------------------------------------------------

    def is_full(self) -> bool:
        """Are more sockets open than `max_cons`?"""
        return bool(self.max_cons) and self.ioloop.open_sockets > self.max_cons

    def forget(self, handler: FTPHandler) -> None:
        """A control connection is closed."""
        if handler.remote_ip in self.ip_map:
            self.ip_map.remove(handler.remote_ip)
        if self._drain_end is not None and not self.ip_map:
            self._drain_end.cancel()

    def handle_accepted(self, sock: socket.socket, addr: object) -> FTPHandler | None:
        """Make a handler for a connection and begin its session; None if it was refused or is gone."""
        handler = None
        try:
            handler = self.handler(sock, self, ioloop=self.ioloop)
            if handler.socket is None:
                return None  # the peer is gone already
            self.ip_map.append(handler.remote_ip)
            if self.max_cons and self.ioloop.open_sockets >= self.max_cons:
                handler.handle_max_cons()
                return None
            if self.max_cons_per_ip and self.ip_map.count(handler.remote_ip) > self.max_cons_per_ip:
                handler.handle_max_cons_per_ip()
                return None
            handler.begin()
        except Exception:  # noqa: BLE001  logged; the server goes on
            logger.exception("can't begin a session with %s", addr)
            if handler is not None:
                handler.close()
            else:
                sock.close()
            return None
        return handler

    # -- what the loop calls -------------------------------------------------------------------------------------------

    def handle_read(self) -> None:
        if self.socket is None:
            return
        try:
            sock, addr = self.socket.accept()
        except (BlockingIOError, ConnectionError):
            return  # the peer went away while it waited
        except OSError as error:
            # No descriptors, a network that is down, a socket that somebody shut down: all of it may last, and the
            # listener be ready all the while.
            logger.warning("can't accept connections for now: %s", error.strerror)
            self.ioloop.modify(self.socket.fileno(), 0)
            self._pause = self.ioloop.call_later(ACCEPT_PAUSE, self._resume)
            return
        self.handle_accepted(sock, addr)

    handle_write = handle_read  # never called: the server only reads

    def handle_close(self) -> None:
        """Somebody shut the listening socket down; sessions go on."""
        logger.error("the listening socket was shut down; no more connections are accepted")
        self.close()

    def handle_error(self) -> None:
        logger.exception("the listener failed")

    # -- private -------------------------------------------------------------------------------------------------------

    def _resume(self) -> None:
        self._pause = None
        if self.socket is not None:
            self.ioloop.modify(self.socket.fileno(), READ)

    def _log_start(self, model: str) -> None:
        if not is_logging_configured():
            config_logging()
        handler: Any = self.handler
        handler.keep_passive_ports()
        logger.info(">>> starting %s server on %s:%d, pid=%d <<<", handler.protocol_name, *self.address, os.getpid())
        logger.info("concurrency model: %s", model)
        logger.info("masquerade (NAT) address: %s", handler.masquerade_address)
        ports = tuple(handler.passive_ports or ())
        logger.info("passive ports: %s", f"{ports[0]}->{ports[-1]}" if ports else None)
        if logger.isEnabledFor(logging.DEBUG):
            for name in ("authorizer", "use_sendfile", "timeout", "banner", "max_login_attempts"):
                logger.debug("%s: %s", name.replace("_", " "), getattr(handler, name))
            logger.debug("poller: %r", type(self.ioloop))
            logger.debug("handler: %r", handler)
            logger.debug("max connections: %s", self.max_cons or "unlimited")
            logger.debug("max connections per ip: %s", self.max_cons_per_ip or "unlimited")
            for name in ("certfile", "keyfile"):
                if getattr(handler, name, None):
                    logger.debug("SSL %s: %r", name, getattr(handler, name))


def listening_on(
    address_or_socket: tuple[str | None, int] | list[Any] | socket.socket,
    backlog: int,
    places: Sequence[_Place] | None = None,
) -> socket.socket:
    """Return a socket that listens, non-blocking: a new one on (host, port), or the one that is given.

    The host may be a name, which is looked up, unless `places` has what `places_of` found already; None and "" are all
    interfaces.

    Raises:
        OSError: The address can't be had.
        ValueError: There can be no such port.
        TypeError: It is neither.
    """
    if isinstance(address_or_socket, (tuple, list)):
        host, port = address_or_socket
        return _bound(host, port, places_of(host, port) if places is None else places, backlog)
    if not callable(getattr(address_or_socket, "listen", None)):  # a socket, or what wraps one
        raise TypeError(f"expected (host, port) or a socket, not {address_or_socket!r}; write (host, 2121), say")
    address_or_socket.setblocking(False)
    address_or_socket.listen(backlog)
    return address_or_socket


def places_of(host: str | None, port: int) -> Sequence[_Place]:
    """Look up where a socket can listen on a host, which may take its time.

    Raises:
        OSError: The host is not known.
        ValueError: There can be no such port.
    """
    if not 0 <= port <= 65535:
        raise ValueError(f"port {port} can't be listened on; expected 0, for any, to 65535")
    try:
        places = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise socket.gaierror(error.errno, f"can't listen on {_told(host, port)}: {error.strerror}") from None
    if not host:
        places.sort(key=lambda place: place[0] != socket.AF_INET6)  # an IPv6 wildcard can serve IPv4 as well
    return places


def _with(host: LoopHost, action: Callable[[], None]) -> None:
    """Call `action`; if it raises, only the session of `host` ends."""
    try:
        action()
    except Exception:  # noqa: BLE001  as when the loop calls
        host.handle_error()


def _told(host: str | None, port: int) -> str:
    return f"{host}:{port}" if host else f"port {port}"


def _bound(host: str | None, port: int, places: Sequence[_Place], backlog: int) -> socket.socket:
    """Return a listening socket on the first place that can be bound."""
    failure: OSError | None = None
    for family, kind, proto, _, name in places:
        sock = None
        try:
            sock = socket.socket(family, kind, proto)
            sock.setblocking(False)
            if os.name == "posix":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if not host or host == "::" else 1)
            sock.bind(name)
            sock.listen(backlog)
        except OSError as error:
            failure = failure or OSError(error.errno, f"can't listen on {_told(host, port)}: {error.strerror}")
            if sock is not None:
                sock.close()
        else:
            return sock
    raise failure or OSError(errno.EADDRNOTAVAIL, f"can't listen on {_told(host, port)}: it has no address")
