"""Which files a session has open: if it is abandoned, its host closes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ftpcore._effects import Effect, Perform
from ftpcore._port_effects import CloseFile, OpenFile, OpenUnique
from ftpcore.ports import AnyFile

if TYPE_CHECKING:
    from ftpcore._session import Session

__all__ = ["note_answer", "note_request", "taken"]


def note_answer(session: Session, effect: Effect[Any], value: Any) -> None:  # Any: the answer is of the effect's type
    """Remember a file that was opened."""
    if isinstance(effect, OpenFile | OpenUnique):
        session.open_files += (value if isinstance(effect, OpenFile) else value[1],)


def note_request(session: Session, effect: Effect[Any]) -> None:
    """Forget a file that the host is about to close: closed it is, whatever the answer."""
    if isinstance(effect, CloseFile):
        session.open_files = tuple(file for file in session.open_files if file is not effect.file)


def taken(session: Session, outputs: Iterable[object]) -> tuple[AnyFile, ...]:
    """Return the files that are left to close, those among them whose CloseFile waits in `outputs`; forget them."""
    files, session.open_files = session.open_files, ()
    for output in outputs:
        if isinstance(output, Perform) and isinstance(output.effect, CloseFile):
            files += (output.effect.file,)
    return files
