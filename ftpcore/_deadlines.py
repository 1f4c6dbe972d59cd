"""The deadlines of a session: none of its waits is without one, and all of them make one instant for the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ftpcore import _endpoint
from ftpcore._conclusion import follow
from ftpcore._ending import cut
from ftpcore._errors import ServerShutdown
from ftpcore._port_effects import Call
from ftpcore._state import Endpoint
from ftpcore.wire import Reply

if TYPE_CHECKING:
    from ftpcore._session import Session

__all__ = ["earliest", "expire"]


def earliest(session: Session) -> float | None:
    """Return the first instant at which something is due; None: nothing will be."""
    first = _idle(session)
    for instant in (
        _login(session),
        session.control_lane.deadline,
        session.data_lane.deadline,
        session.close_at,
        session.shut_down_at,
    ):
        if instant is not None and (first is None or instant < first):
            first = instant
    return first


def expire(session: Session) -> None:
    """Act on what is due now."""
    now = session.now
    for lane in (session.control_lane, session.data_lane):
        if lane.deadline is not None and lane.deadline <= now:
            if lane.task is not None:
                lane.expire()
            elif session.control_lane.task is not None:  # a command that may be about to use the data connection
                lane.deadline = session.after(session.delegate.data_timeout)
            else:  # a data connection that no command came for
                lane.deadline = None
                _endpoint.expire(session)
    if session.shut_down_at is not None and session.shut_down_at <= now:
        session.shut_down_at = None
        cut(session, ServerShutdown())
    login_at = _login(session)
    if login_at is not None and login_at <= now:
        session.close(Reply.of(421, "Login timed out."))
    idle_at = _idle(session)
    if idle_at is not None and idle_at <= now:
        intercept = session.delegate.timeout_interceptor
        if intercept is None:
            session.close(Reply.of(421, "Control connection timed out."))
        else:
            session.active_at = now
            follow(session, session.control_lane, "timeout", (Call(intercept),))


def _idle(session: Session) -> float | None:
    """A session is idle while nothing runs and no data connection is up.  RFC 1123 4.1.3.2."""
    timeout = session.delegate.timeout
    if not timeout or session.closing or session.endpoint is Endpoint.CONNECTED:
        return None
    if session.control_lane.task is not None or session.transferring():
        return None
    return session.active_at + timeout


def _login(session: Session) -> float | None:
    """A client that keeps its connection busy must log in all the same, but while it is served the time stands still.

    An authorizer that decides, a penalty and a transfer under a former login are such service.
    """
    timeout = session.delegate.login_timeout
    if not timeout or session.account is not None or session.closing:
        return None
    if session.control_lane.task is not None or session.transferring():
        return None
    return session.stranger_since + timeout
