"""Options of data connections before they are up: `PassiveDTP` and `ActiveDTP`, of which no objects are made.

The core listens and connects by itself; a class that expects to be told of it is refused where it is written.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["ActiveDTP", "PassiveDTP"]

_UP: Final = (
    "override __init__ of the class that is dtp_handler: it is called with the socket of each connection that has come "
    "up, and refuses it by what it raises"
)
_TOLD: Final = "override respond() of the handler, which is called with the reply that tells the client of it"
_PREPARED: Final = "override ftp_PASV and ftp_EPSV, or ftp_PORT and ftp_EPRT, of the handler"
_OVER: Final = (
    "override close() of the class that is dtp_handler: it is called at the end of each connection that was up"
)

#: What is called of such objects in other servers of this API, and never here -> what to do instead.
_NOT_HERE: Final = {
    **dict.fromkeys(("__init__", "__new__"), _PREPARED),
    **dict.fromkeys(("handle_accept", "handle_accepted", "handle_connect"), _UP),
    **dict.fromkeys(("handle_close", "handle_error", "handle_expt", "handle_timeout"), _TOLD),
    "close": _OVER,
}


class _Options:
    """Only its class attributes are read."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for name, instead in _NOT_HERE.items():
            if getattr(cls, name, None) is not getattr(_Options, name, None):
                raise TypeError(
                    f"{cls.__name__}.{name} would never be called: no object of this class is made, its attributes "
                    f"timeout and backlog are read; {instead}"
                )


class PassiveDTP(_Options):
    """Options of passive data connections, before they are up."""

    timeout: float | None = 30
    """Seconds that the client may take to connect; 0 or None: any time."""
    backlog: int | None = None
    """None: the server's."""


class ActiveDTP(_Options):
    """Options of active data connections, before they are up."""

    timeout: float | None = 30
    """Seconds that the client may take to accept; 0 or None: as long as the system tries."""
