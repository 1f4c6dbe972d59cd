"""What a session asks of its owner: options as plain attributes, hooks as methods.

A `Session` is its own delegate unless it is given one.  Options are read late, at each use: a class attribute is the
default, an attribute set on an instance (in `on_login`, say) holds for that session.  0 or None switches a timeout off.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ftpcore._command import COMMANDS, CommandSpec

if TYPE_CHECKING:
    from ftpcore._transfer import Transfer

__all__ = ["Delegate", "does_nothing"]

_Hook = TypeVar("_Hook", bound=Callable[..., Any])  # Any: a hook of any signature comes out as it went in

_MARK: Final = "__ftpcore_does_nothing__"


def _nothing(hook: _Hook) -> _Hook:
    setattr(hook, _MARK, True)
    return hook


def does_nothing(hook: Callable[..., object]) -> bool:
    """Tell whether `hook` is a default that nobody overrode: asking the host to call it would be wasted."""
    return hasattr(hook, _MARK)


class Delegate:
    """Options and hooks of a session, with their defaults."""

    timeout: float | None = 300.0
    """Seconds without a command until 421."""
    accept_timeout: float | None = 30.0
    """Seconds that a passive data connection may take to come."""
    connect_timeout: float | None = 30.0
    """Seconds that an active data connection may take to come up."""
    data_timeout: float | None = 300.0
    """Seconds without a byte until a data connection is given up."""
    login_timeout: float | None = 120.0
    """Seconds that a client may take to log in, from the connection on or since it dropped a login, until 421."""
    handshake_timeout: float | None = 30.0
    """Seconds that TLS may take to begin, or to end, on either connection."""
    auth_failed_timeout: float | None = 3.0
    """Seconds that the answer to a wrong password is held back."""
    max_login_attempts: int = 3
    implicit_tls: bool = False
    """TLS comes before the greeting."""
    tls_control_required: bool | Container[str] = False
    """Refuse USER and PASS in clear, 530; or the names of the users for whom."""
    tls_data_required: bool | Container[str] = False
    """Refuse to move data in clear, 521; or the names of the users for whom."""
    tls_session_reuse: str = "prefer"
    """ "require": data connections must resume the TLS session of their control connection, else 522; "off", "prefer".
    """
    tls_accept_truncated: bool = False
    """Take the end of an upload for complete although TLS did not say that it is: clients that never do."""
    banner: str = "ftpcore ready."
    permit_foreign_addresses: bool = False
    """Let data connections go to and come from other hosts than the client (FXP)."""
    permit_privileged_ports: bool = False
    """Let PORT and EPRT name a port under 1024."""
    masquerade_address: str | None = None
    """What 227 shows instead of the local address."""
    masquerade_address_map: Mapping[str, str] = {}
    """Local address -> what 227 shows; goes before `masquerade_address`."""
    passive_ports: Sequence[int] | None = None
    """Ports for passive data connections; None: any."""
    use_gmt_times: bool = True
    use_sendfile: bool = True
    """Let the kernel move files where it can."""
    ascii_conversion: bool = True
    """TYPE A changes line ends.  Off: TYPE A moves bytes unchanged, and allows SIZE and REST."""
    read_limit: float = 0
    """Bytes per second that an upload may use; 0: no limit.  Both limits are read again for each block."""
    write_limit: float = 0
    """Bytes per second that a download may use; 0: no limit."""
    receive_block: int | None = None
    """Bytes of an upload that are moved at once at most; None: what suits the limit and the system."""
    send_block: int | None = None
    """As `receive_block`, of a download or listing."""
    encoding: str = "utf-8"
    unicode_errors: str = "surrogateescape"
    commands: Mapping[str, CommandSpec] = COMMANDS
    """The table of commands: what is not in it does not exist."""
    unreported: Container[str] = ()
    """Names of commands that no CommandFinished is built for, although it is subscribed to."""
    extra_features: Sequence[str] = ()
    """Further lines of FEAT."""

    command_overrides: Mapping[str, Callable[..., object]] = {}
    """Command name -> what is called with the session and the arguments instead of the session's own method.

    It returns what a method returns: a Reply, an awaitable of one, or None for "answered by `Session.push` already".
    """

    command_interceptor: Callable[..., object] | None = None
    """What is called with the session and each command as it was read, before anything about it is checked.

    It returns what a command returns; `await session.carry_out(command)` goes on with that command, or with another.
    """

    timeout_interceptor: Callable[[], object] | None = None
    """What the host calls, as it does a hook, when `timeout` is over, in place of 421 and the end."""

    @_nothing
    def on_connect(self) -> Awaitable[None] | None:
        """Called before the 220."""
        return None

    @_nothing
    def on_disconnect(self) -> Awaitable[None] | None:
        """Called when all is over and closed."""
        return None

    @_nothing
    def on_login(self, username: str) -> Awaitable[None] | None:
        """Called after the 230, before the next command."""
        return None

    @_nothing
    def on_login_failed(self, username: str, password: str) -> Awaitable[None] | None:
        """Called after the penalty and the 530."""
        return None

    @_nothing
    def on_logout(self, username: str) -> Awaitable[None] | None:
        """Called after QUIT, REIN, and a USER when logged in; not on a plain disconnect."""
        return None

    @_nothing
    def on_data_connected(self) -> Awaitable[None] | None:
        """Called when a data connection is up, before anything moves over it; what it raises closes that, 425."""
        return None

    @_nothing
    def on_data_closed(self, transfer: Transfer | None, failure: Exception | None) -> Awaitable[None] | None:
        """Called when a data connection and the file are closed, before the final reply.

        Args:
            transfer: What went over it; None: nothing did.
            failure: What ended the transfer, or None if all is well.
        """
        return None

    @_nothing
    def on_file_sent(self, file: str) -> Awaitable[None] | None:
        """Called after the 226; `file` is `BinaryFile.name`."""
        return None

    @_nothing
    def on_file_received(self, file: str) -> Awaitable[None] | None:
        """Called after the 226; `file` is `BinaryFile.name`."""
        return None

    @_nothing
    def on_incomplete_file_sent(self, file: str) -> Awaitable[None] | None:
        """Called after any other end of a download."""
        return None

    @_nothing
    def on_incomplete_file_received(self, file: str) -> Awaitable[None] | None:
        """Called after any other end of an upload."""
        return None
