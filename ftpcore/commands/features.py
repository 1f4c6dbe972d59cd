"""Information: HELP, SITE, FEAT, OPTS, SYST, NOOP, STAT.  RFC 959 4.1.3, RFC 2389, RFC 3659 7.8 and 7.9."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from ftpcore._command import CommandSpec
from ftpcore._errors import NotLoggedIn, SyntaxRefused
from ftpcore._events import Direction
from ftpcore._listing import FACTS
from ftpcore._paths import resolve
from ftpcore._state import Endpoint, Phase, TransferPhase, TransferType
from ftpcore.commands.listing import list_status
from ftpcore.ports import Capability
from ftpcore.wire import Reply

if TYPE_CHECKING:
    from ftpcore._session import Session

__all__ = [
    "ftp_FEAT",
    "ftp_HELP",
    "ftp_NOOP",
    "ftp_OPTS",
    "ftp_SITE",
    "ftp_SITE_HELP",
    "ftp_STAT",
    "ftp_SYST",
]

_NOOP: Final = Reply.of(200, "I successfully did nothing.")
_SYST: Final = Reply.of(215, "UNIX Type: L8")
_NAMES_PER_LINE: Final = 8

#: While a transfer is so far STAT tells what it has moved.
_OPEN: Final = (TransferPhase.MOVING, TransferPhase.CLOSING)


def ftp_NOOP(session: Session) -> Reply:
    """Do nothing.  RFC 959 4.1.3."""
    return _NOOP


def ftp_SYST(session: Session) -> Reply:
    """Tell how listings look.  RFC 959 4.1.3."""
    return _SYST


def ftp_HELP(session: Session, argument: str) -> Reply:
    """List the commands, or explain one.  RFC 959 4.1.3."""
    if argument:
        return _explained(session, argument)
    names = sorted(name for name in session.delegate.commands if not name.startswith("SITE "))
    rows = [names[start : start + _NAMES_PER_LINE] for start in range(0, len(names), _NAMES_PER_LINE)]
    lines = [" ".join(f"{name:<6}" for name in row) for row in rows]
    return Reply.of(214, "The following commands are recognized:", *lines, "Help command successful.")


def ftp_SITE(session: Session, argument: str) -> Reply:
    """Ask for a subcommand: SITE and its first word are one name in the table.  RFC 959 4.1.3."""
    raise SyntaxRefused("Syntax error: SITE needs a command.")


def ftp_SITE_HELP(session: Session, argument: str) -> Reply:
    """List the SITE commands, or explain one.  RFC 959 4.1.3."""
    if argument:
        name = argument.upper()
        return _explained(session, name if name.startswith("SITE ") else f"SITE {name}")
    names = sorted(name.removeprefix("SITE ") for name in session.delegate.commands if name.startswith("SITE "))
    return Reply.of(214, "The following SITE commands are recognized:", *names, "Help SITE command successful.")


def ftp_FEAT(session: Session) -> Reply:
    """List what goes beyond RFC 959.  RFC 2389 3."""
    lines = {_feature(session, spec) for spec in session.delegate.commands.values() if _offered(session, spec)}
    lines.update(session.delegate.extra_features, ["TVFS"])
    if _speaks_utf8(session):
        lines.add("UTF8")
    return Reply.of(211, "Features supported:", *sorted(lines), "End FEAT.")


def ftp_OPTS(session: Session, argument: str) -> Reply:
    """Set options of a command: MLST facts; UTF8, which is always on.  RFC 2389 4, RFC 3659 7.9."""
    target, _, options = argument.partition(" ")
    match target.upper():
        case "UTF8" | "UTF-8" if _speaks_utf8(session):
            return Reply.of(200, "Names are UTF-8; other bytes are kept as they are.")
        case "MLST" if "MLST" in session.delegate.commands:
            return _choose_facts(session, options)
        case _:
            raise SyntaxRefused("No such option.")


async def ftp_STAT(session: Session, argument: str) -> Reply:
    """Tell the state of the session, also during a transfer; with a path, list it.  RFC 959 4.1.3."""
    if not argument:
        return Reply.of(211, "FTP server status:", *_status(session), "End of status.")
    if session.account is None:
        raise NotLoggedIn
    path = resolve(session.cwd, argument)
    assert session.current is not None, "a command that awaits is run by a task"
    session.current.path = path  # only now it is known to be about one
    await session.require("l", path)
    return await list_status(session, path)


def _explained(session: Session, name: str) -> Reply:
    spec = session.delegate.commands.get(name.upper())
    if spec is None:
        raise SyntaxRefused("Unrecognized command.")
    return Reply.of(214, spec.help)


def _offered(session: Session, spec: CommandSpec) -> bool:
    """Tell whether FEAT lists the command, to this user: RFC 2389 3 wants what works, and no more."""
    if spec.feature is None or (spec.name == "AUTH" and session.delegate.implicit_tls):
        return False
    if session.account is None:
        return True
    account = session.account
    letters = account.everywhere()
    may = spec.permission is None or letters is None or spec.permission in letters
    return may and spec.needs in account.filesystem.capabilities | Capability.NONE


def _speaks_utf8(session: Session) -> bool:
    return session.delegate.encoding.lower().replace("-", "") == "utf8"


def _feature(session: Session, spec: CommandSpec) -> str:
    if spec.feature != "MLST":
        return spec.feature or ""
    return "MLST " + "".join(f"{fact}{'*' if fact in session.facts else ''};" for fact in FACTS)


def _choose_facts(session: Session, options: str) -> Reply:
    """RFC 3659 7.9: unknown facts are left out, a list that is none changes nothing."""
    if options and (not options.endswith(";") or " " in options):
        raise SyntaxRefused("Invalid argument: expected fact;fact;...")
    wanted = [fact.lower() for fact in options.split(";")]
    session.facts = tuple(dict.fromkeys(fact for fact in wanted if fact in FACTS))
    chosen = "".join(f"{fact};" for fact in session.facts)
    return Reply.of(200, f"MLST OPTS {chosen}" if chosen else "MLST OPTS")


def _status(session: Session) -> Iterable[str]:
    yield f"Connected to: {session.local.host}:{session.local.port}"
    if session.account is not None:
        yield f"Logged in as: {session.username}"
    else:
        yield "Waiting for password." if session.phase is Phase.NAMED else "Waiting for username."
    kind = "ASCII" if session.transfer_type is TransferType.ASCII else "Binary"
    yield f"TYPE: {kind}; STRUcture: File; MODE: Stream"
    transfer = session.transfer_now
    if transfer is not None:
        yield f"Transfer: {transfer.phase.value}."
    if session.endpoint is Endpoint.LISTENING:
        yield "Passive data channel waiting for connection."
    elif session.endpoint is Endpoint.CONNECTED or (transfer is not None and transfer.phase in _OPEN):
        sent, received, elapsed = 0, 0, 0.0
        if transfer is not None:
            elapsed = transfer.elapsed
            if transfer.direction is Direction.SENT:
                sent = transfer.size
            else:
                received = transfer.size
        yield "Data connection open:"
        yield f"Total bytes sent: {sent}"
        yield f"Total bytes received: {received}"
        yield f"Transfer elapsed time: {elapsed:.0f} secs"
    else:
        yield "Data connection closed."
