"""An authorizer whose users stand in a file, with scrypt hashes of their passwords.

`ftpcore user` edits such a file, `ftpcore serve --users` serves it, and `docs/users.md` describes it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Container
from typing import Final

from ftpcore import AuthenticationFailed, VirtualPath
from ftpcore.ports import Account, FileSystem
from ftpcore_adapters._passwords import check_password
from ftpcore_adapters._users_file import RIGHTS
from ftpcore_adapters._users_store import StoredUsers, read_users, signature_of
from ftpcore_adapters.exceptions import AuthorizerError
from ftpcore_adapters.local import LocalFileSystem
from ftpcore_adapters.log import logger

__all__ = ["HashedFileAuthorizer"]

_ROOT: Final = VirtualPath("/")

#: Of a wrong password, an unknown and a disabled user alike.  RFC 2577 5.
_REFUSED: Final = "Authentication failed."


class HashedFileAuthorizer:
    r"""Users in a file, each with a home that is the root of what they see.

    >>> import tempfile
    >>> from ftpcore_adapters.authorizers import hash_password
    >>> with tempfile.NamedTemporaryFile("w") as file:
    ...     _ = file.write(f"[ann]\npassword = {hash_password('secret')}\nhome = /srv\nrights = elr\n")
    ...     file.flush()
    ...     HashedFileAuthorizer(file.name).authenticate("ann", "secret", "127.0.0.1").rights
    'elr'

    A login looks whether the file has changed, and reads it again then; whoever is logged in keeps the rights and
    limits of the login.  While the file is missing, or there is a mistake in it, the users are those that it had
    before, and one warning tells of it.  Who may log in, with which password, is as secret as the file: one that
    others may write is refused, one that they may read is warned of.

    To check a password takes as long as its hash says, about 35 ms by default, and a server without worker threads
    serves nobody else meanwhile.

    Args:
        path: The file.
        filesystem: Makes the filesystem of a user from the home.
        now: The time of day, in seconds.

    Raises:
        AuthorizerError: There is a mistake in the file; the text names the line.
        OSError: The file can't be read.
    """

    blocking: bool = True
    letters = RIGHTS
    """The rights that there are; a subclass may add those of its own commands."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        filesystem: Callable[[str], FileSystem] = LocalFileSystem,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path = os.path.abspath(path)
        self._make_filesystem = filesystem
        self._now = now
        self._complaint = ""
        self._stored = self._read()
        self.tls_users: Container[str] = _TLSUsers(self.demands_tls)
        """Who must encrypt; for the options `tls_control_required` and `tls_data_required` of a handler."""

    def demands_tls(self, username: str) -> bool:
        """Tell whether the file, as it is now, has this user log in and move data under TLS only."""
        user = self._fresh().users.get(username)
        return user is not None and user.tls

    def names(self) -> tuple[str, ...]:
        """Return the names of the users, in the order of the file, as they were at the latest login."""
        return tuple(self._stored.users)

    def authenticate(self, username: str, password: str, peer: str, /) -> Account:
        stored = self._fresh()
        user = stored.users.get(username)
        right = check_password(None if user is None else str(user.password), password, stored.costs)
        if user is None or user.disabled or not right:
            raise AuthenticationFailed(_REFUSED)
        try:
            filesystem = self._make_filesystem(user.home)
            filesystem.enter_dir(_ROOT)
        except OSError as error:
            logger.warning("user %s can't log in: %s", user.name, error)
            raise AuthenticationFailed("Your home directory is not available.") from error
        return Account(
            name=user.name,
            filesystem=filesystem,
            rights=user.rights,
            read_limit=user.read_limit,
            write_limit=user.write_limit,
        )

    def check_permission(self, account: Account, letter: str, path: VirtualPath, /) -> bool:
        return letter in account.rights

    def rights_on(self, account: Account, path: VirtualPath, /) -> str:
        return account.rights

    def _fresh(self) -> StoredUsers:
        """Return the users of the file, or those that were there before if it can't be read.

        Any thread may call this: two that find a change read it both, which of them counts makes no difference.
        """
        stored = self._stored
        try:
            if stored.settled and signature_of(os.stat(self._path)) == stored.signature:
                return stored
            self._stored = self._read(stored)
        except (OSError, AuthorizerError) as error:
            complaint = str(error)
            if complaint != self._complaint:
                self._complaint = complaint
                logger.warning("the users stay as they were: %s", complaint)
            return stored
        self._complaint = ""
        return self._stored

    def _read(self, before: StoredUsers | None = None) -> StoredUsers:
        stored = read_users(self._path, letters=self.letters, now=self._now())
        if before is None or before.signature != stored.signature:
            if stored.exposed:
                logger.warning("%s: others may read the hashes of passwords; chmod o-r mends it", self._path)
            if before is not None:
                logger.info("%s: read again, %d users", self._path, len(stored.users))
        return stored


class _TLSUsers:
    """The names of users who must encrypt."""

    def __init__(self, demanded: Callable[[str], bool]) -> None:
        self._demanded = demanded

    def __contains__(self, username: object) -> bool:
        return isinstance(username, str) and self._demanded(username)
