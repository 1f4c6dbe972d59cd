"""Answering by hand: `respond` and `push` of a handler, and its replies by way of these where they are overridden."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, cast

from ftpcore import Reply, Session
from ftpcore_adapters._seed_overrides import by_default
from ftpcore_adapters.log import logger

if TYPE_CHECKING:
    from ftpcore_adapters._host import SessionHost
    from ftpcore_adapters._running import Running

__all__ = ["SeedReplies", "spoken"]


class SeedReplies:
    """What a handler answers by."""

    encoding: str
    unicode_errors: str
    running_command: Running | None
    speaking_reply = False
    """A reply of the session is on its way through `respond`."""
    _session: Session | None
    _host: SessionHost | None
    _said = ""

    if TYPE_CHECKING:  # these are of the handler

        @property
        def session(self) -> Session: ...
        def _run(self, function: Callable[[], None]) -> None: ...
        def log(self, msg: str, logfun: Callable[..., object] = logger.info) -> None: ...
        def logline(self, msg: str, logfun: Callable[..., object] = logger.debug) -> None: ...

    @by_default
    def respond(self, resp: str, logfun: Callable[..., object] = logger.debug) -> None:
        """Send a reply, without its CRLF; callable from any thread.

        A class that overrides this, or `push`, has all replies sent through it.
        """
        self._last_response = resp
        if self.running_command is not None:
            self.running_command.answers.append(resp)
        self.push(resp + "\r\n")
        if logfun != logger.debug:
            self.log(resp.partition(" ")[2] or resp, logfun=logfun)
        else:
            self.logline(f"-> {resp}")

    def respond_w_warning(self, resp: str) -> None:
        """Send a reply, and log it as a warning."""
        self.respond(resp, logfun=logger.warning)

    @by_default
    def push(self, data: str) -> None:
        """Send text as it is; the caller adds CRLF."""
        raw = data.encode(self.encoding, self.unicode_errors)
        host = self._host
        if host is not None and not host.on_session_thread():
            self._run(lambda: self.session.push(raw))
            return
        self.session.push(raw)
        if host is not None and self.running_command is None and not self.speaking_reply:
            host.pump()

    @property
    def _last_response(self) -> str:
        """The latest reply, its last line."""
        reply = None if self._session is None else self._session.last_reply
        return self._said if reply is None else f"{reply.code} {reply.lines[-1]}"

    @_last_response.setter
    def _last_response(self, text: str) -> None:
        self._said = text
        if self._session is not None:
            self._session.last_reply = None

    def speak_reply(self, session: Session, reply: Reply) -> None:
        """Send a reply of the session through `push` and `respond`."""
        self._session = session  # it greets while it is made
        text = reply.encode(self.encoding, self.unicode_errors).decode(self.encoding, self.unicode_errors)
        first, line_end, last = text.removesuffix("\r\n").rpartition("\r\n")
        self.speaking_reply = True
        try:
            if first:
                self.push(first + line_end)
            self.respond(last)
        finally:
            self.speaking_reply = False


class _Spoken(Session):
    """A session whose handler sends the replies."""

    def send(self, reply: Reply) -> None:
        if not (self.lost or self.muted):
            cast("SeedReplies", self.delegate).speak_reply(self, reply)
            self.last_reply = reply


@cache
def spoken(session_class: type[Session]) -> type[Session]:
    """Return a subclass that sends replies through `respond` of the handler."""
    return cast("type[Session]", type(session_class.__name__, (_Spoken, session_class), {}))
