"""Data connections before a transfer takes them.  RFC 959 3.2, RFC 1123 4.1.2.6, RFC 2428.

A passive listener is accepted from in the DATA lane before any command needs it; an active address is connected to
when the transfer begins.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from ftpcore import _effects as effects
from ftpcore._addresses import Address, same_host
from ftpcore._delegate import does_nothing
from ftpcore._errors import Aborted, DataConnectionLost, DataConnectionRefused, FtpError, ServerFull, TransferTimeout
from ftpcore._events import AcceptTimedOut, Failed, ForeignPeer
from ftpcore._lane import Purpose, Task
from ftpcore._port_effects import Call
from ftpcore._state import Endpoint, EndpointStep
from ftpcore.wire import Reply

if TYPE_CHECKING:
    from ftpcore._session import Session
    from ftpcore._transfer import Transfer

__all__ = [
    "FULL",
    "accept",
    "accepted",
    "aim",
    "close_data",
    "closed",
    "drop",
    "drop_endpoint",
    "expire",
    "listen",
    "opened",
]

#: Errors that no other port would mend.
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

FULL: Final = "Too many connections. Can't open data channel."


async def drop_endpoint(session: Session) -> None:
    """Close the listener or the unused data connection, if there is one; a running transfer goes on."""
    if session.transferring():
        return
    if session.endpoint is Endpoint.LISTENING:
        session.data_lane.cancel(Aborted())
        await effects.TransferEnd()
    session.active_address = None
    if session.endpoint in (Endpoint.CONNECTED, Endpoint.ACTIVE):
        session.move_endpoint(EndpointStep.DROP)
        session.data_lane.deadline = None
        await close_data()
        await closed(session)


def drop(session: Session) -> None:
    """Close the data connection, if one is up; a transfer that it serves ends with 426."""
    if not session.data_up:
        return
    if session.transferring():
        session.data_lane.cancel(DataConnectionLost("Data connection closed by the server; transfer aborted."))
    elif session.data_lane.task is not None:  # a hook is told of it
        session.data_lane.cancel(Aborted())
    else:
        session.data_lane.start(Task(_dropped(session), Purpose.FOLLOW, "drop", session.ports))


async def _dropped(session: Session) -> None:
    session.move_endpoint(EndpointStep.DROP)
    await close_data(effects.DataPart.CONNECTION)
    await closed(session)


def expire(session: Session) -> None:
    """The time of a data connection that no command came for is over: the session ends, unless the client has left it.

    Its end is there to be received; the host tells at once whether it is, for Cancel follows at the heels.
    """
    lane = session.data_lane
    lane.start(Task(_expired(session), Purpose.FOLLOW, "data timeout", session.ports))
    lane.cancel(TransferTimeout())


async def _expired(session: Session) -> None:
    try:
        left = not await effects.ReceiveData(1)
    except TransferTimeout as timeout:
        left = isinstance(timeout.__cause__, ConnectionError)
    if left:
        await _dropped(session)
    else:
        session.close(Reply.of(421, "Data connection timed out."))


async def opened(session: Session) -> None:
    """A data connection is up: tell the hook."""
    session.data_up = True
    hook = session.delegate.on_data_connected
    if does_nothing(hook):
        return
    try:
        await Call(hook)
    except Exception as error:  # the hook's fault ends the connection only
        _hook_failed(session, "on_data_connected", error)
        raise FtpError(DataConnectionRefused().reply) from error  # nobody was late, so there is no 421


async def closed(session: Session, transfer: Transfer | None = None, failure: BaseException | None = None) -> None:
    """The data connection is closed, if one was up: tell the hook."""
    if not session.data_up:
        return
    session.data_up = False
    hook = session.delegate.on_data_closed
    if does_nothing(hook):
        return
    try:
        await Call(hook, (transfer, failure))
    except Exception as error:  # noqa: BLE001  the transfer ended as it did
        _hook_failed(session, "on_data_closed", error)


def _hook_failed(session: Session, name: str, error: Exception) -> None:
    if session.subscribed(Failed):
        session.emit(Failed(where=name, error=error))


async def close_data(part: effects.DataPart = effects.DataPart.BOTH) -> None:
    """Close what carried no transfer: whether its peer learns that in good order makes no difference."""
    try:
        await effects.CloseData(part)
    except ConnectionError:
        pass


async def listen(session: Session) -> Address:
    """Open a listener on the address of the control connection, and accept from it; return its address."""
    await drop_endpoint(session)
    address = await _bound(session)
    session.move_endpoint(EndpointStep.LISTEN)
    if isinstance(session.data_lane.effect, effects.EndpointReady):
        session.data_lane.resume()
    else:
        await effects.TransferEnd()  # of a STOU that gave up waiting meanwhile
        session.data_lane.start(Task(accept(session), Purpose.ACCEPT, "accept", session.ports))
    return address


async def aim(session: Session, address: Address) -> None:
    """Have the next transfer connect to `address`."""
    await drop_endpoint(session)
    session.move_endpoint(EndpointStep.AIM)
    session.active_address = address
    if isinstance(session.data_lane.effect, effects.EndpointReady):
        session.data_lane.resume()


async def _bound(session: Session) -> Address:
    """Bind a port: any, or one of `passive_ports` in random order, so that it can't be guessed.  RFC 2577 8."""
    ports = list(session.delegate.passive_ports or (0,))
    while ports:
        index = session.random.randrange(len(ports)) if len(ports) > 1 else 0
        ports[index], ports[-1] = ports[-1], ports[index]
        try:
            return await effects.OpenListener(session.local.host, ports.pop())
        except ServerFull:
            raise DataConnectionRefused(FULL) from None
        except OSError as error:
            if error.errno in _EXHAUSTED:
                break
            # Taken, or not ours to have: the next one may do.
    raise DataConnectionRefused


async def accept(session: Session) -> None:
    """Wait until the client connects; others are closed, and listening goes on.  RFC 2577 4."""
    until = session.after(session.delegate.accept_timeout)
    try:
        while True:
            peer = await effects.AcceptData(until)
            foreign = not same_host(peer.host, session.peer.host)
            permitted = not foreign or session.delegate.permit_foreign_addresses
            if foreign and session.subscribed(ForeignPeer):
                session.emit(ForeignPeer(peer=peer, accepted=permitted))
            if permitted:
                break
            await close_data(effects.DataPart.CONNECTION)
        await close_data(effects.DataPart.LISTENER)
        await opened(session)
        await effects.Pause(0)  # ABOR, or whatever ended the wait, counts, even if somebody came at that moment
        session.move_endpoint(EndpointStep.ACCEPT)
    except BaseException as error:
        if isinstance(error, DataConnectionRefused) and session.subscribed(AcceptTimedOut):
            session.emit(AcceptTimedOut())
        session.move_endpoint(EndpointStep.DROP)
        await close_data()
        await closed(session)
        raise


def accepted(session: Session, error: Exception | None) -> None:
    """The wait for a passive connection is over: hand the DATA lane to the transfer that waits, if there is one."""
    lane = session.data_lane
    task, lane.successor = lane.successor, None
    if task is not None:
        refusal = error if error is None or isinstance(error, FtpError) else DataConnectionRefused()
        lane.take_over(task, refusal)
    elif error is None:
        lane.deadline = session.after(session.delegate.data_timeout)
    elif isinstance(error, DataConnectionRefused) and session.control_lane.task is None:
        # The time is over, and no command waits for a reply that this could be taken for.
        session.send(Reply.of(421, "Passive data channel timed out."))
