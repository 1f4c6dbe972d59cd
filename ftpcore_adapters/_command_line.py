"""The options of the command line: what there is, and what goes together."""

from __future__ import annotations

import argparse
import codecs
import ipaddress
import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from ftpcore_adapters import __ver__
from ftpcore_adapters._command_line_tls import add_tls_options, check_tls_options
from ftpcore_adapters._concurrency import MODELS
from ftpcore_adapters._console_log import printable
from ftpcore_adapters.authorizers import ANONYMOUS
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.servers import FTPServer

__all__ = ["DEFAULT_PORT", "Parser", "parse_args"]

DEFAULT_PORT: Final = 2121

#: The command that this module reads; it may be left out.
_SERVE: Final = "serve"

#: An IPv6 wildcard serves IPv4 as well, but not on Windows.
_ALL_INTERFACES: Final = "0.0.0.0" if os.name == "nt" else ""

_ASCII: Final = bytes(range(128))


def parse_args(args: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line, that of the process if none is given.

    >>> options = parse_args(["serve", "--range", "60000-60009"])
    >>> options.port, options.range
    (2121, range(60000, 60010))

    Raises:
        argparse.ArgumentTypeError: Options that don't go together.
        SystemExit: With status 2, for words that are no options or values; with 0, for --help and --version.
    """
    words = list(sys.argv[1:] if args is None else args)
    if words[:1] == [_SERVE]:
        del words[0]
    parser = _parser()
    options, rest = parser.parse_known_args(words)
    if rest and not rest[0].startswith("-"):
        parser.error(
            f"unexpected {rest[0]!r}: a command, {_SERVE!r}, 'user' or 'replay', goes first, a directory is given by -d"
        )
    if rest:
        parser.error(f"unknown option {rest[0]!r}")
    _check(options)
    if options.directory is None:
        options.directory = os.curdir
    return options


class Parser(argparse.ArgumentParser):
    """Tells an error in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {printable(message)}; {self.prog} --help lists the options\n")


def _parser() -> argparse.ArgumentParser:
    # No abbreviations: an option that is added later would make them ambiguous.
    parser = Parser(
        prog="ftpcore",
        usage="%(prog)s [serve] [option ...]",
        description="Share a directory by FTP: this one, read-only, with anybody, unless options tell otherwise.",
        epilog="`ftpcore user --help` tells how to make a file for --users.",
        allow_abbrev=False,
    )
    parser.add_argument("-V", "--version", action="version", version=f"ftpcore {__ver__}")

    group = parser.add_argument_group("what is shared, and with whom")
    group.add_argument("-d", "--directory", metavar="PATH", help="(default: this one)")
    group.add_argument("-w", "--write", action="store_true", help="let users change files (default: read-only)")
    group.add_argument("-u", "--username", metavar="NAME", help="the one user, in place of anonymous; needs -P")
    group.add_argument("-P", "--password", metavar="PASSWORD", help="the user's password; needs -u")
    group.add_argument(
        "--users",
        metavar="FILE",
        help="of users with homes and rights of their own, in place of one directory; a change of it is seen",
    )
    group.add_argument(
        "--max-login-attempts",
        metavar="N",
        type=_at_least(1),
        default=FTPHandler.max_login_attempts,
        help="wrong passwords until a client is sent away (default: %(default)s)",
    )

    group = parser.add_argument_group("where")
    group.add_argument(
        "-i", "--interface", metavar="ADDRESS", default=_ALL_INTERFACES, help="address to listen on (default: all)"
    )
    group.add_argument(
        "-p",
        "--port",
        metavar="PORT",
        type=_port,
        default=DEFAULT_PORT,
        help="0: any that is free (default: %(default)s)",
    )

    add_tls_options(parser)

    group = parser.add_argument_group("data connections")
    group.add_argument(
        "-n",
        "--nat-address",
        metavar="ADDRESS",
        type=_ipv4,
        help="the IPv4 address by which clients reach this machine, if it is behind NAT or in a container",
    )
    group.add_argument(
        "-r",
        "--range",
        metavar="FROM-TO",
        type=_ports,
        help="ports to listen on for data connections, as 60000-60099 (default: any)",
    )
    group.add_argument(
        "--permit-foreign-addresses", action="store_true", help="allow them with other hosts than the client (FXP)"
    )
    group.add_argument("--permit-privileged-ports", action="store_true", help="allow them to ports below 1024")
    group.add_argument("--disable-sendfile", action="store_true", help="move files by reading and writing them")

    group = parser.add_argument_group("sessions")
    group.add_argument(
        "--concurrency", metavar="MODEL", choices=MODELS, default="async", help=f"how they run: {', '.join(MODELS)}"
    )
    group.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        default=FTPHandler.timeout,
        help="without a command, or without a byte of a transfer; 0: none (default: %(default)g)",
    )
    group.add_argument(
        "--drain",
        metavar="SECONDS",
        type=_seconds,
        default=30.0,
        help="that transfers may go on after SIGTERM; a second one ends all (default: %(default)g)",
    )
    group.add_argument(
        "--max-cons",
        metavar="N",
        type=_at_least(0),
        default=FTPServer.max_cons,
        help="sockets that may be open, listening and data ones too; 0: no limit (default: %(default)s)",
    )
    group.add_argument(
        "--max-cons-per-ip",
        metavar="N",
        type=_at_least(0),
        default=FTPServer.max_cons_per_ip,
        help="sessions that one address may have; 0: no limit (default: no limit)",
    )
    group.add_argument("--banner", metavar="TEXT", default=FTPHandler.banner, help="greeting (default: %(default)s)")
    group.add_argument(
        "--encoding",
        metavar="NAME",
        type=_encoding,
        default="utf-8",
        help="of names and replies; one that extends ASCII (default: %(default)s)",
    )
    group.add_argument("--use-localtime", action="store_true", help="show local times in LIST (default: GMT)")
    group.add_argument(
        "--journal",
        metavar="DIR",
        help="write what happens in each session into a file there, without passwords and contents; see ftpcore replay",
    )
    group.add_argument("-D", "--debug", action="store_true", help="log every command and reply")
    return parser


def _check(options: argparse.Namespace) -> None:
    if options.users is not None:
        for name in ("username", "password", "directory", "write"):
            if getattr(options, name):
                raise argparse.ArgumentTypeError(f"--{name} and --users exclude each other: the file tells all of that")
    if (options.username is None) != (options.password is None):
        raise argparse.ArgumentTypeError("--username and --password need each other: give both, or neither")
    if options.username == "":
        raise argparse.ArgumentTypeError("--username is empty; name the user, or leave out --username and --password")
    if options.username == ANONYMOUS:
        raise argparse.ArgumentTypeError(f"{ANONYMOUS!r} may give any password: name another --username")
    check_tls_options(options)


# -- values; an ArgumentTypeError of these becomes a usage error -------------------------------------------------------


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and int(text) >= least):
            raise argparse.ArgumentTypeError(f"expected a whole number from {least} on, not {text!r}")
        return int(text)

    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"expected seconds from 0 on, not {text!r}")
    return seconds


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 65535, not {text!r}")
    return int(text)


def _ports(text: str) -> range:
    first, _, last = text.partition("-")
    if all(number.isascii() and number.isdigit() for number in (first, last)):
        if 1 <= int(first) < int(last) <= 65535:
            return range(int(first), int(last) + 1)
    raise argparse.ArgumentTypeError(f"expected FROM-TO with 1 <= FROM < TO <= 65535, not {text!r}")


def _ipv4(text: str) -> str:
    # 227 has room for nothing else, and a name would have to be looked up at each PASV.
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected an IPv4 address, not {text!r}") from None


def _encoding(text: str) -> str:
    try:
        extends_ascii = _ASCII.decode().encode(text) == _ASCII and _ASCII.decode(text) == _ASCII.decode()
    except (LookupError, ValueError):  # unknown, or made for something else than text
        extends_ascii = False
    if not extends_ascii:
        raise argparse.ArgumentTypeError(f"expected an encoding that extends ASCII, as utf-8 or cp1252, not {text!r}")
    return codecs.lookup(text).name
