"""Servers: what listens, counts connections, and makes a handler for each."""

from __future__ import annotations

import errno
import logging
import os
import socket
from typing import TYPE_CHECKING, Any, Final, Self

from ftpcore_adapters._sockets import address_of
from ftpcore_adapters.ioloop import IOLoop, ScheduledCall
from ftpcore_adapters.log import config_logging, is_logging_configured, logger

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["FTPServer"]

#: Seconds until a server that could not accept, for want of descriptors say, tries again.
ACCEPT_PAUSE: Final = 0.5


class FTPServer:
    """Serves a handler class on one IOLoop.

    >>> from ftpcore_adapters.handlers import FTPHandler
    >>> with FTPServer(("127.0.0.1", 0), FTPHandler) as server:
    ...     host, port = server.address
    """

    max_cons: int = 512
    """Sockets of the loop, the listener among them, beyond which nobody is let in; 0: no limit."""
    max_cons_per_ip: int = 0
    """Control connections from one address; 0: no limit."""

    def __init__(
        self,
        address_or_socket: tuple[str | None, int] | list[Any] | socket.socket,
        handler: type[FTPHandler],
        ioloop: IOLoop | None = None,
        backlog: int = 100,
    ) -> None:
        """Listen.  A socket that is given is made non-blocking and belongs to the server.

        Raises OSError when the address can't be had, ValueError for a port that there can't be.
        """
        if isinstance(address_or_socket, str):
            raise TypeError(f"expected (host, port) or a socket, not {address_or_socket!r}; write (host, 2121), say")
        self.handler = handler
        self.backlog = backlog
        self.ioloop = ioloop or IOLoop.instance()
        self.ip_map: list[str] = []
        """The address of each open control connection, as often as it has one."""
        if isinstance(address_or_socket, (tuple, list)):
            host, port = address_or_socket
            listener = _bound(host, port, backlog)
        else:
            listener = address_or_socket
            listener.setblocking(False)
            listener.listen(backlog)
        self.socket: socket.socket | None = listener
        self._pause: ScheduledCall | None = None
        self._address = address_of(listener.getsockname())
        self.ioloop.register(listener.fileno(), self, IOLoop.READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close_all()

    @property
    def address(self) -> tuple[str, int]:
        """Address and port, the real one after binding port 0."""
        return self._address

    def serve_forever(
        self, timeout: float | None = None, blocking: bool = True, handle_exit: bool = True
    ) -> float | None:
        """Run the loop until nothing is left in it.

        Args:
            timeout: Seconds that one turn waits at most; None: until something happens.
            blocking: False: one turn only.  Returns the seconds to the next scheduled call, or None.
            handle_exit: KeyboardInterrupt and SystemExit end it cleanly, with `close_all` when blocking.
        """
        try:
            if handle_exit and blocking:
                self._log_start()
            return self.ioloop.loop(timeout, blocking)
        except (KeyboardInterrupt, SystemExit):
            if not handle_exit:
                raise
            logger.info("received interrupt signal")
        if blocking:
            count = len(self.ioloop.socket_map)
            logger.info(">>> shutting down FTP server, pid=%d, %d open socket(s) <<<", os.getpid(), count)
            self.close_all()
        return None

    def close(self) -> None:
        """Stop listening; sessions go on, and the loop ends with the last one."""
        if self.socket is not None:
            self.ioloop.unregister(self.socket.fileno())
            self.socket.close()
            self.socket = None
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def close_all(self) -> None:
        """Close the whole loop: every session, data connection and timer of every server on it."""
        self.close()
        self.ioloop.close()

    # -- accounting ----------------------------------------------------------------------------------------------------

    def is_full(self) -> bool:
        """Are more sockets open than `max_cons`?"""
        return bool(self.max_cons) and self.ioloop.open_sockets > self.max_cons

    def forget(self, handler: FTPHandler) -> None:
        """A control connection is closed."""
        if handler.remote_ip in self.ip_map:
            self.ip_map.remove(handler.remote_ip)

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
            handler.handle()
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

    def handle_write(self) -> None:
        """Never called: the server only reads."""

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
            self.ioloop.modify(self.socket.fileno(), IOLoop.READ)

    def _log_start(self) -> None:
        if not is_logging_configured():
            config_logging()
        handler: Any = self.handler
        logger.info(">>> starting FTP server on %s:%d, pid=%d <<<", *self.address, os.getpid())
        logger.info("concurrency model: async")
        logger.info("masquerade (NAT) address: %s", handler.masquerade_address)
        ports = handler.passive_ports
        logger.info("passive ports: %s", f"{min(ports)}->{max(ports)}" if ports else None)
        if logger.isEnabledFor(logging.DEBUG):
            for name in ("authorizer", "use_sendfile", "timeout", "banner", "max_login_attempts"):
                logger.debug("%s: %s", name.replace("_", " "), getattr(handler, name))
            logger.debug("poller: %r", type(self.ioloop))
            logger.debug("handler: %r", handler)
            logger.debug("max connections: %s", self.max_cons or "unlimited")
            logger.debug("max connections per ip: %s", self.max_cons_per_ip or "unlimited")


def _bound(host: str | None, port: int, backlog: int) -> socket.socket:
    """Return a listening socket on the first address of `host` that can be bound; all interfaces for "" and None."""
    if not 0 <= port <= 65535:
        raise ValueError(f"port {port} can't be listened on; expected 0, for any, to 65535")
    place = f"{host}:{port}" if host else f"port {port}"
    try:
        infos = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise socket.gaierror(error.errno, f"can't listen on {place}: {error.strerror}") from None
    if not host:
        infos.sort(key=lambda info: info[0] != socket.AF_INET6)  # an IPv6 wildcard can serve IPv4 as well
    failure: OSError | None = None
    for family, kind, proto, _, name in infos:
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
            failure = failure or OSError(error.errno, f"can't listen on {place}: {error.strerror}")
            if sock is not None:
                sock.close()
        else:
            return sock
    raise failure or OSError(errno.EADDRNOTAVAIL, f"can't listen on {place}: it has no address")
