"""Security: AUTH, PBSZ, PROT, CCC, and the handshakes behind them.  RFC 4217, RFC 2228 3.

A session never answers what it was told in clear behind AUTH: bytes that are there when TLS is to begin end it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Final

from ftpcore import _effects as effects
from ftpcore._errors import BadSequence, FtpError, ParameterUnsupported, ProtectionFailed, SyntaxRefused
from ftpcore._events import Failed, TLSEstablished, TLSFailed, ViolationSeen
from ftpcore._state import Protection
from ftpcore._tls import PeerCertificate, TLSDetails
from ftpcore.wire import Reply

if TYPE_CHECKING:
    from ftpcore._session import Session

__all__ = [
    "check_data_protection",
    "check_login_protection",
    "clear_control",
    "ftp_AUTH",
    "ftp_CCC",
    "ftp_PBSZ",
    "ftp_PROT",
    "secure_control",
    "secure_data",
    "smuggled",
    "within_tls",
]

#: All name the same: TLS settles by itself what it will be.  RFC 4217 4, with the names of its drafts.
_MECHANISMS: Final = frozenset({"TLS", "TLS-C", "SSL", "TLS-P"})


class _Composed(effects.Effect[None]):
    """Steps that follow a reply as if they were one effect."""

    __slots__ = ("_session", "_steps")

    def __init__(self, session: Session, steps: Callable[[Session], Coroutine[Any, Any, object]]) -> None:
        self._session = session
        self._steps = steps

    def __await__(self) -> Generator[Any, Any, None]:  # Any: effects of all kinds, answered in as many ways
        yield from self._steps(self._session).__await__()


async def ftp_AUTH(session: Session, mechanism: str) -> Reply:
    """Begin TLS on the control connection; a login does not survive it.  RFC 4217 4, RFC 2228 3."""
    from ftpcore.commands.access import start_over  # it imports this module

    if session.control_tls is not None:
        raise BadSequence("Already using TLS.")
    name = mechanism.upper()
    if name not in _MECHANISMS:
        raise ParameterUnsupported("Unknown security mechanism.")
    then = await start_over(session, "AUTH")
    if session.reader.buffered or session.waiting:
        smuggled(session)
        return Reply.of(421, "Commands came in clear behind AUTH; closing.", then=then)
    return Reply.of(234, f"AUTH {name} successful.", then=(_Composed(session, secure_control), *then))


def ftp_PBSZ(session: Session, size: str) -> Reply:
    """Agree on a buffer size: with TLS there is none.  RFC 4217 9."""
    if session.control_tls is None:
        raise BadSequence("PBSZ not allowed on insecure control connection.")
    if not (size.isascii() and size.isdigit()):
        raise SyntaxRefused
    session.buffer_size_set = True
    return Reply.of(200, "PBSZ=0 successful.")


def ftp_PROT(session: Session, level: str) -> Reply:
    """Choose whether the data connections from now on are encrypted.  RFC 4217 9."""
    if session.control_tls is None:
        raise BadSequence("PROT not allowed on insecure control connection.")
    if not session.buffer_size_set:
        raise BadSequence("You must issue the PBSZ command prior to PROT.")
    match level.upper():
        case "P":
            session.protection = Protection.PRIVATE
            return Reply.of(200, "Protection set to Private.")
        case "C":
            if _data_demanded(session):
                return Reply.of(534, "Data connections must be protected.")
            session.protection = Protection.CLEAR
            return Reply.of(200, "Protection set to Clear.")
        case "S" | "E":
            return Reply.of(536, f"PROT {level.upper()} unsupported (use C or P).")
        case _:
            raise ParameterUnsupported("Unknown protection level.")


def ftp_CCC(session: Session) -> Reply:
    """Go on in clear on the control connection; data connections stay as they are.  RFC 4217 5, RFC 2228 3."""
    if session.control_tls is None:
        return Reply.of(533, "The control connection is not protected.")
    if session.reader.buffered or session.waiting or _demanded(session.delegate.tls_control_required, session.username):
        return Reply.of(534, "The control connection can't be cleared now.")
    return Reply.of(200, "Control connection is in clear now.", then=(clear_control(session),))


async def secure_control(session: Session) -> bool:
    """Begin TLS on the control connection; False: it failed, or nobody is left, and nothing can be told any more."""
    try:
        details = await effects.StartTLS(effects.Connection.CONTROL)
    except Exception as error:  # noqa: BLE001  whatever it is, nothing may go on in clear
        _give_up(session, "TLS handshake failed", error)
        return False
    if session.lost:
        return False
    session.control_tls, session.certificate = details, details.certificate
    _established(session, effects.Connection.CONTROL, details)
    return True


async def secure_data(session: Session, certificate: PeerCertificate | None) -> None:
    """Begin TLS on the data connection; ProtectionFailed, 522, if the client can't, or does not prove who it is.

    `certificate` is what it must show; None: nothing.
    """
    try:
        details = await effects.StartTLS(effects.Connection.DATA)
    except OSError as error:
        raise _refused(session, _reason(error)) from None
    except ProtectionFailed:
        raise _refused(session, "it took too long") from None
    if session.delegate.tls_session_reuse == "require" and not details.reused:
        raise _refused(session, "the TLS session of the control connection must be resumed")
    if certificate is not None and certificate != details.certificate:
        raise _refused(session, "it must show the certificate of the control connection")
    _established(session, effects.Connection.DATA, details)


def check_login_protection(session: Session, username: str) -> None:
    """Raise 530 if this user must not log in in clear.  RFC 4217 10.1."""
    if session.control_tls is None and _demanded(session.delegate.tls_control_required, username):
        raise FtpError(Reply.of(530, "TLS required on the control connection."))


def check_data_protection(session: Session) -> None:
    """Raise 521 if this user must not move data in clear.  RFC 4217 10.2."""
    if session.protection is Protection.CLEAR and _data_demanded(session):
        raise FtpError(Reply.of(521, "TLS required on the data connection."))


def within_tls(session: Session) -> bool:
    """Tell whether the control connection is encrypted by an AUTH: REIN ends that.  RFC 4217 13."""
    return session.control_tls is not None and not session.delegate.implicit_tls


def smuggled(session: Session) -> None:
    """End the session: commands came behind one that begins or ends TLS.  They are dropped."""
    text = "commands came behind one that begins or ends TLS"
    if session.subscribed(ViolationSeen):
        session.emit(ViolationSeen(text=text))
    session.close()
    session.reason = text


def clear_control(session: Session) -> effects.Effect[None]:
    """Return what ends TLS on the control connection, behind a reply."""
    return _Composed(session, _cleared)


async def _cleared(session: Session) -> None:
    try:
        await effects.StopTLS(effects.Connection.CONTROL)
    except Exception as error:  # noqa: BLE001  as when it begins
        _give_up(session, "TLS did not end in good order", error, ending=True)
        return
    session.control_tls = None


def _data_demanded(session: Session) -> bool:
    """Whatever spelling of a name the user typed: the account has the one that counts."""
    option, account = session.delegate.tls_data_required, session.account
    return _demanded(option, session.username) or (account is not None and _demanded(option, account.name))


def _demanded(option: bool | Container[str], username: str) -> bool:
    return username in option if isinstance(option, Container) else bool(option)


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else None
    return text or str(error) or "the connection failed"


def _refused(session: Session, reason: str) -> ProtectionFailed:
    if session.subscribed(TLSFailed):
        session.emit(TLSFailed(connection=effects.Connection.DATA, reason=reason))
    return ProtectionFailed(f"TLS negotiation failed: {reason}.")


def _established(session: Session, connection: effects.Connection, details: TLSDetails) -> None:
    if session.subscribed(TLSEstablished):
        session.emit(TLSEstablished(connection=connection, details=details))


def _give_up(session: Session, what: str, error: Exception, *, ending: bool = False) -> None:
    """The control connection speaks neither clear nor TLS: end the session without a word."""
    reason = f"{what}: {_reason(error)}"
    if not isinstance(error, OSError | FtpError) and session.subscribed(Failed):
        session.emit(Failed(where="TLS", error=error))
    if session.subscribed(TLSFailed):
        session.emit(TLSFailed(connection=effects.Connection.CONTROL, reason=reason, ending=ending))
    if not session.closing:
        session.close()
        session.reason = reason
    session.muted = True
