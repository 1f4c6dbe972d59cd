"""The accounts of a Unix system, behind three calls, so that a program or a test may bring its own."""

from __future__ import annotations

import os
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple, Protocol

from ftpcore_adapters._unix_credentials import Credentials
from ftpcore_adapters.exceptions import AuthorizerError

try:
    import pwd
except ImportError:  # Windows
    _HAS_ACCOUNTS = False
else:
    _HAS_ACCOUNTS = True

__all__ = ["Accounts", "SystemAccounts", "UnixAccount"]

_SHELLS: Final = "/etc/shells"

#: What an empty shell stands for, passwd(5).
_USUAL_SHELL: Final = "/bin/sh"


class UnixAccount(NamedTuple):
    """What the system knows of a user, passwords apart."""

    name: str
    home: str
    shell: str
    credentials: Credentials


class Accounts(Protocol):
    """Where accounts are looked up.  Any thread may ask."""

    def require_privileges(self) -> None:
        """AuthorizerError: this process can't become other users, or can't know what it must."""
        ...

    def account(self, name: str, /) -> UnixAccount:
        """KeyError: there is none of this name, whatever text it is."""
        ...

    def valid_shells(self) -> AbstractSet[str] | None:
        """Return the shells of people who may log in; None: any."""
        ...


class SystemAccounts:
    """Those that the system itself knows, from whatever its name service reads."""

    def __init__(self, shells: str = _SHELLS) -> None:
        self._shells = shells

    def require_privileges(self) -> None:
        if not _HAS_ACCOUNTS:
            raise AuthorizerError("this system has no Unix accounts; on Windows, use WindowsAuthorizer")
        if os.geteuid() != 0:
            raise AuthorizerError(
                f"super user privileges are required: the process runs as user {os.geteuid()}, expected 0 (root)"
            )

    def account(self, name: str, /) -> UnixAccount:
        try:
            entry = pwd.getpwnam(name)
            # A name service may be lax about case and blanks; what is compared with lists must be exact.
            if entry.pw_name != name:
                raise KeyError(name)
            groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
        except ValueError:  # NUL, or what no encoding has
            raise KeyError(name) from None
        return UnixAccount(
            name, entry.pw_dir, entry.pw_shell or _USUAL_SHELL, Credentials(entry.pw_uid, entry.pw_gid, groups)
        )

    def valid_shells(self) -> AbstractSet[str] | None:
        try:
            with open(self._shells, encoding="utf-8", errors="surrogateescape") as file:
                lines = [line.partition("#")[0].strip() for line in file]
        except FileNotFoundError:
            return None
        return frozenset(line for line in lines if line)
