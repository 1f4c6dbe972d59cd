"""Transfer parameters: TYPE, MODE, STRU, ALLO, and the addresses of data connections.  RFC 959 4.1.2, RFC 2428."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ftpcore._addresses import (
    Address,
    UnknownFamily,
    epsv_text,
    family,
    parse_eprt,
    parse_port,
    pasv_text,
    same_host,
    unmapped,
)
from ftpcore._endpoint import aim, listen
from ftpcore._errors import FtpError, ParameterUnsupported, SyntaxRefused
from ftpcore._state import TransferType
from ftpcore.wire import Reply

if TYPE_CHECKING:
    from ftpcore._session import Session

__all__ = [
    "ftp_ALLO",
    "ftp_EPRT",
    "ftp_EPSV",
    "ftp_MODE",
    "ftp_PASV",
    "ftp_PORT",
    "ftp_STRU",
    "ftp_TYPE",
]

#: TYPE arguments, single blanks in them.  RFC 1123 4.1.2.2 takes "A T" (Telnet format) as "A N".  Bytes of seven bits,
#: "L 7", are not offered; but "L7" is what clients of this API family send for ASCII.
_TYPES: Final = {
    "A": TransferType.ASCII,
    "A N": TransferType.ASCII,
    "A T": TransferType.ASCII,
    "L7": TransferType.ASCII,
    "I": TransferType.IMAGE,
    "L 8": TransferType.IMAGE,
    "L8": TransferType.IMAGE,
}

#: Ports below are those of system services; no client listens there for data.
_PRIVILEGED: Final = 1024


def ftp_TYPE(session: Session, argument: str) -> Reply:
    """Choose the representation type.  RFC 959 4.1.2."""
    chosen = _TYPES.get(" ".join(argument.upper().split()))
    if chosen is None:
        raise ParameterUnsupported(f"Unsupported type {argument!a}.")
    session.transfer_type = chosen
    return Reply.of(200, f"Type set to: {'ASCII' if chosen is TransferType.ASCII else 'Binary'}.")


def ftp_MODE(session: Session, argument: str) -> Reply:
    """Choose the transfer mode: stream only.  RFC 959 4.1.2."""
    return _only("S", "BC", argument, "Transfer mode")


def ftp_STRU(session: Session, argument: str) -> Reply:
    """Choose the file structure: file only.  RFC 959 4.1.2."""
    return _only("F", "PR", argument, "File transfer structure")


def ftp_ALLO(session: Session, argument: str) -> Reply:
    """Reserve nothing.  200, not 202: some devices give up at 202.  RFC 959 4.1.2."""
    words = argument.split(" ")
    sizes = [words[0], words[2]] if len(words) == 3 and words[1].upper() == "R" else words
    if len(sizes) > 2 or not all(size.isascii() and size.isdigit() for size in sizes):
        raise SyntaxRefused
    return Reply.of(200, "No storage allocation necessary.")


async def ftp_PASV(session: Session) -> Reply:
    """Listen for a data connection, IPv4.  RFC 959 4.1.2, RFC 1123 4.1.2.6."""
    _forbid_after_epsv_all(session, "PASV")
    delegate = session.delegate
    shown = delegate.masquerade_address_map.get(session.local.host) or delegate.masquerade_address or session.local.host
    try:
        pasv_text(Address(shown, 1))
    except ValueError:  # an IPv6 address, or a name that an operator took for one
        raise FtpError(Reply.of(522, "PASV can show an IPv4 address only; use EPSV.")) from None
    address = await listen(session)
    return Reply.of(227, f"Entering passive mode ({pasv_text(Address(shown, address.port))}).")


async def ftp_EPSV(session: Session, argument: str) -> Reply:
    """Listen for a data connection of any family; "ALL": allow no other way from now on.  RFC 2428 3 and 4."""
    if argument.upper() == "ALL":
        session.epsv_only = True
        return Reply.of(200, "Other commands for data connections than EPSV are now refused.")
    ours = family(session.local.host)
    if argument in ("1", "2"):
        if int(argument) != ours.value:
            raise _wrong_family(session)
    elif argument.isascii() and argument.isdigit():
        raise _wrong_family(session)
    elif argument:
        raise SyntaxRefused("Unknown EPSV option.")
    address = await listen(session)
    return Reply.of(229, f"Entering extended passive mode ({epsv_text(address.port)}).")


async def ftp_PORT(session: Session, argument: str) -> Reply:
    """Name the address that the next transfer connects to, IPv4.  RFC 959 4.1.2."""
    _forbid_after_epsv_all(session, "PORT")
    try:
        address = parse_port(argument)
    except ValueError:
        raise SyntaxRefused("Invalid PORT format.") from None
    return await _aimed(session, address, "PORT")


async def ftp_EPRT(session: Session, argument: str) -> Reply:
    """Name the address that the next transfer connects to, any family.  RFC 2428 2."""
    _forbid_after_epsv_all(session, "EPRT")
    try:
        address = parse_eprt(argument)
    except UnknownFamily:
        raise _wrong_family(session) from None
    except ValueError:
        raise SyntaxRefused("Invalid EPRT format.") from None
    return await _aimed(session, address, "EPRT")


async def _aimed(session: Session, address: Address, verb: str) -> Reply:
    address = Address(unmapped(address.host), address.port)
    delegate = session.delegate
    if family(address.host) is not family(session.local.host):
        raise _wrong_family(session) if verb == "EPRT" else SyntaxRefused("PORT is for IPv4; use EPRT.")
    if same_host(address.host, session.peer.host):
        address = Address(session.peer.host, address.port)  # with its scope, which the client can't know
    elif not delegate.permit_foreign_addresses:
        raise SyntaxRefused("Foreign address refused.")
    if address.port < _PRIVILEGED and not delegate.permit_privileged_ports:
        raise SyntaxRefused("Privileged port refused.")
    await aim(session, address)
    return Reply.of(200, f"{verb} command successful.")


def _only(offered: str, known: str, argument: str, what: str) -> Reply:
    wanted = argument.strip(" ").upper()
    if wanted == offered:
        return Reply.of(200, f"{what} set to: {offered}.")
    if len(wanted) == 1 and wanted in known:
        raise ParameterUnsupported(f"{what} {wanted} is not offered.")
    raise SyntaxRefused


def _forbid_after_epsv_all(session: Session, verb: str) -> None:
    if session.epsv_only:
        raise SyntaxRefused(f"{verb} is not allowed after EPSV ALL.")


def _wrong_family(session: Session) -> FtpError:
    return FtpError(Reply.of(522, f"Network protocol not supported, use ({family(session.local.host).value})."))
