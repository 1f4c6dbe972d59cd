"""Addresses of data connections, and how they are told.  RFC 959 4.1.2 (PORT, PASV), RFC 2428 2 and 3 (EPRT, EPSV).

A host is the text of an IP address.  One that comes from a client is canonical, and without the `::ffff:` under which a
dual-stack socket shows IPv4.  That of a control connection may hold a scope (`fe80::1%eth0`), which means something on
this machine only: it is never read from a client, nor told to one.
"""

from __future__ import annotations

import re
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

__all__ = [
    "Address",
    "Family",
    "UnknownFamily",
    "epsv_text",
    "family",
    "parse_eprt",
    "parse_port",
    "pasv_text",
    "same_host",
    "unmapped",
]

_SIX_NUMBERS: Final = re.compile(r"[0-9]{1,3}(?:,[0-9]{1,3}){5}")
_DIGITS: Final = re.compile(r"[0-9]+")
#: No more than five digits, leading zeros included.
_PORT: Final = re.compile(r"[0-9]{1,5}")


class Family(Enum):
    """Network protocols by the numbers of EPRT and EPSV.  RFC 2428 2."""

    IPV4 = 1
    IPV6 = 2


class UnknownFamily(ValueError):
    """A protocol number that is neither 1 nor 2: to be answered 522, not 501."""


class Address(NamedTuple):
    """One end of a connection."""

    host: str
    port: int


def unmapped(host: str) -> str:
    """Return the IPv4 address if `host` is an IPv4-mapped IPv6 address; any other text as it is."""
    if ":" not in host:
        return host
    try:
        mapped = IPv6Address(host).ipv4_mapped
    except ValueError:
        return host
    return host if mapped is None else str(mapped)


def family(host: str) -> Family:
    """Return the protocol that is spoken with `host`; IPv4 for a mapped address."""
    return Family.IPV6 if ":" in unmapped(host) else Family.IPV4


def same_host(one: str, other: str) -> bool:
    """Tell whether two texts name one host, whatever their spelling, mapping and scope.

    A client can't know the scope that its link-local address has here: connect to the host of the control connection
    rather than to the text of EPRT.
    """
    return _without_scope(one) == _without_scope(other)


def _without_scope(host: str) -> str:
    if ":" not in host:
        return host
    bare = host.partition("%")[0]
    try:
        return unmapped(str(IPv6Address(bare)))
    except ValueError:
        return host


def parse_port(text: str) -> Address:
    """Return the address of a PORT argument, "h1,h2,h3,h4,p1,p2".

    Raises:
        ValueError: There are not six numbers of 0 to 255, or the port is 0.
    """
    if not _SIX_NUMBERS.fullmatch(text):
        raise ValueError(f"PORT takes six numbers, h1,h2,h3,h4,p1,p2, not {text!r}")
    numbers = [int(number) for number in text.split(",")]
    *octets, high, low = numbers
    if max(numbers) > 255 or high == low == 0:
        raise ValueError(f"PORT takes numbers of 0 to 255 and a port above 0, not {text!r}")
    return Address(".".join(map(str, octets)), high * 256 + low)


def parse_eprt(text: str) -> Address:
    """Return the address of an EPRT argument, "<d>family<d>host<d>port<d>" with any delimiter of 33 to 126.

    Raises:
        UnknownFamily: The form is right, but the family is neither 1 nor 2.
        ValueError: The form, the host or the port is wrong.
    """
    delimiter = text[:1]
    if not "!" <= delimiter <= "~" or text.count(delimiter) != 4 or not text.endswith(delimiter):
        raise ValueError(f"EPRT takes |family|host|port|, not {text!r}")
    number, host, port = text[1:-1].split(delimiter)
    if not _DIGITS.fullmatch(number):
        raise ValueError(f"EPRT takes a number for the family, not {number!r}")
    if number == "1":
        host = str(IPv4Address(host))
    elif number == "2":
        if "%" in host:
            raise ValueError(f"EPRT takes an address without a scope, not {host!r}")
        host = unmapped(str(IPv6Address(host)))
    else:
        raise UnknownFamily(f"EPRT takes 1 (IPv4) or 2 (IPv6) for the family, not {number}")
    if not _PORT.fullmatch(port) or not 0 < int(port) < 65536:
        raise ValueError(f"EPRT takes a port of 1 to 65535, not {port!r}")
    return Address(host, int(port))


def pasv_text(address: Address) -> str:
    """Return `address` as a 227 reply tells it, "h1,h2,h3,h4,p1,p2".

    Raises:
        ValueError: It is not IPv4.  PASV can't express it; the client is to use EPSV.
    """
    octets = IPv4Address(unmapped(address.host)).packed
    high, low = divmod(address.port, 256)
    return ",".join(map(str, (*octets, high, low)))


def epsv_text(port: int) -> str:
    """Return `port` as a 229 reply tells it, "|||port|"."""
    return f"|||{port}|"
