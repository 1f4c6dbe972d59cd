"""Small facts about the platform and the terminal."""

import functools
import os
import socket
import sys
from collections.abc import Callable
from typing import Final, ParamSpec, Protocol, TextIO, TypeVar, cast

__all__ = ["Memoized", "has_dualstack_ipv6", "hilite", "is_ssl_sock", "memoize", "strerror", "term_supports_colors"]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)

#: SGR parameters, ECMA-48 8.3.117.
_COLOURS: Final = {
    None: "29",
    "blue": "34",
    "brown": "33",
    "darkgrey": "30",
    "green": "32",
    "grey": "37",
    "lightblue": "36",
    "red": "91",
    "violet": "35",
    "yellow": "93",
}


class Memoized(Protocol[_P, _T_co]):
    """What `memoize` returns: the function, and a way to forget its results."""

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _T_co: ...

    def cache_clear(self) -> None:
        """Forget all results."""


def memoize(function: Callable[_P, _T]) -> Memoized[_P, _T]:
    """Remember the results of a function by its arguments, which must be hashable, for ever.

    An exception is not remembered.

    >>> @memoize
    ... def double(number: int) -> int:
    ...     print("computing")
    ...     return 2 * number
    >>> double(2), double(2)
    computing
    (4, 4)
    """
    return cast("Memoized[_P, _T]", functools.cache(function))  # typeshed drops the parameters


def strerror(error: object) -> str:
    """Describe an error briefly: the text of the system for an OSError with a number, else `str(error)`.

    >>> strerror(FileNotFoundError(2, "secret details", "/path"))
    'No such file or directory'
    """
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error)


@memoize
def has_dualstack_ipv6() -> bool:
    """Tell whether one socket can accept both IPv4 and IPv6 connections here.

    >>> has_dualstack_ipv6() in (True, False)
    True
    """
    return socket.has_dualstack_ipv6()


#: Classes of sockets that speak TLS, by the module that has them.
_TLS_SOCKETS: Final = {"ssl": "SSLSocket", "OpenSSL.SSL": "Connection"}


def is_ssl_sock(sock: object) -> bool:
    """Tell whether a socket speaks TLS: one of the module `ssl`, or a connection of pyOpenSSL.

    >>> with socket.socket() as plain:
    ...     is_ssl_sock(plain)
    False
    """
    # Of a module that nobody has imported there are no objects.
    modules = ((sys.modules.get(module), name) for module, name in _TLS_SOCKETS.items())
    return any(module is not None and isinstance(sock, getattr(module, name)) for module, name in modules)


def term_supports_colors(file: TextIO | None = None) -> bool:
    """Tell whether text written to `file` (default: standard output) may carry colour sequences.

    True for a terminal, unless `TERM` names none or a dumb one, or `NO_COLOR` is set (https://no-color.org).

    >>> import io
    >>> term_supports_colors(io.StringIO())
    False
    """
    file = sys.stdout if file is None else file
    # Both checks are for programs without a console: there the standard streams are None, or closed.
    if file is None or file.closed or not file.isatty() or os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("TERM", "") not in ("", "dumb"):
        return True
    return "WT_SESSION" in os.environ


def hilite(text: str, color: str | None = None, bold: bool = False) -> str:
    """Wrap `text` in colour sequences where standard output supports them, else return it unchanged.

    Raises:
        ValueError: no such colour, on any kind of output.

    >>> hilite("done", "green", bold=True) in ("done", "\\x1b[32;1mdone\\x1b[0m")
    True
    """
    if color not in _COLOURS:
        known = ", ".join(sorted(name for name in _COLOURS if name))
        raise ValueError(f"invalid color {color!r}, choose from {known}")
    if not term_supports_colors():
        return text
    attributes = _COLOURS[color] + (";1" if bold else "")
    return f"\x1b[{attributes}m{text}\x1b[0m"
