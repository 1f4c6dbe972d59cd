"""What a handler writes to the log: which events it asks for, and the line that each becomes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Final

from ftpcore import (
    AcceptTimedOut,
    CommandFinished,
    CommandReceived,
    Connection,
    Direction,
    Disconnected,
    Event,
    Failed,
    ForeignPeer,
    LoggedOut,
    LoginFailed,
    LoginSucceeded,
    Outcome,
    ReplySent,
    TLSEstablished,
    TLSFailed,
    TransferFinished,
    ViolationSeen,
    VirtualPath,
)
from ftpcore_adapters._seed_overrides import by_default
from ftpcore_adapters.log import logger

__all__ = ["SessionLog", "wanted_events"]

_ALWAYS: Final[frozenset[type[Event]]] = frozenset(
    {
        LoginSucceeded,
        LoginFailed,
        LoggedOut,
        TransferFinished,
        CommandFinished,
        ForeignPeer,
        AcceptTimedOut,
        Failed,
        ViolationSeen,
        TLSFailed,
        Disconnected,
    }
)
_DEBUG: Final[frozenset[type[Event]]] = _ALWAYS | {CommandReceived, ReplySent, TLSEstablished}

#: Ends of transfers that the log tells in words.
_ENDS: Final = {
    Outcome.ABORTED: "Transfer aborted via ABOR.",
    Outcome.TIMED_OUT: "Data connection timed out; transfer aborted.",
}

#: Commands whose refusal is worth a warning -> the codes of it.  "" is a line that was too long, or made no sense.
_WARNED: Final = {
    "": (500, 501),
    "PORT": (501,),
    "EPRT": (501,),
    "PASV": (425,),
    "EPSV": (425,),
}

#: Reasons of `Disconnected` that are nothing special.
_USUAL: Final = frozenset({"quit", "client left", "connection lost"})


def wanted_events() -> frozenset[type[Event]]:
    """Return what a session that begins now is to tell."""
    return _DEBUG if logger.isEnabledFor(logging.DEBUG) else _ALWAYS


class _Unlogged(Container[str]):
    """The names of commands that `log_cmd` has nothing to say of: none, if it was overridden."""

    __slots__ = ("_handler",)

    def __init__(self, handler: SessionLog) -> None:
        self._handler = handler

    def __contains__(self, name: object) -> bool:
        assert isinstance(name, str)
        handler = self._handler
        return (
            name not in handler.log_cmds_list
            and name not in _WARNED
            and getattr(handler.log_cmd, "__func__", None) is SessionLog.log_cmd
        )


class _Fields(Mapping[str, object]):
    """The attributes of a handler, for `log_prefix`."""

    def __init__(self, handler: SessionLog) -> None:
        self._handler = handler

    def __getitem__(self, name: str) -> object:
        return (name == "username" and self._handler.told_username) or getattr(self._handler, name)

    def __iter__(self) -> Iterator[str]:
        return iter(dir(self._handler))

    def __len__(self) -> int:
        return len(dir(self._handler))


class SessionLog:
    """The log methods of a handler; users override them."""

    log_prefix: str = "%(remote_ip)s:%(remote_port)s-[%(username)s]"
    """Formatted with the attributes of the handler."""
    log_cmds_list: list[str] = [
        "DELE", "RNFR", "RNTO", "MKD", "RMD", "CWD", "XMKD", "XRMD", "XCWD", "REIN", "SITE CHMOD", "MFMT",
    ]  # fmt: skip
    """The commands that `log_cmd` writes."""

    refused = False
    """The server had no room: that is logged already."""
    told_username = ""
    """Who was logged in when the event that is told happened: the session may be several commands ahead."""

    def wanted_events(self) -> Iterable[type[Event]]:
        """Return what `handle_event` is to be told; asked when a session begins."""
        return wanted_events()

    def log(self, msg: str, logfun: Callable[..., object] = logger.info) -> None:
        logfun("%s %s", self.log_prefix % _Fields(self), msg)

    def logline(self, msg: str, logfun: Callable[..., object] = logger.debug) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            self.log(msg, logfun)

    def logerror(self, msg: str) -> None:
        self.log(msg, logger.error)

    @by_default
    def log_exception(self, instance: object) -> None:
        """Log the exception that is being handled, with its traceback.

        A class that overrides this has it called with whatever user code and hosts raise.
        """
        logger.exception("unhandled exception in instance %r", instance)

    def log_cmd(self, cmd: str, arg: str, respcode: int, respstr: str) -> None:
        """Called after each command; logs those of `log_cmds_list`, which DEBUG shows anyway.

        Args:
            cmd: "SITE CHMOD", say.
            arg: The real path that the command was about, or what was typed; "" if nothing was.
            respcode: Of the final reply.
            respstr: The last line of that.
        """
        if cmd in self.log_cmds_list and not logger.isEnabledFor(logging.DEBUG):
            line = f"{cmd} {arg} {respcode}" if arg else f"{cmd} {respcode}"
            self.log(f"{line} {respstr!r}" if respcode >= 400 else line)

    def unlogged(self) -> Container[str]:
        """Return the names of commands that `log_cmd` has nothing to say of, as things are whenever it is asked."""
        return _Unlogged(self)

    def log_transfer(
        self,
        cmd: str,
        filename: str,
        receive: bool,
        completed: bool,
        elapsed: float,
        bytes: int,
    ) -> None:
        """Called once for each transfer of a file."""
        self.log(f"{cmd} {filename} completed={int(completed)} bytes={bytes} seconds={elapsed:.3f}")

    def real_path(self, path: VirtualPath) -> str:
        """Return where the user's filesystem keeps `path`."""
        return path

    def log_failure(self, where: str, error: BaseException) -> None:
        """A hook, a command or a port raised what it must not."""
        logger.error("%s failed: %r", where, error, exc_info=error)

    def handle_event(self, event: Event) -> None:
        """Write what an event has to say."""
        match event:
            case CommandFinished(name=name, argument=argument, path=path, reply=reply):
                shown = argument or "" if path is None else self.real_path(path)
                self.log_cmd(name, shown, reply.code, reply.lines[-1])
                if reply.code in _WARNED.get(name, ()):
                    self.log(f"{name} refused: {reply.lines[0]}".lstrip(), logger.warning)
            case CommandReceived(verb=verb, argument=argument):
                self.logline(f"<- {verb} {argument}" if argument else f"<- {verb}")
            case ReplySent(reply=reply):
                self.logline(f"-> {reply.code} {reply.lines[0]}")
            case TransferFinished():
                present, self.told_username = self.told_username, event.username
                self.log_transfer(
                    event.verb,
                    event.name,
                    event.direction is Direction.RECEIVED,
                    event.outcome is Outcome.COMPLETE,
                    event.elapsed,
                    event.size,
                )
                if event.outcome in _ENDS:
                    self.log(_ENDS[event.outcome])
                elif event.outcome is Outcome.FAILED:
                    self.log(f"{event.verb} of {event.name} failed: the file can't be read or written.", logger.warning)
                self.told_username = present
            case LoginSucceeded(username=username):
                self.told_username = username
                self.log(f"USER '{username}' logged in.")
            case LoginFailed(username=username):
                self.log(f"USER '{username}' failed login.")
            case LoggedOut(verb=verb):
                if verb == "USER":
                    self.log("Previous account information was flushed, send password.")
                self.told_username = ""
            case ForeignPeer(peer=peer, accepted=accepted):
                verb = "accepted" if accepted else "rejected"
                self.log(f"{verb} data connection from foreign address {peer.host}:{peer.port}.", logger.warning)
            case AcceptTimedOut():
                self.log("Passive data channel timed out.")
            case ViolationSeen(text=text):
                self.log(text, logger.warning)
            case TLSEstablished(connection=connection, details=tls):
                resumed = ", resumed" if tls.reused else ""
                self.logline(f"{tls.version} on the {connection.value} connection, {tls.cipher}{resumed}")
            case TLSFailed(connection=Connection.DATA, reason=reason):  # the other ends the session, for this reason
                self.log(f"TLS handshake failed on the data connection: {reason}")
            case Failed(where=where, error=error):
                self.log_failure(where, error)
            case Disconnected(reason=reason):
                if reason not in _USUAL and not self.refused:
                    self.log(reason)
                self.log("FTP session closed (disconnect).")
            case _:
                pass  # an event that says nothing to the log
