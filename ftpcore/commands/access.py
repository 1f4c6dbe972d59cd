"""Access control: the greeting, USER, PASS, REIN, QUIT.  RFC 959 4.1.1, RFC 2577 5."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ftpcore._conclusion import follow, hook_failed
from ftpcore._delegate import does_nothing
from ftpcore._effects import Effect, Pause
from ftpcore._endpoint import close_data, closed, drop_endpoint
from ftpcore._errors import AuthenticationFailed, BadSequence, ControlConnectionLost, ServerShutdown
from ftpcore._events import LoggedOut, LoginFailed, LoginSucceeded
from ftpcore._listing import DEFAULT_FACTS
from ftpcore._paths import ROOT, resolve
from ftpcore._port_effects import Authenticate, AuthenticateCertificate, Call
from ftpcore._state import Endpoint, EndpointStep, LoginStep, Pending, Protection, TransferType
from ftpcore.commands.security import check_login_protection, clear_control, secure_control, smuggled, within_tls
from ftpcore.ports import Account
from ftpcore.wire import Reply

if TYPE_CHECKING:
    from ftpcore._session import Session

__all__ = ["farewell", "ftp_PASS", "ftp_QUIT", "ftp_REIN", "ftp_USER", "greet", "log_out", "start_over"]

#: A longer message is sent as a reply of two lines, for clients that show only the first ones of a 220 or 230 whole.
MESSAGE_LIMIT: Final = 75


async def greet(session: Session) -> None:
    """Let the hook refuse the client, then greet.  RFC 959 5.4 (Connection Establishment)."""
    if session.delegate.implicit_tls:
        session.protection, session.buffer_size_set = Protection.PRIVATE, True
        if not await secure_control(session):
            session.farewell_said = True  # hooks come in pairs
            return
    for effect in hook(session.delegate.on_connect):
        try:
            await effect
        except Exception as error:  # noqa: BLE001  the hook's fault ends the session only
            hook_failed(session, "connect", error)
    if not session.closing:
        session.send(_message(220, session.delegate.banner))  # it answers no command


async def farewell(session: Session) -> None:
    """Close what no transfer used, then tell the hook.  The connection is gone already."""
    if session.endpoint is not Endpoint.NONE:
        session.move_endpoint(EndpointStep.DROP)
        await close_data()
        await closed(session)
    for effect in hook(session.delegate.on_disconnect):
        await effect


async def ftp_USER(session: Session, username: str) -> Reply:
    """Name the user.  The answer does not tell whether there is one.  RFC 959 4.1.1, RFC 2577 5."""
    then = await _flush(session, "USER")
    session.advance_login(LoginStep.START_OVER)
    try:
        check_login_protection(session, username)
        session.advance_login(LoginStep.USER)
        session.username = username
        known = await _known_by_certificate(session)
    except Exception as error:  # noqa: BLE001  the hook of the logout is still owed
        return replace(session.failure_reply(error, "USER", None), then=then)
    if known:
        return Reply.of(232, "User logged in by certificate.", then=then + hook(session.delegate.on_login, username))
    return Reply.of(331, "Username ok, send password.", then=then)


async def ftp_PASS(session: Session, password: str) -> Reply:
    """Log in.  A wrong password is answered late, and the commands behind it wait.  RFC 959 4.1.1, RFC 2577 5."""
    check_login_protection(session, session.username)
    if not session.advance_login(LoginStep.PASS):
        raise BadSequence("User already authenticated." if session.account else "Login with USER first.")
    username = session.username
    try:
        account = await Authenticate(username, password, session.peer.host)
        check_login_protection(session, account.name)  # the name that counts, whatever spelling of it was typed
    except AuthenticationFailed as error:
        return await _refused(session, username, password, str(error))
    except BaseException:
        session.advance_login(LoginStep.FAULT)
        raise
    _log_in(session, account)
    return _message(230, account.login_message, then=hook(session.delegate.on_login, username))


async def ftp_REIN(session: Session) -> Reply:
    """Start over, on the same connection; a running transfer ends under its old rights.  RFC 959 4.1.1."""
    then = await start_over(session, "REIN")
    if within_tls(session):
        if session.reader.buffered or session.waiting:
            smuggled(session)
            return Reply.of(421, "Commands came behind REIN; closing.", then=then)
        then = (clear_control(session), *then)
    return Reply.of(220, "Ready for new user.", then=then)


def ftp_QUIT(session: Session) -> Reply:
    """End the session; a running transfer is finished first.  RFC 959 4.1.1."""
    message = session.account.quit_message if session.account else "Goodbye."
    then = _logged_out(session, "QUIT")
    session.close()
    return _message(221, message, then=then)


def hook(function: Callable[..., object], *arguments: object) -> tuple[Effect[object], ...]:
    """Return what calls a hook: nothing, if nobody overrode it."""
    return () if does_nothing(function) else (Call(function, arguments),)


def _message(code: int, text: str, then: tuple[Effect[object], ...] = ()) -> Reply:
    lines = text.splitlines() or [""]
    if len(lines) > 1 or len(text) > MESSAGE_LIMIT:
        lines.append("")
    return Reply.of(code, *lines, then=then)


async def start_over(session: Session, verb: str) -> tuple[Effect[object], ...]:
    """Forget the user and all that was set; return what tells the hook.  RFC 959 4.1.1, RFC 4217 4.2."""
    then = await _flush(session, verb)
    _forget(session)
    implicit = session.control_tls is not None and session.delegate.implicit_tls
    session.protection = Protection.PRIVATE if implicit else Protection.CLEAR
    session.buffer_size_set = implicit
    if not implicit:
        session.certificate = None
    return then


def log_out(session: Session) -> None:
    """Forget the user and what he set, as REIN does, but answer nothing and keep TLS; for user code.

    The hook is called behind what runs.
    """
    then = _logged_out(session, "")
    session.username = ""
    _forget(session)
    task = session.current or session.control_lane.task
    if task is None:
        follow(session, session.control_lane, "logout", then)
    else:
        task.follow += then


def _forget(session: Session) -> None:
    session.advance_login(LoginStep.START_OVER)
    session.transfer_type = TransferType.ASCII
    session.cwd = ROOT
    session.facts = DEFAULT_FACTS
    session.epsv_only = False
    session.restart, session.rename_from, session.pending = 0, None, Pending.NOTHING


async def _known_by_certificate(session: Session) -> bool:
    """Log the user in if the certificate that the client showed is enough.  RFC 4217 12.2."""
    tls = session.control_tls
    if tls is None or tls.certificate is None or not hasattr(session.ports.authorizer, "authenticate_certificate"):
        return False
    session.advance_login(LoginStep.PASS)
    try:
        account = await AuthenticateCertificate(session.username, tls.certificate, session.peer.host)
    except AuthenticationFailed:
        account = None
    except BaseException:
        session.advance_login(LoginStep.FAULT)
        raise
    if account is None:
        session.advance_login(LoginStep.FAULT)
        return False
    _log_in(session, account)
    return True


def _log_in(session: Session, account: Account) -> None:
    session.advance_login(LoginStep.ACCEPTED)
    session.failed_logins = 0
    session.account = account
    session.ports = replace(session.ports, filesystem=account.filesystem)
    session.cwd = resolve(ROOT, account.start)
    if session.subscribed(LoginSucceeded):
        session.emit(LoginSucceeded(username=session.username))


async def _refused(session: Session, username: str, password: str, text: str) -> Reply:
    session.advance_login(LoginStep.REFUSED)
    session.username = ""
    try:
        await Pause(session.delegate.auth_failed_timeout or 0.0)
    except (ControlConnectionLost, ServerShutdown):
        pass  # the answer and the hook are still owed
    session.failed_logins += 1
    text = text[:1].upper() + text[1:] or "Authentication failed."
    if session.failed_logins >= session.delegate.max_login_attempts:
        text += " Disconnecting."
        session.close()
    if session.subscribed(LoginFailed):
        session.emit(LoginFailed(username=username))
    return Reply.of(530, text, then=hook(session.delegate.on_login_failed, username, password))


async def _flush(session: Session, verb: str) -> tuple[Effect[object], ...]:
    """Forget the account; return what tells the hook."""
    await drop_endpoint(session)
    then = _logged_out(session, verb)
    session.username = ""
    return then


def _logged_out(session: Session, verb: str) -> tuple[Effect[object], ...]:
    if session.account is None:
        return ()
    username = session.username
    session.account = None
    session.stranger_since = session.now
    if session.subscribed(LoggedOut):
        session.emit(LoggedOut(username=username, verb=verb))
    return hook(session.delegate.on_logout, username)
