"""Passwords of the shadow database: /etc/shadow, read as it is at each login, and libcrypt."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Self

from ftpcore_adapters import _unix_crypt
from ftpcore_adapters.exceptions import AuthorizerError

__all__ = ["SHADOW", "ShadowEntry", "ShadowPasswords", "read_shadow"]

SHADOW: Final = "/etc/shadow"

_DAY: Final = 86400


class ShadowEntry(NamedTuple):
    """A line of shadow(5), days counted from 1970 on."""

    name: str
    hashed: str
    changed: int | None
    """Day of the last change of the password; 0: it must be changed at the next login."""
    longest: int | None
    """Days until it must be changed."""
    expires: int | None
    """First day on which the account is no more."""

    @classmethod
    def parse(cls, line: str) -> Self:
        """ValueError: this is none."""
        name, hashed, changed, _, longest, _, _, expires, *_ = line.split(":")
        return cls(name, hashed, *[int(text) if text else None for text in (changed, longest, expires)])

    def usable_on(self, day: int) -> bool:
        """Tell whether the account and its password hold on a day; who must change it can't do so over FTP."""
        if self.expires is not None and 0 <= self.expires <= day:
            return False
        if self.changed == 0:
            return False
        aging = self.changed is not None and self.longest is not None and self.longest >= 0
        return not aging or day <= (self.changed or 0) + (self.longest or 0)


def read_shadow(path: str = SHADOW) -> dict[str, ShadowEntry]:
    """Read all entries; what is none is passed by, as the system does.

    Raises:
        OSError: The file can't be read.
    """
    entries: dict[str, ShadowEntry] = {}
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            try:
                entry = ShadowEntry.parse(line.rstrip("\n"))
            except ValueError:
                continue
            entries.setdefault(entry.name, entry)
    return entries


class ShadowPasswords:
    """Checks passwords against the shadow database.

    The work is the same for everybody, known or not, locked or not: one hash of each kind, method and cost, that
    anybody in the file has.  An account without password lets nobody in.

    Args:
        read: Returns the entries.
        now: The time of day, in seconds.

    Raises:
        AuthorizerError: The database can't be read, or there is no libcrypt.
    """

    def __init__(
        self,
        read: Callable[[], Mapping[str, ShadowEntry]] = read_shadow,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._read = read
        self._now = now
        if not _unix_crypt.is_available():
            raise AuthorizerError('passwords="shadow" needs libcrypt, and there is none; install it, or use "pam"')
        try:
            read()
        except OSError as error:
            raise AuthorizerError(
                f"super user privileges are required: can't read the shadow database: {error}"
            ) from error

    def check(self, username: str, password: str, peer: str, /) -> bool:
        entries = self._read()
        entry = entries.get(username)
        own = "" if entry is None else entry.hashed
        own_kind = _unix_crypt.kind_of(own)
        examples = _examples(entries)
        if own_kind is not None:
            examples[own_kind] = own
        right = False
        for kind, hashed in sorted(examples.items()):
            same = _unix_crypt.matches(password, hashed)
            right |= same and kind == own_kind
        return right and entry is not None and entry.usable_on(int(self._now() // _DAY))

    def spend(self, password: str, /) -> None:
        for hashed in _examples(self._read()).values():
            _unix_crypt.matches(password, hashed)


def _examples(entries: Mapping[str, ShadowEntry]) -> dict[str, str]:
    """Return one hash of each kind that there is: its salt serves for those who have none."""
    found: dict[str, str] = {}
    for entry in entries.values():
        kind = _unix_crypt.kind_of(entry.hashed)
        if kind is not None:
            found.setdefault(kind, entry.hashed)
    return found
