"""The hashes of passwords that the system's libcrypt knows, yescrypt among them.

The module `crypt` of Python did the same until 3.12.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import hmac
import re
from collections.abc import Callable
from functools import cache
from typing import Final

__all__ = ["crypt", "is_available", "kind_of", "matches"]

#: `struct crypt_data` takes 32 KiB in libxcrypt and 128 KiB and some in the libcrypt of old glibc.
_DATA_SIZE: Final = 192 * 1024

#: Tried before the search, which runs programs.
_NAMES: Final = ("libcrypt.so.1", "libcrypt.so.2")

#: The hash of 13 characters, salt included, and its kin that begins with an underscore and four characters of cost.
_OLD: Final = re.compile(r"(?:(_[./0-9A-Za-z]{4})[./0-9A-Za-z]{15}|[./0-9A-Za-z]{13})", re.ASCII)

_Crypt = Callable[[bytes, bytes], bytes | None]


def is_available() -> bool:
    """Tell whether there is a libcrypt that can be called by several threads."""
    return _linked() is not None


def crypt(password: str, setting: str) -> str | None:
    """Return the hash of `password` under the method and salt with which `setting` begins, itself a hash say.

    None: the library does not know the method, or refuses such a password.  It waits for no other thread.
    """
    function = _linked()
    if function is None:
        raise NotImplementedError("there is no libcrypt on this system")
    phrase, salt = _raw(password), _raw(setting)
    # For C, both end at a NUL: what comes behind it would not count.
    result = function(phrase.partition(b"\0")[0], salt.partition(b"\0")[0])
    if result is None or result.startswith(b"*") or b"\0" in phrase or b"\0" in salt:
        return None
    return result.decode("ascii", "surrogateescape")


def matches(password: str, hashed: str) -> bool:
    """Tell whether `password` is the one that `hashed` was made of; the time of comparing them tells nothing."""
    came = crypt(password, hashed)
    return came is not None and hmac.compare_digest(_raw(came), _raw(hashed))


def kind_of(hashed: str) -> str | None:
    r"""Return the method of a hash and what it costs, without the salt; None if this is no hash.

    >>> kind_of("$y$j9T$oMkQ6ahwKfGNpGxxRhmNE.$EO5B3jaJDr3QCZyR1/nVk6QmjI7CxBsI0W4NzvjVkh0")
    '$y$j9T'
    >>> kind_of("$6$rounds=9000$saltsalt$x"), kind_of("$2b$12$abcdefghijklmnopqrstuv"), kind_of("*")
    ('$6$rounds=9000', '$2b$12', None)
    """
    if not hashed.startswith("$"):
        match = _OLD.fullmatch(hashed)
        return None if match is None else match[1] or ""
    parts = hashed.split("$")
    if len(parts) < 4:
        return None
    has_cost = len(parts) > 4 or parts[1].startswith("2")
    return "$".join(parts[:3] if has_cost else parts[:2])


@cache
def _linked() -> _Crypt | None:
    library = _library()
    if library is None:
        return None
    sized: bool = hasattr(library, "crypt_rn")
    function = library.crypt_rn if sized else library.crypt_r
    function.restype = ctypes.c_char_p
    function.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, *([ctypes.c_int] if sized else [])]

    def call(password: bytes, setting: bytes) -> bytes | None:
        data = ctypes.create_string_buffer(_DATA_SIZE)
        try:
            result: bytes | None = function(password, setting, data, *([_DATA_SIZE] if sized else []))
            return result
        finally:
            ctypes.memset(data, 0, _DATA_SIZE)  # the password was in it

    return call


def _library() -> ctypes.CDLL | None:
    """Return the first that has what is needed."""
    for name in (*_NAMES, ""):
        found = name or ctypes.util.find_library("crypt")
        if found is None:
            continue
        try:
            library = ctypes.CDLL(found)
        except OSError:
            continue
        if hasattr(library, "crypt_rn") or hasattr(library, "crypt_r"):
            return library
    return None


def _raw(text: str) -> bytes:
    """Return what the client sent; a text that none can send has bytes as well."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
