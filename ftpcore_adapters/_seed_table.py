"""The old form of the table of commands, `proto_cmds`, and what the core is given for one that user code changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ftpcore import COMMANDS, TLS_COMMANDS, Argument, CommandSpec

__all__ = ["proto_cmds", "table_of", "tls_proto_cmds"]

#: Letters that the core asks for inside these commands, and the old table lists beside them.
_INNER_PERMISSIONS: Final = {"STAT": "l", "STOU": "w"}

#: The latest tables made, each with a copy of what it was made from: few servers have more than one.
_made: list[tuple[dict[str, dict[str, object]], dict[str, CommandSpec]]] = []
_MADE_LIMIT: Final = 8


def _row(spec: CommandSpec) -> dict[str, object]:
    required = spec.argument in (Argument.TEXT, Argument.PATH, Argument.VALUE_AND_PATH)
    arg = False if spec.argument in (Argument.NONE, Argument.PARENT) else True if required else None
    return {
        "perm": spec.permission or _INNER_PERMISSIONS.get(spec.name),
        "auth": spec.login,
        "arg": arg,
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
    if arg is False:
        argument = Argument.NONE
    elif perm is not None:
        argument = Argument.PATH if arg else Argument.PATH_OR_HERE
    else:
        argument = Argument.TEXT if arg else Argument.OPTIONAL
    spec = known or CommandSpec(name, argument, "")
    inner = perm == _INNER_PERMISSIONS.get(name)
    return replace(
        spec,
        help=str(entry.get("help") or ""),
        permission=None if perm is None or inner else str(perm),
        login=bool(entry.get("auth", True)),
    )
