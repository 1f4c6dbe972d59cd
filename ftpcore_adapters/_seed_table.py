"""The old form of the table of commands, `proto_cmds`, and what the core is given for one that user code changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ftpcore import COMMANDS, TLS_COMMANDS, Argument, CommandSpec, Presence

__all__ = ["proto_cmds", "table_of", "tls_proto_cmds"]

#: Letters that the core asks for inside these commands, and the old table lists beside them.
_INNER_PERMISSIONS: Final = {"STAT": "l", "STOU": "w"}

#: What a row says of an argument: it must, may or must not be there.
_PRESENCES: Final[dict[object, Presence]] = {
    True: Presence.REQUIRED,
    None: Presence.OPTIONAL,
    False: Presence.FORBIDDEN,
}
_ARGS: Final = {presence: arg for arg, presence in _PRESENCES.items()}

#: The latest tables made, each with a copy of what it was made from: few servers have more than one.
_made: list[tuple[dict[str, dict[str, object]], dict[str, CommandSpec]]] = []
_MADE_LIMIT: Final = 8


def _row(spec: CommandSpec) -> dict[str, object]:
    return {
        "perm": spec.permission or _INNER_PERMISSIONS.get(spec.name),
        "auth": spec.login,
        "arg": _ARGS[spec.presence_of_argument],
        "help": spec.help,
    }


#: The table of commands as old user code copies and extends it: name -> dict(perm, auth, arg, help).
proto_cmds: dict[str, dict[str, object]] = {name: _row(spec) for name, spec in COMMANDS.items()}

#: That of handlers with TLS.
tls_proto_cmds: dict[str, dict[str, object]] = {name: _row(spec) for name, spec in TLS_COMMANDS.items()}


def table_of(entries: Mapping[str, Mapping[str, object]]) -> dict[str, CommandSpec]:
    """Return the core's table for one in the old form; a row that nobody changed is the core's own."""
    for source, table in _made:
        if source == entries:
            return table
    table = {name: _spec(name, entry) for name, entry in entries.items()}
    _made.insert(0, ({name: dict(entry) for name, entry in entries.items()}, table))
    del _made[_MADE_LIMIT:]
    return table


def _spec(name: str, entry: Mapping[str, object]) -> CommandSpec:
    known = TLS_COMMANDS.get(name)
    if known is not None and _row(known) == entry:
        return known
    perm, arg = entry.get("perm"), entry.get("arg")
    if known is not None:  # how it reads its argument is its own
        spec = known if arg == _row(known)["arg"] else replace(known, presence=_PRESENCES.get(arg, Presence.OPTIONAL))
    elif arg is False:
        spec = CommandSpec(name, Argument.NONE, "")
    elif perm is not None:
        spec = CommandSpec(name, Argument.PATH if arg else Argument.PATH_OR_HERE, "")
    else:
        spec = CommandSpec(name, Argument.TEXT if arg else Argument.OPTIONAL, "")
    inner = perm == _INNER_PERMISSIONS.get(name)
    return replace(
        spec,
        help=str(entry.get("help") or ""),
        permission=None if perm is None or inner else str(perm),
        login=bool(entry.get("auth", True)),
    )
