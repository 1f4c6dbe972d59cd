"""Writes `docs/state-diagrams.md`, drawn from the tables that the code goes by.

Run by `make diagrams`; a test fails while the file and the tables differ.  GitHub shows the Mermaid blocks as pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from ftpcore._command import COMMANDS
from ftpcore._state import (
    ENDPOINT,
    LOGIN,
    PENDING,
    TRANSFER,
    Endpoint,
    Pending,
    PendingStep,
    Phase,
    TransferPhase,
)

__all__ = ["DRAWN", "PATH", "document"]

PATH: Final = Path(__file__).with_name("state-diagrams.md")

#: The kinds of states, in the order of the diagrams.
DRAWN: Final[tuple[type[Enum], ...]] = (Phase, Endpoint, TransferPhase, Pending)

_State = TypeVar("_State", bound=Enum)
_Step = TypeVar("_Step", bound=Enum)

_HEAD: Final = """\
# States

Drawn by `make diagrams` from the tables in `ftpcore/_state.py` and `ftpcore/_command.py`, which the code goes by and
the tests read. An arrow that is not there can't be taken; left out are those from the first state to itself.
"""


class _Section(NamedTuple):
    title: str
    prose: str
    diagram: str


def document() -> str:
    """Return the text of the whole file."""
    return "\n".join([_HEAD, *(_shown(section) for section in _sections())])


def _sections() -> tuple[_Section, ...]:
    return (
        _Section(
            "Login",
            """\
USER names a user, PASS lets the authorizer decide; commands wait meanwhile (RFC 959 5.4, "Login"). PASS anywhere else
is answered 503. A new USER and REIN end a login at once (RFC 959 4.1.1); a wrong password needs a new USER, and its 530
comes late (RFC 2577 5).
""",
            _diagram(LOGIN, Phase.NEW, last=None),
        ),
        _Section(
            "Data connection",
            """\
What the next transfer can use (RFC 959 3.2 and 3.3). A data connection serves one transfer, and there is no default
port: a data command without PASV, EPSV, PORT or EPRT is answered 425. Each of these four closes what the one before it
prepared (RFC 1123 4.1.2.6, RFC 2428), and waits while a transfer runs. ABOR, USER, REIN, a time-out and the end of a
transfer close it too.
""",
            _diagram(ENDPOINT, Endpoint.NONE, last=None),
        ),
        _Section(
            "Transfer",
            """\
From the 1yz to the final reply, as STAT tells it (RFC 959 5.4, "File action commands"). Only STOU may come before its
PASV or PORT, since its 150 tells the name (RFC 1123 4.1.2.9). ABOR, a cut or stalled connection and a failing file
end a transfer wherever it is; the data connection is closed before the file, and the final reply, 226 only if all of
that went well, comes when it is over.
""",
            _diagram(TRANSFER, TransferPhase.NEW, last=TransferPhase.OVER),
        ),
        _Section(
            "Rename and restart",
            """\
What a command leaves for the next one. RNTO must come immediately behind its RNFR (RFC 959 4.1.3), else it is answered
503. An offset outlives the commands that prepare its transfer, even if they are refused, and is used once (RFC 3659
5.3): RETR and STOR start there, APPE and STOU refuse it, every other command drops it. A REST or RNFR that is refused
leaves nothing.
""",
            _diagram(_pending(), Pending.NOTHING, last=None, labels={PendingStep.KEEPER: _keepers()}),
        ),
    )


def _pending() -> Mapping[tuple[Pending, PendingStep], Pending]:
    """Return PENDING without the steps of keepers that are those of any other command."""
    return {
        (before, step): after
        for (before, step), after in PENDING.items()
        if step is not PendingStep.KEEPER or after is not PENDING[before, PendingStep.OTHER]
    }


def _keepers() -> str:
    return ", ".join(name for name, spec in COMMANDS.items() if spec.keeps_restart)


def _shown(section: _Section) -> str:
    return f"## {section.title}\n\n{section.prose}\n```mermaid\n{section.diagram}```\n"


def _diagram(
    table: Mapping[tuple[_State, _Step], _State],
    first: _State,
    *,
    last: _State | None,
    labels: Mapping[_Step, str] | None = None,
) -> str:
    """Return a Mermaid diagram: a box for each state, one arrow for all steps from one state to another.

    Left out are steps that neither change a state nor prepare anything: from the first state to itself.
    """
    arrows: dict[tuple[_State, _State], list[str]] = {}
    for (before, step), after in table.items():
        if not before is after is first:
            label = (labels or {}).get(step, str(step.value))
            arrows.setdefault((before, after), []).append(label)
    order = list(type(first))
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{state.value}" as {state.name}' for state in order]
    lines.append(f"    [*] --> {first.name}")
    for before, after in sorted(arrows, key=lambda pair: (order.index(pair[0]), order.index(pair[1]))):
        lines.append(f"    {before.name} --> {after.name}: {' / '.join(arrows[before, after])}")
    if last is not None:
        lines.append(f"    {last.name} --> [*]")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PATH.write_text(document(), encoding="utf-8")
