"""The command `ftpcore user`: who is in a file of users.  A password is typed or piped, never a word of the command."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from ftpcore.wire import LINE_LIMIT
from ftpcore_adapters._command_line import Parser
from ftpcore_adapters._console_log import complain, printable
from ftpcore_adapters._passwords import PasswordHash, hash_password
from ftpcore_adapters._users_file import RIGHTS, UserEntry, UsersText, rate, right_letters, user_name
from ftpcore_adapters._users_store import change_users, read_users
from ftpcore_adapters.exceptions import AuthorizerError

__all__ = ["user_command"]

_READ: Final = "elr"

#: Bytes of the longest password that a client can send.
_LONGEST: Final = LINE_LIMIT - len("PASS ")

T = TypeVar("T")


def user_command(words: Sequence[str]) -> None:
    """Do what `words`, those behind `ftpcore user`, say.

    Raises:
        AuthorizerError: There is no such user, or there is one already, or the file has a mistake.
        SystemExit: With status 2, for words that are no options or values; with 0, for --help.
        ValueError: The home or the password can't be taken.
        OSError: The file can't be read or changed.
    """
    options = _parser().parse_args(words)
    options.act(options)
    with suppress(FileNotFoundError):  # the last word on a file that was removed just now is not ours
        if read_users(options.users).exposed:
            complain(f"warning: others may read the hashes in {options.users}; chmod o-r mends it")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="ftpcore user",
        description="Edit a file of users, which `ftpcore serve --users FILE` lets in.  A server that runs sees it.",
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    def action(word: str, act: Callable[[argparse.Namespace], None], what: str) -> argparse.ArgumentParser:
        made = actions.add_parser(word, help=what, description=f"{what.capitalize()}.", allow_abbrev=False)
        made.set_defaults(act=act)
        made.add_argument("--users", metavar="FILE", required=True, help="the file")
        return made

    add = action("add", _add, "add a user, to a new file if there is none")
    passwd = action("passwd", _passwd, "change a password")
    delete = action("del", _del, "delete a user")
    action("list", _list, "show who is in the file")
    for each in add, passwd, delete:
        each.add_argument("name", metavar="NAME", type=_argument(user_name), help="the user")
    for each in add, passwd:
        each.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input, one line, unasked"
        )

    add.add_argument("--home", metavar="PATH", required=True, help="the directory that the user sees as /")
    rights = add.add_mutually_exclusive_group()
    rights.add_argument(
        "--rights",
        metavar="LETTERS",
        type=_argument(right_letters),
        default=_READ,
        help="e change directory, l list, r retrieve; a append, d delete, f rename, m make directory, w store, "
        "M change mode, T change time (default: %(default)s)",
    )
    rights.add_argument("-w", "--write", action="store_const", const=RIGHTS, dest="rights", help="all of them")
    add.add_argument("--tls", action="store_true", help="refuse logins and transfers of this user in clear")
    for option, what in (("--read-limit", "uploads"), ("--write-limit", "downloads")):
        add.add_argument(
            option, metavar="N", type=_argument(rate), help=f"bytes per second of {what}; 0: no limit (default: none)"
        )
    return parser


def _argument(reader: Callable[[str], T]) -> Callable[[str], T]:
    """Return `reader` with errors whose text argparse shows."""

    def read(text: str) -> T:
        try:
            return reader(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


# -- actions -----------------------------------------------------------------------------------------------------------


def _add(options: argparse.Namespace) -> None:
    home = os.path.realpath(options.home)
    if not os.path.isdir(home):
        raise ValueError(f"no such directory: {options.home!r}")
    with suppress(FileNotFoundError):  # it is made
        if options.name in read_users(options.users).users:
            raise AuthorizerError(f"{options.users}: user {options.name!r} is there already")
    user = UserEntry(
        name=options.name,
        password=_new_hash(options),
        home=home,
        rights=options.rights,
        read_limit=options.read_limit,
        write_limit=options.write_limit,
        tls=options.tls,
    )
    change_users(options.users, partial(UsersText.with_user, user=user), create=True)
    _say(f"added {options.name} to {options.users}")


def _passwd(options: argparse.Namespace) -> None:
    if options.name not in read_users(options.users).users:
        raise AuthorizerError(f"{options.users}: there is no user {options.name!r}")
    change_users(options.users, partial(UsersText.with_password, name=options.name, password=_new_hash(options)))
    _say(f"changed the password of {options.name} in {options.users}")


def _del(options: argparse.Namespace) -> None:
    change_users(options.users, partial(UsersText.without_user, name=options.name))
    _say(f"deleted {options.name} from {options.users}")


def _list(options: argparse.Namespace) -> None:
    rows = [("NAME", "HOME", "RIGHTS", "LIMITS")]
    for user in read_users(options.users).users.values():
        limits = [f"{key}={limit}" for key, limit in user.limits().items()]
        limits += ["tls"] * user.tls + ["disabled"] * user.disabled
        rows.append((printable(user.name), printable(user.home), user.rights or "-", " ".join(limits) or "-"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        _say("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _say(text: str) -> None:
    sys.stdout.write(printable(text) + "\n")


# -- passwords ---------------------------------------------------------------------------------------------------------


def _new_hash(options: argparse.Namespace) -> PasswordHash:
    """Return the hash of a password that is read now: before the file is locked, for typing takes its time."""
    password = _piped() if options.password_stdin else _typed(options.name)
    if not password:
        raise ValueError("the password is empty; nothing was changed")
    if any(control in password for control in "\r\n\0"):
        raise ValueError("the password is more than one line, or has a NUL; nothing was changed")
    if len(password.encode("utf-8", "surrogateescape")) > _LONGEST:
        raise ValueError(f"the password is longer than the {_LONGEST} bytes that a client can send")
    return PasswordHash.parse(hash_password(password))


def _piped() -> str:
    data = b"" if sys.stdin is None else sys.stdin.buffer.read(_LONGEST + len("\r\n") + 1)
    return data.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "surrogateescape")


def _typed(name: str) -> str:
    if sys.stdin is None or not sys.stdin.isatty():
        raise ValueError("standard input is no terminal to ask for a password: pipe it in, with --password-stdin")
    try:
        password = getpass.getpass(f"Password of {printable(name)}: ")
        again = getpass.getpass("Once more: ")
    except EOFError:
        raise ValueError("no password was typed; nothing was changed") from None
    if password != again:
        raise ValueError("the two passwords differ; nothing was changed")
    return password
