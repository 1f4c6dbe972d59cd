"""The handler class that a server under contract is given: options, hooks, and what its sessions are made with."""

from __future__ import annotations

from typing import ClassVar

from ftpcore import Delegate, Session
from ftpcore.ports import Authorizer
from ftpcore_contracts._server_record import Called, Reporter
from ftpcore_contracts._server_script import HOOK, Calls

__all__ = ["ContractHandler"]


class ContractHandler(Delegate):
    """What `serve` is called with is a subclass of this, made for one test.

    A host makes an instance for each connection, by whatever constructor it mixes in, and the session with it:

        handler_class.session_class(
            local=..., peer=..., random=..., now=...,
            ports=Ports(authorizer=handler_class.authorizer, clock=...),
            delegate=the instance,
        )
    """

    authorizer: Authorizer
    """The port that `Ports` takes."""
    session_class: type[Session]
    """What is made in the place of `Session`: it checks its host."""

    made: ClassVar[list[ContractHandler]]
    """Those that have a session, in this process."""

    _watched: tuple[int, Calls, Reporter] | None = None

    def watch(self, peer: int, calls: Calls, reporter: Reporter) -> None:
        """Tell `reporter` of the hooks."""
        self._watched = (peer, calls, reporter)
        self.made.append(self)

    def meanwhile(self, hook: str) -> None:
        """Called by each hook: what user code may do in one."""

    def on_connect(self) -> None:
        self._called("on_connect")

    def on_disconnect(self) -> None:
        self._called("on_disconnect")

    def on_login(self, username: str) -> None:
        self._called("on_login", username)

    def on_login_failed(self, username: str, password: str) -> None:
        self._called("on_login_failed", username, password)

    def on_logout(self, username: str) -> None:
        self._called("on_logout", username)

    def on_file_sent(self, file: str) -> None:
        self._called("on_file_sent", file)

    def on_file_received(self, file: str) -> None:
        self._called("on_file_received", file)

    def on_incomplete_file_sent(self, file: str) -> None:
        self._called("on_incomplete_file_sent", file)

    def on_incomplete_file_received(self, file: str) -> None:
        self._called("on_incomplete_file_received", file)

    def _called(self, hook: str, *arguments: str) -> None:
        assert self._watched is not None, "the session that was made with this handler calls its hooks"
        peer, calls, reporter = self._watched
        reporter.tell(Called(peer, hook, arguments))
        with calls.call(hook, HOOK):
            self.meanwhile(hook)
