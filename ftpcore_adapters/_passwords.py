"""Passwords: scrypt hashes (RFC 7914) as texts of the PHC format, and a comparison that tells nothing by its time.

A hash reads `$scrypt$ln=14,r=8,p=1$salt$digest`: ln is log2 of the work, salt and digest are base64 without padding.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import Final, NamedTuple, Self

__all__ = ["Cost", "PasswordHash", "check_password", "costs_of", "hash_password", "is_hash"]

_PREFIX: Final = "$scrypt$"

_COST: Final = re.compile(r"ln=([1-9]\d?),r=([1-9]\d{0,3}),p=([1-9]\d{0,3})", re.ASCII)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+")

#: N*r*p of the costliest hash that is computed: 128 MiB (128*N*r bytes) and about 0.3 s, which is what OWASP asks for.
#: A text that asks for more is a mistake or an attack.
MOST_WORK: Final = 1 << 20

#: 16 MiB and about 35 ms: what a server can spend on each attempt of each stranger.
DEFAULT_LN: Final = 14

_SALT_SIZE: Final = 16
_DIGEST_SIZE: Final = 32

#: Bytes.  A digest that is too short is hit by chance, a salt that is too short is used twice.
_SALT_SIZES: Final = range(8, 65)
_DIGEST_SIZES: Final = range(16, 65)


class Cost(NamedTuple):
    """The parameters of scrypt."""

    ln: int
    r: int = 8
    p: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what `ln=14,r=8,p=1` says; ValueError if it says something else, or too much."""
        match = _COST.fullmatch(text)
        if match is None:
            raise ValueError("the parameters of the hash are not of the form ln=14,r=8,p=1")
        cost = cls(*map(int, match.groups()))
        cost.check()
        return cost

    def check(self) -> None:
        """Raise ValueError if this is beyond what scrypt allows, or `MOST_WORK`."""
        if (self.r * self.p) << self.ln > MOST_WORK:
            raise ValueError(f"the hash costs too much: {self}; expected N*r*p up to 2**20, as ln=17,r=8,p=1")
        if self.ln >= 16 * self.r:
            raise ValueError(f"scrypt has no {self}: expected ln < 16*r")

    def digest(self, password: str, salt: bytes, size: int) -> bytes:
        n = 1 << self.ln
        memory = 128 * self.r * (n + self.p + 2)  # just what OpenSSL reckons with; its default is too little
        return hashlib.scrypt(_raw(password), salt=salt, n=n, r=self.r, p=self.p, maxmem=memory, dklen=size)

    def __str__(self) -> str:
        return f"ln={self.ln},r={self.r},p={self.p}"


class PasswordHash(NamedTuple):
    """A hash, taken apart.  `str` makes the text again."""

    cost: Cost
    salt: bytes
    digest: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the hash that `text` is; ValueError, which does not tell it, if it is none."""
        parts = text.split("$")
        if len(parts) != 5 or not is_hash(text):
            raise ValueError("the hash is not of the form $scrypt$ln=14,r=8,p=1$salt$digest")
        salt, digest = _decoded(parts[3], "salt", _SALT_SIZES), _decoded(parts[4], "digest", _DIGEST_SIZES)
        return cls(Cost.parse(parts[2]), salt, digest)

    def matches(self, password: str) -> bool:
        digest = self.cost.digest(password, self.salt, len(self.digest))
        # HMAC fills a key up with NULs: without this the password and NULs behind it would do as well.
        return hmac.compare_digest(digest, self.digest) and "\0" not in password

    def __str__(self) -> str:
        return f"{_PREFIX}{self.cost}${_encoded(self.salt)}${_encoded(self.digest)}"

    def __repr__(self) -> str:
        return f"<PasswordHash {self.cost}>"  # it may come to stand in a log


def hash_password(password: str, *, ln: int = DEFAULT_LN) -> str:
    """Return a hash of `password`, with a salt of its own, as `add_user` and files of users take it.

    >>> hash_password("secret").startswith("$scrypt$ln=14,r=8,p=1$")
    True

    Args:
        password: Any text without NUL.
        ln: log2 of the work, 17 at most.  14 takes 16 MiB and about 35 ms, now and at each login; one more doubles
            both.

    Raises:
        ValueError: `ln` is out of range, or there is a NUL in the password.
    """
    if "\0" in password:
        raise ValueError("there is a NUL in the password: no client can send it")
    if ln < 1:
        raise ValueError(f"ln is {ln}; expected a number from 1 on, as {DEFAULT_LN}")
    cost = Cost(ln)
    cost.check()
    salt = secrets.token_bytes(_SALT_SIZE)
    return str(PasswordHash(cost, salt, cost.digest(password, salt, _DIGEST_SIZE)))


def is_hash(secret: object) -> bool:
    """Tell whether `secret` is meant as a hash, however well; anything else is a password, or nothing."""
    return isinstance(secret, str) and secret.startswith(_PREFIX)


def costs_of(secrets: Iterable[object]) -> frozenset[Cost]:
    """Return the kinds of hashes among `secrets`; what is none, or a broken one, does not count."""
    found = set()
    for text in {str(secret).split("$", 3)[2] for secret in secrets if is_hash(secret)}:
        try:
            found.add(Cost.parse(text))
        except ValueError:
            continue  # no password matches it
    return frozenset(found)


def check_password(secret: object, password: str, costs: frozenset[Cost]) -> bool:
    """Tell whether `password` is right for `secret`, a hash or a plain password; for anything else none is.

    The work is the same whatever `secret` is: one comparison, and scrypt once for each of `costs`, the kinds of hashes
    that any user has.  So the time tells neither who is known nor how their password is kept.
    """
    own: PasswordHash | None = None
    plain = secret if isinstance(secret, str) else ""
    right = _same(plain, password) and isinstance(secret, str)
    if is_hash(secret):
        right = False  # the hash itself opens nothing
        try:
            own = PasswordHash.parse(plain)
        except ValueError:
            own = None  # broken: no password matches it
    for cost in sorted(costs if own is None else costs | {own.cost}):
        mine = own is not None and own.cost == cost
        matches = (own if own is not None and mine else _decoy(cost)).matches(password)
        right |= mine and matches
    return right


def _decoy(cost: Cost) -> PasswordHash:
    return PasswordHash(cost, bytes(_SALT_SIZE), bytes(_DIGEST_SIZE))


def _same(expected: str, given: str) -> bool:
    """Compare in a time that tells nothing of `expected`, its length included."""
    # Digests, for compare_digest may stop at once at texts of different length.  surrogatepass: any str has one.
    key = b"compare"
    digests = [hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256") for text in (expected, given)]
    return hmac.compare_digest(*digests)


def _raw(password: str) -> bytes:
    """Return what the client sent; a text that none can send has bytes as well."""
    try:
        return password.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return password.encode("utf-8", "surrogatepass")


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii").rstrip("=")


def _decoded(text: str, what: str, sizes: range) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True) if _BASE64.fullmatch(text) else b""
    except binascii.Error:
        data = b""
    if _encoded(data) != text:  # several texts would mean the same bytes
        raise ValueError(f"the {what} of the hash is no base64 without padding")
    if len(data) not in sizes:
        raise ValueError(f"the {what} of the hash has {len(data)} bytes; expected {sizes[0]} to {sizes[-1]}")
    return data
