"""What is asynchronous in a handler class: servers without an event loop refuse it before it is served."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Final

from ftpcore.ports import AsyncAuthorizer, AsyncFileSystem

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["asynchronous_answer", "refuse_asynchronous", "refuse_asynchronous_commands"]

_SERVE: Final = "serve the class by ftpcore_adapters.anyio.serve(), on asyncio or trio"


def refuse_asynchronous(handler: type[FTPHandler]) -> None:
    """Raise TypeError if a hook, the authorizer or the filesystem of a class would have to be awaited."""
    refuse_asynchronous_commands(handler)
    for name in dir(handler):
        if name.startswith("on_") and iscoroutinefunction(getattr(handler, name)):
            raise TypeError(
                f"{handler.__name__}.{name} is `async def`, and this server awaits no hooks; "
                f"expected a plain `def`.  Make it one, or {_SERVE}"
            )
    for option, protocol in ("authorizer", AsyncAuthorizer), ("abstracted_fs", AsyncFileSystem):
        for name in _coroutine_methods(getattr(handler, option), protocol):
            raise TypeError(
                f"{handler.__name__}.{option} is asynchronous ({name} is `async def`), and this server calls ports "
                f"without awaiting them; expected a synchronous one.  Assign one, or {_SERVE}"
            )


def refuse_asynchronous_commands(handler: type[FTPHandler]) -> None:
    """Raise TypeError if a class has an `async def ftp_XXX`: no server awaits the commands of a handler."""
    for name in dir(handler):
        if name.startswith("ftp_") and iscoroutinefunction(getattr(handler, name)):
            raise TypeError(
                f"{handler.__name__}.{name} is `async def`; expected a plain `def`, for commands of a handler are run "
                "as they are written, in a worker thread where the server must not wait.  Make it one, or write it on "
                "a subclass of ftpcore.Session, as `async def` that awaits effects, and name that as session_class"
            )


def asynchronous_answer(answer: Awaitable[object]) -> TypeError:
    """Return the error for an answer that would have to be awaited where nothing can be; it never begins."""
    close = getattr(answer, "close", None)
    if close is not None:
        close()
    return TypeError(f"{answer!r} would have to be awaited, which can't be done here; make it synchronous, or {_SERVE}")


def _coroutine_methods(port: object, protocol: type) -> Iterator[str]:
    return (
        name for name in vars(protocol) if not name.startswith("_") and iscoroutinefunction(getattr(port, name, None))
    )
