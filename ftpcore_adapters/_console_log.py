"""What the command line tells the person who started it: at the start what is shared and how to get there, and later,
once, that clients are shown an address which they can't reach.
"""

from __future__ import annotations

import ipaddress
import os
import shlex
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Final

from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.log import logger
from ftpcore_adapters.utils import hilite

if TYPE_CHECKING:
    from ftpcore_adapters._console_tls import TLSNotice

__all__ = [
    "ConsoleHandler",
    "complain",
    "in_container",
    "printable",
    "reachable_hosts",
    "start_text",
    "unreachable",
    "users_text",
]

#: Addresses for documentation, RFC 5737 and RFC 3849: the way to them is the way to everywhere, and nothing is sent.
_ANYWHERE: Final = (socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")

#: What Docker and Podman put into each container.
_CONTAINER_MARKS: Final = "/.dockerenv", "/run/.containerenv"

#: Names of users that the start tells.
_NAMES_SHOWN: Final = 5

#: Networks of containers are of this size or smaller.
_CONTAINER_NETWORK: Final = 16


def printable(text: str) -> str:
    r"""Return `text` with what a terminal can't show, or would obey, escaped.

    >>> printable("caf\xe9\x1b[2J\udcff")
    'café\\x1b[2J\\udcff'
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii") for char in text
    )


def complain(text: object) -> None:
    """Write one line to standard error."""
    sys.stderr.write(f"ftpcore: {printable(str(text))}\n")


# -- the start ---------------------------------------------------------------------------------------------------------


def start_text(
    address: tuple[str, int], directory: str, username: str | None, *, write: bool, tls: TLSNotice | None = None
) -> str:
    """Tell what is served where, to whom, and how to get there; without a username to anonymous.

    It is several lines, the last of which holds a command for a client.  A password is not told: curl asks for it.
    """
    user = printable(username or "anonymous")
    rows = [
        ("user", user if username else f"{user}, with any password"),
        ("rights", "list and download" + ", upload, append, rename, delete, make directories" * write),
    ]
    rights = "read and write" if write else "read-only"
    return _start_text(address, printable(directory), f"{rights}, to {user}", rows, username, tls)


def users_text(address: tuple[str, int], path: str, names: Sequence[str], *, tls: TLSNotice | None = None) -> str:
    """Tell the same of a server for the users in the file `path`."""
    shown = ", ".join(map(printable, names[:_NAMES_SHOWN])) or "none so far"
    more = len(names) - _NAMES_SHOWN
    rows = [("users", f"{shown} and {more} more" if more > 0 else shown), ("rights", "those in the file")]
    what = f"the homes of the users in {printable(path)}"
    return _start_text(address, what, "to them", rows, names[0] if names else "NAME", tls)


def _start_text(
    address: tuple[str, int],
    what: str,
    whom: str,
    rows: list[tuple[str, str]],
    username: str | None,
    tls: TLSNotice | None,
) -> str:
    host, port = address
    hosts = reachable_hosts(host)
    local = "127.0.0.1" if "127.0.0.1" in hosts else hosts[0]
    login = f"-u {shlex.quote(printable(username))} " if username else ""
    scheme, options = ("ftp", "") if tls is None else (tls.scheme, tls.client_options)
    rows = [
        *rows,
        *(("address", _place(each, port) + " (from this machine only)" * _is_loopback(each)) for each in hosts),
        *(() if tls is None else tls.rows()),
        ("client", f"curl {options}{login}{shlex.quote(f'{scheme}://{_place(local, port)}/')}"),
    ]
    return "\n".join(
        [
            f"Serving {what} on {hilite(_place(host, port), 'green', bold=True)}, {whom}.  Ctrl-C ends it.",
            *(f"  {hilite(f'{name:9}', 'lightblue')}{text}" for name, text in rows),
        ]
    )


def reachable_hosts(host: str) -> list[str]:
    """Return the addresses by which a server that listens on `host` is reached: those of this machine for a wildcard.

    Of several interfaces the ones with the default routes count.
    """
    if host not in ("0.0.0.0", "::"):
        return [host]
    found = []
    for family, anywhere in _ANYWHERE:
        if family == socket.AF_INET6 and host != "::":
            continue
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:  # none: there is no such route
            sock.connect((anywhere, 9))
            found.append(str(sock.getsockname()[0]))
    return [*(each for each in dict.fromkeys(found) if not _is_loopback(each)), "127.0.0.1"]


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback


# -- 227 behind NAT ----------------------------------------------------------------------------------------------------


def unreachable(
    local: str,
    peer: str,
    masquerade_address: str | None = None,
    masquerade_address_map: Mapping[str, str] | None = None,
    *,
    contained: bool = False,
) -> str | None:
    """Return the address that 227 shows to `peer` if it can't get there, else None.

    A client out in the Internet reaches no private address.  One of another network reaches no address of a container.

    >>> unreachable("172.17.0.2", "8.8.8.8")
    '172.17.0.2'
    >>> unreachable("172.17.0.2", "8.8.8.8", "9.9.9.9") is None
    True

    Args:
        local: Of the control connection; as all of them the text of an address.
        contained: The server runs in a container, whose ports are forwarded.
    """
    shown = (masquerade_address_map or {}).get(local) or masquerade_address or local
    there, here = _ipv4(shown), _ipv4(peer)
    if there is None or here is None:
        return None  # EPSV, which shows no address: PASV is refused over IPv6
    if here.is_global and not there.is_global:
        return str(there)
    if contained and shown == local and there.is_private and not (here.is_loopback or there.is_loopback):
        if here not in ipaddress.ip_network(f"{there}/{_CONTAINER_NETWORK}", strict=False):
            return str(there)
    return None


def in_container() -> bool:
    """Tell whether this runs in a container of Docker or Podman."""
    return any(map(os.path.exists, _CONTAINER_MARKS))


def _ipv4(host: str) -> ipaddress.IPv4Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return address if isinstance(address, ipaddress.IPv4Address) else address.ipv4_mapped


class ConsoleHandler(FTPHandler):
    """Warns of an address that clients can't reach.  Subclass it for each server: it warns once."""

    contained: ClassVar[bool] = False
    warned: ClassVar[bool] = False

    def on_login(self, username: str) -> None:
        kind = type(self)
        if kind.warned:
            return
        shown = unreachable(
            self.session.local.host,
            self.remote_ip,
            self.masquerade_address,
            self.masquerade_address_map,
            contained=self.contained,
        )
        if shown is not None:
            kind.warned = True
            self.log(
                f"PASV shows {shown}, which this client can't reach: give the address that clients connect to by "
                "-n/--nat-address, and the ports that are forwarded by -r/--range.",
                logger.warning,
            )
