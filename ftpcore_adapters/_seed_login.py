"""Login as user code takes part in it: the decision on a password, the filesystem of the user, acting as the user."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from ftpcore import Account, Authenticate, AuthenticationFailed, Delegate
from ftpcore_adapters._impersonated import Impersonated
from ftpcore_adapters._seed_authorizer import SeedAuthorizer, impersonates, refusal
from ftpcore_adapters._seed_filesystem import Wrap, filesystem_port
from ftpcore_adapters._seed_overrides import by_default, overridden
from ftpcore_adapters.exceptions import AuthorizerError

if TYPE_CHECKING:
    from ftpcore import Session
    from ftpcore.ports import AnyAuthorizer, FileSystem
    from ftpcore_adapters._running import Running

__all__ = ["SeedLogin"]

T = TypeVar("T")


class SeedLogin:
    """What a handler does about passwords and rights."""

    authorizer: Any
    _logged_in: tuple[str, str] | None
    """The name and the password that let the user in, for as long as transfers may act as this user."""
    running_command: Running | None
    _leaving: str

    if TYPE_CHECKING:  # these are of the handler
        abstracted_fs: ClassVar[Callable[..., Any]]
        fs: Any
        _password: str

        @property
        def session(self) -> Session: ...
        @property
        def username(self) -> str: ...

        def on_logout(self, username: str) -> Awaitable[None] | None: ...
        def on_session(self, function: Callable[[], T]) -> T: ...
        def awaited(self, answer: Awaitable[object]) -> object: ...
        def _run(self, function: Callable[[], None]) -> None: ...

    @by_default
    def handle_auth_success(self, home: str, password: str, msg_login: str) -> None:
        """Log the user in, and answer 230; a class that overrides this may have another home or text, or refuse.

        Called when the authorizer took the password, from within PASS only; where the authorizer is a port of the core,
        `home` is the first current directory.
        """
        decision = self._decision("handle_auth_success")
        decision.accept(decision.account(home, password, msg_login))

    @by_default
    def handle_auth_failed(self, msg: str, password: str) -> None:
        """Answer 530, after the penalty; returns before that.  Called from within PASS only."""
        self._decision("handle_auth_failed").refuse(refusal(self.username, msg))

    @by_default
    def flush_account(self) -> None:
        """Forget the user and what he set, as USER and REIN do; a transfer that runs goes on.

        `on_logout` is called behind whatever calls this.
        """
        self.on_session(self.session.log_out)
        self._run(lambda: None)  # what follows is carried out as soon as nothing else is

    def run_as_current_user(self, function: Callable[..., T], *args: object, **kwargs: object) -> T:
        """Call `function` with the rights of the user on the system, if the authorizer impersonates.

        That is who has logged in: a USER that comes later, without its password, does not change it.

        Raises:
            AuthorizerError: Nobody has logged in yet.
            TypeError: `function` is a coroutine function, which would run later, with the rights of the server.
        """
        if iscoroutinefunction(function):
            raise TypeError(f"run_as_current_user expected a function that returns when it is done; got {function!r}")
        if not impersonates(self.authorizer):
            return function(*args, **kwargs)
        if self._logged_in is None:
            raise AuthorizerError("run_as_current_user: nobody has logged in yet, whose rights could be used")
        return self._run_as(*self._logged_in, partial(function, *args, **kwargs))

    def _name_who_leaves(self) -> None:
        """Have a session's `on_logout` find in `username` who is logged out; the next user is named by then."""
        told = self.on_logout
        if type(self).on_logout is Delegate.on_logout:  # type: ignore[comparison-overlap]  # the handler is one
            return

        def on_logout(username: str) -> Awaitable[None] | None:
            self._leaving = username
            try:
                return told(username)
            finally:
                self._leaving = ""

        async def on_logout_async(username: str) -> None:
            self._leaving = username
            try:
                answer = told(username)
                assert answer is not None, "it is a coroutine"
                await answer
            finally:
                self._leaving = ""

        self.on_logout = on_logout_async if iscoroutinefunction(told) else on_logout  # type: ignore[method-assign]

    def takes_part_in_login(self) -> bool:
        """Does the class override what is done about a password?"""
        return bool(overridden(type(self)) & {"handle_auth_success", "handle_auth_failed"})

    def decide_login(self, effect: Authenticate) -> None:
        """Ask the authorizer, and have the class deal with what it says."""
        port = self.session.ports.authorizer
        try:
            if isinstance(port, SeedAuthorizer):
                home, message = port.validated(effect.username, effect.password)
            else:
                value = effect.call(self.session.ports)
                account = cast("Account", self.awaited(value) if isinstance(value, Awaitable) else value)
                home, message = account.start, account.login_message
        except AuthenticationFailed as error:
            self.handle_auth_failed(str(error), effect.password)
            return
        decision = self._decision("handle_auth_success")
        if isinstance(port, SeedAuthorizer):
            decision.account = partial(port.account, effect.username)
        else:
            decision.account = lambda home, _, message: replace(account, start=home, login_message=message)
        self.handle_auth_success(home, effect.password, message)

    def _decision(self, caller: str) -> Running:
        if self.running_command is None or not self.running_command.deciding:
            raise RuntimeError(f"{caller} can be called once in a PASS, by a class that overrides it")
        return self.running_command

    def _authorizer_port(self) -> AnyAuthorizer:
        authorizer = self.authorizer
        if hasattr(authorizer, "authenticate"):
            return authorizer  # type: ignore[no-any-return]  # users assign objects of either kind
        return SeedAuthorizer(authorizer, self, self._make_filesystem)

    def _make_filesystem(self, home: str) -> tuple[FileSystem, str]:
        self.fs = self.abstracted_fs(home, self)
        wrap: Wrap | None = None
        self._logged_in = self.session.username, self._password
        if impersonates(self.authorizer):
            # By name: a transfer goes on with the rights it began with, whoever is named by a USER meanwhile.
            wrap = partial(self._run_as, *self._logged_in)
        if not hasattr(self.fs, "open_file"):
            return filesystem_port(self.fs, wrap), cast("str", self.fs.cwd)
        if wrap is None or iscoroutinefunction(self.fs.stat):  # what is awaited goes on in no thread of its own
            return self.fs, "/"
        return Impersonated(self.fs, wrap), "/"

    def _run_as(self, username: str, password: str, function: Callable[[], T]) -> T:
        self.authorizer.impersonate_user(username, password)
        try:
            return function()
        finally:
            self.authorizer.terminate_impersonation(username)
