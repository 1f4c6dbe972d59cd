"""What a handler's class overrides of the methods that this package calls: whoever overrides nothing pays for nothing.

It is looked up once for each class, so what is set on an instance is not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import signature
from typing import Any, Final, TypeVar

__all__ = ["by_default", "overridden", "takes"]

_Method = TypeVar("_Method", bound=Callable[..., Any])  # Any: a method of any signature comes out as it went in

_MARK: Final = "__ftpcore_by_default__"

#: Methods, besides the commands, that are called for a class that overrides them; others do without the call.
_POINTS: Final = frozenset(
    {
        "close",
        "decode",
        "flush_account",
        "get_ssl_context",
        "handle_auth_failed",
        "handle_auth_success",
        "handle_close",
        "handle_error",
        "handle_timeout",
        "log_exception",
        "pre_process_command",
        "process_command",
        "push",
        "respond",
    }
)


def by_default(method: _Method) -> _Method:
    """Mark a method as one of the package's own."""
    setattr(method, _MARK, True)
    return method


def overridden(handler_class: type) -> frozenset[str]:
    """Return the names of the commands and other methods that a class has of its own.

    >>> from ftpcore_adapters.handlers import FTPHandler
    >>> class Counting(FTPHandler):
    ...     def ftp_NOOP(self, line): ...
    ...     def process_command(self, cmd, *args, **kwargs): ...
    >>> sorted(overridden(Counting)), overridden(FTPHandler)
    (['ftp_NOOP', 'process_command'], frozenset())
    """
    return _looked_up(handler_class)


def takes(function: Callable[..., object], *arguments: object, **keywords: object) -> bool:
    """Tell whether a function can be called in this way."""
    try:
        signature(function).bind(*arguments, **keywords)
    except TypeError:
        return False
    return True


@cache
def _looked_up(handler_class: type) -> frozenset[str]:
    return frozenset(
        name
        for name in dir(handler_class)
        if (name.startswith("ftp_") or name in _POINTS) and not hasattr(getattr(handler_class, name), _MARK)
    )
