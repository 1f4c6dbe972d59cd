"""Authorizers of the seed API: who may log in, where they are at home, and what they may do there.

`DummyAuthorizer` keeps its users in memory, `HashedFileAuthorizer` in a file; those of `UnixAuthorizer` and
`WindowsAuthorizer` are the accounts of the system.  Any object with the methods of the first may be named as
`authorizer` of a handler, and any `ftpcore.ports.Authorizer`, as the second is.
"""

from __future__ import annotations

import os
import warnings
from typing import Any, Final

from ftpcore_adapters._passwords import PasswordHash, check_password, costs_of, hash_password, is_hash
from ftpcore_adapters._system_authorizer import replace_anonymous
from ftpcore_adapters._unix_authorizer import BaseUnixAuthorizer, UnixAuthorizer
from ftpcore_adapters._windows_authorizer import BaseWindowsAuthorizer, WindowsAuthorizer
from ftpcore_adapters.exceptions import AuthenticationFailed, AuthorizerError
from ftpcore_adapters.users import HashedFileAuthorizer

__all__ = [
    "AuthenticationFailed",
    "AuthorizerError",
    "BaseUnixAuthorizer",
    "BaseWindowsAuthorizer",
    "DummyAuthorizer",
    "HashedFileAuthorizer",
    "UnixAuthorizer",
    "WindowsAuthorizer",
    "hash_password",
    "replace_anonymous",
]

ANONYMOUS: Final = "anonymous"


class DummyAuthorizer:
    """Users in memory, the same for everybody who holds it.

    >>> authorizer = DummyAuthorizer()
    >>> authorizer.add_user("ann", "secret", "/", perm="elradfmw")
    >>> authorizer.has_perm("ann", "w"), authorizer.has_perm("ann", "M")
    (True, False)

    Letters: e change directory, l list, r retrieve; a append, d delete, f rename, m make directory, w store, M change
    mode, T change time.  A subclass may add letters of its own commands to `read_perms` and `write_perms`.
    """

    read_perms = "elr"
    write_perms = "adfmwMT"

    def __init__(self) -> None:
        # Any: values are of several types, and users of this API read and write them.
        self.user_table: dict[str, dict[str, Any]] = {}

    def add_user(
        self,
        username: str,
        password: str,
        homedir: str | os.PathLike[str],
        perm: str = "elr",
        msg_login: str = "Login successful.",
        msg_quit: str = "Goodbye.",
    ) -> None:
        """Add a user.

        `password` is the password, or what `hash_password` made of it.  To check a hash takes long: a server without
        worker threads serves nobody else meanwhile.

        Raises:
            ValueError: There is one of this name, or no such directory, or no such permission, or a broken hash.
        """
        if is_hash(password):
            PasswordHash.parse(password)
        if self.has_user(username):
            raise ValueError(f"user {username!r} already exists")
        home = os.path.realpath(homedir)
        if not os.path.isdir(home):
            raise ValueError(f"no such directory: {os.fspath(homedir)!r}")
        self._check_letters(username, perm)
        self.user_table[username] = {
            "pwd": str(password),
            "home": home,
            "perm": perm,
            "operms": {},
            "msg_login": str(msg_login),
            "msg_quit": str(msg_quit),
        }

    def add_anonymous(self, homedir: str | os.PathLike[str], **kwargs: Any) -> None:
        """Add the user "anonymous", who may give any password; keyword arguments as for `add_user`."""
        DummyAuthorizer.add_user(self, ANONYMOUS, "", homedir, **kwargs)

    def remove_user(self, username: str) -> None:
        """Remove a user; KeyError if there is none of this name."""
        del self.user_table[username]

    def override_perm(
        self, username: str, directory: str | os.PathLike[str], perm: str, recursive: bool = False
    ) -> None:
        """Let `perm` hold in `directory`, the home or one below, instead of what holds for the user elsewhere.

        It holds for the directory and what is in it, but not for its subdirectories, unless `recursive`.  Of several
        that hold for a path, the one for the deepest directory counts.  A second call for a directory replaces the
        first.

        Raises:
            ValueError: No such permission or directory, or one outside of the home.
            KeyError: No such user.
        """
        self._check_letters(username, perm)
        if not os.path.isdir(directory):
            raise ValueError(f"no such directory: {os.fspath(directory)!r}")
        real_path = os.path.normcase(os.path.realpath(directory))
        home = os.path.normcase(self.get_home_dir(username))
        if not _is_inside(real_path, home):
            raise ValueError("path escapes user home directory")
        self.user_table[username]["operms"][real_path] = perm, recursive

    def validate_authentication(self, username: str, password: str, handler: object) -> None:
        """Raise `AuthenticationFailed` unless the password is right; that takes as long as for an unknown user."""
        known = self.has_user(username)
        anonymous = username == ANONYMOUS
        secret = self.user_table[username]["pwd"] if known else ""
        # Whoever is anonymous needs no password, and is told so when there is no such user: no hash has to be hidden.
        costs = frozenset() if anonymous else costs_of([row.get("pwd") for row in list(self.user_table.values())])
        right = check_password(secret, password, costs)
        if known and (right or anonymous):
            return
        raise AuthenticationFailed("Anonymous access not allowed." if anonymous else "Authentication failed.")

    def has_user(self, username: str) -> bool:
        return username in self.user_table

    def has_perm(self, username: str, perm: str, path: str | None = None) -> bool:
        """Tell whether the user holds the letter `perm`, on the real path `path` if it is given."""
        entry = self.user_table[username]
        letters = entry["perm"]
        if path is not None and entry["operms"]:
            letters = _overridden(entry["operms"], os.path.normcase(path), letters)
        return perm in letters

    def get_perms(self, username: str) -> str:
        """Return the letters that the user holds where nothing is overridden."""
        return str(self.user_table[username]["perm"])

    def get_home_dir(self, username: str) -> str:
        """Return the real path of the user's home; KeyError if there is no such user."""
        return str(self.user_table[username]["home"])

    def get_msg_login(self, username: str) -> str:
        return str(self.user_table[username]["msg_login"])

    def get_msg_quit(self, username: str) -> str:
        """Return what is said at QUIT, also to a user who was removed meanwhile."""
        try:
            return str(self.user_table[username]["msg_quit"])
        except KeyError:
            return "Goodbye."

    def impersonate_user(self, username: str, password: str) -> None:
        """Called before files are touched: become the user on the system.  Does nothing."""

    def terminate_impersonation(self, username: str) -> None:
        """Called after files were touched: become the server again.  Does nothing."""

    def _check_letters(self, username: str, perm: str) -> None:
        for letter in perm:
            if letter not in self.read_perms + self.write_perms:
                raise ValueError(f"no such permission {letter!r}")
        if username == ANONYMOUS and not set(perm).isdisjoint(self.write_perms):
            warnings.warn("write permissions assigned to anonymous user.", RuntimeWarning, stacklevel=3)


def _overridden(overrides: dict[str, tuple[str, bool]], path: str, default: str) -> str:
    """Return the letters of the deepest directory whose override holds for `path`."""
    # A deeper directory that contains the same path has the longer name.
    for directory in sorted(overrides, key=len, reverse=True):
        letters, recursive = overrides[directory]
        if not _is_inside(path, directory):
            continue
        if recursive or path == directory or (os.path.dirname(path) == directory and not os.path.isdir(path)):
            return letters
    return default


def _is_inside(path: str, directory: str) -> bool:
    """Tell whether `path` is `directory` or below, by components."""
    return path == directory or path.startswith(directory.rstrip(os.sep) + os.sep)
