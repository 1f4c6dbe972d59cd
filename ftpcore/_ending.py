"""How a session ends: the last words, the close when all is sent, and what is cleaned up behind it.

closing   no command is begun; what runs goes on; then the last words are sent, and CloseControl when they have left
lost      the control connection is gone; what runs is cut, nothing is sent
ended     both lanes are empty, the hook was called: the host may drop the session
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ftpcore._effects import CloseControl
from ftpcore._errors import Aborted, ControlConnectionLost, FtpError
from ftpcore._events import Disconnected
from ftpcore._lane import Purpose, Task
from ftpcore._limits import CLOSE_TIMEOUT, REPLY_BUFFER_LIMIT
from ftpcore.commands.access import farewell

if TYPE_CHECKING:
    from ftpcore._session import Session

__all__ = ["advance", "cut", "lose"]


def advance(session: Session) -> None:
    """Take the steps towards the end that may be taken now."""
    if session.muted and not session.lost:
        session.emit(CloseControl())
        lose(session, session.reason)
    if session.eof and not session.closing:
        _end_of_input(session)
    if session.closing and not session.lost:
        if session.data_lane.task is not None and not session.transferring():
            session.data_lane.cancel(Aborted())  # no command will come for a passive connection
        if session.idle:
            _close_control(session)
    if session.lost and session.idle and not session.ended:
        _end(session)


def lose(session: Session, reason: str) -> None:
    """The control connection is gone, or given up: cut what runs."""
    if session.lost:
        return
    session.lost = session.closing = True
    session.reason = reason
    session.close_at = session.shut_down_at = session.waiting = None
    session.reader.clear()
    cut(session, ControlConnectionLost())
    if session.data_lane.task is None:
        session.data_lane.deadline = None


def cut(session: Session, reason: FtpError) -> None:
    """End what runs, with `reason`."""
    for lane in (session.data_lane, session.control_lane):
        lane.cancel(reason)


def _end_of_input(session: Session) -> None:
    """All that came before the end is answered, but a transfer is not finished for somebody who has left."""
    if session.transferring():
        session.emit(CloseControl())
        lose(session, "client left")
    elif session.control_lane.task is None and not session.suspended and session.unsent < REPLY_BUFFER_LIMIT:
        session.close()
        session.reason = "client left"


def _close_control(session: Session) -> None:
    if session.last_words is not None:
        words, session.last_words = session.last_words, None
        session.send(words)
    if session.close_at is None:
        session.close_at = session.now + CLOSE_TIMEOUT
    if session.unsent == 0 or session.close_at <= session.now:
        session.emit(CloseControl())
        lose(session, session.reason)


def _end(session: Session) -> None:
    if not session.farewell_said:
        session.farewell_said = True
        session.control_lane.start(Task(farewell(session), Purpose.FOLLOW, "disconnect", session.ports))
    if session.idle and not session.ended:
        session.ended = True
        if session.subscribed(Disconnected):
            session.emit(Disconnected(reason=session.reason))
