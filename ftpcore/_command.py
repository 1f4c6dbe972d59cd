"""The commands: one table that dispatch, HELP, SITE HELP, FEAT and the tests read.

A row says how the argument is read, which right it needs, whether it needs a login, what it may do while a transfer
runs and which pending state it keeps.  `Session` holds one method for each row: `ftp_` + name, blanks as underscores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from ftpcore.ports import Capability

__all__ = [
    "ABSENT",
    "CCC_COMMANDS",
    "COMMANDS",
    "TLS_COMMANDS",
    "Argument",
    "CommandSpec",
    "Presence",
    "Turn",
    "command_table",
]


class Argument(Enum):
    """How the text behind the verb is read, and what the method is called with."""

    NONE = auto()
    """Nothing; blanks are forgiven.  `method()`"""
    PARENT = auto()
    """Nothing, as NONE; the directory above the current one is what it is about.  `method()`"""
    TEXT = auto()
    """Required, as it stands.  `method(text)`"""
    OPTIONAL = auto()
    """As it stands, "" if missing.  `method(text)`"""
    PATH = auto()
    """Required.  `method(path)`"""
    PATH_OR_HERE = auto()
    """Missing: the current directory.  `method(path)`"""
    PATH_OR_ROOT = auto()
    """Missing: the root.  `method(path)`"""
    LISTING = auto()
    """As PATH_OR_HERE, behind the switches of ls.  `method(path)`"""
    VALUE_AND_PATH = auto()
    """A word, one blank, and a path.  `method(value, path)`"""


class Presence(Enum):
    """Whether there must be text behind the verb: 501 where that is not as it is."""

    REQUIRED = auto()
    OPTIONAL = auto()
    FORBIDDEN = auto()
    """Blanks are forgiven."""


class Turn(Enum):
    """What happens to a command that comes while a transfer runs.  RFC 1123 4.1.3.3."""

    WAIT = auto()
    """It waits, so that replies keep the order of the commands."""
    AT_ONCE = auto()
    """It is acted on, unless another command waits before it."""
    ENDPOINT = auto()
    """It waits, but one that a STOU needs is acted on, whatever waits."""
    AT_ONCE_IN_CLEAR = auto()
    """AT_ONCE; but where it ends TLS, ALONE."""
    ALONE = auto()
    """It waits, whoever is logged in: no reply to a transfer may come while TLS begins or ends."""
    OVERTAKE = auto()
    """It is acted on, whatever waits."""
    OVERTAKE_BARE = auto()
    """OVERTAKE without an argument, else WAIT."""


#: What most commands have; others may have an argument.
_PRESENCES: Final = {
    Argument.NONE: Presence.FORBIDDEN,
    Argument.PARENT: Presence.FORBIDDEN,
    Argument.TEXT: Presence.REQUIRED,
    Argument.PATH: Presence.REQUIRED,
    Argument.VALUE_AND_PATH: Presence.REQUIRED,
}


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A row of the table."""

    name: str
    """Verb, or "SITE " and a word."""
    argument: Argument
    help: str
    """`Syntax: NAME <SP> argument (what it does).`"""
    permission: str | None = None
    """The letter that is required on the path that it is about before the method is called."""
    login: bool = True
    """530 before login."""
    turn: Turn = Turn.WAIT
    keeps_restart: bool = False
    """A REST before it holds for the command after it.  RFC 3659 5.3."""
    feature: str | None = None
    """Its line in FEAT.  RFC 2389."""
    needs: Capability = Capability.NONE
    """Offered, and shown in FEAT, only if the user's filesystem can do this."""
    rfc: str = "959 4.1"
    same_as: str | None = None
    """The command that it is another name of."""
    moves_data: bool = False
    """521 if data must be protected and is not.  RFC 4217 10.2."""
    presence: Presence | None = None
    """None: as `argument` has it.  Otherwise that is read, and the method called, as ever."""

    @property
    def presence_of_argument(self) -> Presence:
        """Whether there must be an argument."""
        return self.presence or _PRESENCES.get(self.argument, Presence.OPTIONAL)

    @property
    def method(self) -> str:
        """Name of the method of `Session` that carries it out."""
        return "ftp_" + (self.same_as or self.name).replace(" ", "_")


def command_table(*rows: CommandSpec) -> Mapping[str, CommandSpec]:
    """Return the rows by name; ValueError if a name comes twice."""
    table = {row.name: row for row in rows}
    if len(table) != len(rows):
        raise ValueError("a command is listed twice in the table; names must be unique")
    return MappingProxyType(table)


_A, _T = Argument, Turn

_MOVING_DATA: Final = frozenset({"RETR", "STOR", "STOU", "APPE", "LIST", "NLST", "MLSD"})


def _row(
    name: str,
    argument: Argument,
    syntax: str,
    permission: str | None = None,
    *,
    login: bool = True,
    turn: Turn = Turn.WAIT,
    keeps_restart: bool = False,
    feature: str | None = None,
    needs: Capability = Capability.NONE,
    rfc: str,
    same_as: str | None = None,
) -> CommandSpec:
    return CommandSpec(
        name,
        argument,
        f"Syntax: {name}{syntax}",
        permission,
        login,
        turn,
        keeps_restart,
        feature,
        needs,
        rfc,
        same_as,
        moves_data=name in _MOVING_DATA,
    )


# fmt: off
COMMANDS: Final = command_table(
    # Access control
    _row("USER", _A.TEXT, " <SP> user-name (set user name).", login=False, turn=_T.AT_ONCE, rfc="959 4.1.1"),
    _row("PASS", _A.OPTIONAL, " [<SP> password] (set password).", login=False, turn=_T.AT_ONCE, rfc="959 4.1.1"),
    _row("REIN", _A.NONE, " (flush account).", turn=_T.AT_ONCE_IN_CLEAR, rfc="959 4.1.1"),
    _row("QUIT", _A.NONE, " (quit current session).", login=False, turn=_T.AT_ONCE, rfc="959 4.1.1"),
    _row("CWD", _A.PATH_OR_ROOT, " [<SP> dir-name] (change working directory).", "e", rfc="959 4.1.1"),
    _row("CDUP", _A.PARENT, " (go to parent directory).", "e", rfc="959 4.1.1"),
    # Transfer parameters
    _row("TYPE", _A.TEXT, " <SP> [A | I] (set transfer type).", keeps_restart=True, rfc="959 4.1.2"),
    _row("MODE", _A.TEXT, " <SP> mode (set data transfer mode; noop).", rfc="959 4.1.2"),
    _row("STRU", _A.TEXT, " <SP> structure (set file structure; noop).", rfc="959 4.1.2"),
    _row("PASV", _A.NONE, " (open passive data connection).", turn=_T.ENDPOINT, keeps_restart=True, rfc="959 4.1.2"),
    _row("PORT", _A.TEXT, " <SP> h,h,h,h,p,p (open active data connection).", turn=_T.ENDPOINT, keeps_restart=True,
         rfc="959 4.1.2"),
    _row("EPSV", _A.OPTIONAL, " [<SP> proto | ALL] (open extended passive data connection).", turn=_T.ENDPOINT,
         keeps_restart=True, feature="EPSV", rfc="2428 3"),
    _row("EPRT", _A.TEXT, " <SP> |proto|ip|port| (open extended active data connection).", turn=_T.ENDPOINT,
         keeps_restart=True, feature="EPRT", rfc="2428 2"),
    # Transfers
    _row("RETR", _A.PATH, " <SP> file-name (retrieve a file).", "r", rfc="959 4.1.3"),
    _row("STOR", _A.PATH, " <SP> file-name (store a file).", "w", needs=Capability.WRITE, rfc="959 4.1.3"),
    _row("STOU", _A.OPTIONAL, " [<SP> name] (store a file with a unique name).", needs=Capability.WRITE,
         rfc="1123 4.1.2.9"),
    _row("APPE", _A.PATH, " <SP> file-name (append data to file).", "a", needs=Capability.APPEND, rfc="959 4.1.3"),
    _row("REST", _A.TEXT, " <SP> offset (set restart offset).", feature="REST STREAM", needs=Capability.RESUME,
         rfc="3659 5"),
    _row("ABOR", _A.NONE, " (abort transfer).", turn=_T.OVERTAKE, rfc="959 4.1.3"),
    _row("ALLO", _A.TEXT, " <SP> bytes (allocate storage; noop).", rfc="959 4.1.3"),
    # Files and directories
    _row("DELE", _A.PATH, " <SP> file-name (delete file).", "d", needs=Capability.WRITE, rfc="959 4.1.3"),
    _row("RNFR", _A.PATH, " <SP> file-name (rename from).", "f", needs=Capability.RENAME, rfc="959 4.1.3"),
    _row("RNTO", _A.PATH, " <SP> file-name (rename to).", "f", needs=Capability.RENAME, rfc="959 4.1.3"),
    _row("MKD", _A.PATH, " <SP> dir-name (make directory).", "m", needs=Capability.WRITE, rfc="959 4.1.3"),
    _row("RMD", _A.PATH, " <SP> dir-name (remove directory).", "d", needs=Capability.WRITE, rfc="959 4.1.3"),
    _row("PWD", _A.NONE, " (get current working directory).", rfc="959 4.1.3"),
    _row("SIZE", _A.PATH, " <SP> file-name (get file size).", "l", feature="SIZE", rfc="3659 4"),
    _row("MDTM", _A.PATH, " <SP> file-name (last modification time of a file).", "l", feature="MDTM", rfc="3659 3"),
    _row("MFMT", _A.VALUE_AND_PATH, " <SP> time <SP> file-name (set last modification time of a file).", "T",
         feature="MFMT", needs=Capability.TIMES, rfc="draft-somers-ftp-mfxx 3"),
    # Listings
    _row("LIST", _A.LISTING, " [<SP> path] (list files).", "l", rfc="959 4.1.3"),
    _row("NLST", _A.LISTING, " [<SP> path] (list file names).", "l", rfc="959 4.1.3"),
    _row("MLSD", _A.PATH_OR_HERE, " [<SP> dir-name] (list directory for machines).", "l", rfc="3659 7"),
    _row("MLST", _A.PATH_OR_HERE, " [<SP> path] (tell of a path for machines).", "l", feature="MLST", rfc="3659 7"),
    # Information
    _row("STAT", _A.OPTIONAL, " [<SP> path] (status of the session, or list a path).", login=False,
         turn=_T.OVERTAKE_BARE, rfc="959 4.1.3"),
    _row("SYST", _A.NONE, " (get operating system type).", login=False, rfc="959 4.1.3"),
    _row("FEAT", _A.NONE, " (list the features supported).", login=False, rfc="2389 3"),
    _row("OPTS", _A.TEXT, " <SP> command [<SP> options] (set options of a command).", login=False, rfc="2389 4"),
    _row("HELP", _A.OPTIONAL, " [<SP> command] (show help).", login=False, rfc="959 4.1.3"),
    _row("NOOP", _A.NONE, " (do nothing).", login=False, turn=_T.AT_ONCE, rfc="959 4.1.3"),
    _row("SITE", _A.OPTIONAL, " <SP> site-command (execute a SITE command).", login=False, rfc="959 4.1.3"),
    _row("SITE HELP", _A.OPTIONAL, " [<SP> command] (show help on SITE commands).", login=False, rfc="959 4.1.3"),
    _row("SITE CHMOD", _A.VALUE_AND_PATH, " <SP> mode <SP> path (change file mode).", "M", needs=Capability.MODE,
         rfc="959 4.1.3"),
    # What RFC 775 called them.  RFC 1123 4.1.3.1.
    _row("XCWD", _A.PATH_OR_ROOT, " [<SP> dir-name] (change working directory).", "e", rfc="1123 4.1.3.1",
         same_as="CWD"),
    _row("XCUP", _A.PARENT, " (go to parent directory).", "e", rfc="1123 4.1.3.1", same_as="CDUP"),
    _row("XMKD", _A.PATH, " <SP> dir-name (make directory).", "m", needs=Capability.WRITE, rfc="1123 4.1.3.1",
         same_as="MKD"),
    _row("XRMD", _A.PATH, " <SP> dir-name (remove directory).", "d", needs=Capability.WRITE, rfc="1123 4.1.3.1",
         same_as="RMD"),
    _row("XPWD", _A.NONE, " (get current working directory).", rfc="1123 4.1.3.1", same_as="PWD"),
)
# fmt: on

#: What there is besides where TLS is offered.
TLS_COMMANDS: Final = command_table(
    *COMMANDS.values(),
    _row(
        "AUTH",
        _A.TEXT,
        " <SP> TLS|SSL (set up secure control channel).",
        login=False,
        turn=_T.ALONE,
        feature="AUTH TLS",
        rfc="4217 4",
    ),
    _row(
        "PBSZ",
        _A.TEXT,
        " <SP> 0 (negotiate size of buffer for secure data transfer).",
        login=False,
        feature="PBSZ",
        rfc="4217 9",
    ),
    _row("PROT", _A.TEXT, " <SP> [C|P] (set up un/secure data channel).", login=False, feature="PROT", rfc="4217 9"),
)

#: And where the control connection may be cleared behind a login, for firewalls that read it.
CCC_COMMANDS: Final = command_table(
    *TLS_COMMANDS.values(),
    _row("CCC", _A.NONE, " (clear control channel).", feature="CCC", rfc="4217 5"),
)

#: Registered verbs (RFC 5797) that are deliberately not offered: 502, where an unknown verb gets 500.
ABSENT: Final = frozenset(
    {
        "ACCT",
        "ADAT",
        "ALGS",
        "AUTH",
        "CCC",
        "CONF",
        "CPSV",
        "ENC",
        "HASH",
        "HOST",
        "LANG",
        "LPRT",
        "LPSV",
        "MFCT",
        "MFF",
        "MIC",
        "PBSZ",
        "PROT",
        "SMNT",
        "SSCN",
    }
)
