"""The program of a server process: serve a directory until standard input ends.

It prints the port that it listens on.  With profiling, SIGUSR1 starts the profiler and SIGUSR2 stops it and prints what
it saw; the line `MARK` follows either.

All servers get the same user, the same number of connections and the same logging: records of level INFO, made into
lines by the formatter that each library brings, and written to the null device.  Everything else is left at its
default, which all happen to share (sendfile, TCP_NODELAY, an idle timeout of 300 seconds).
"""

from __future__ import annotations

import argparse
import cProfile
import logging
import os
import pstats
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from ftpcore_adapters.handlers import FTPHandler

__all__ = ["MARK", "PASSWORD", "SERVERS", "USER"]

USER: Final = "user"
PASSWORD: Final = "secret"
#: Ends what is printed in answer to a signal.
MARK: Final = "--"

_RIGHTS: Final = "elradfmwMT"
#: More than any measure opens.
_MAX_CONS: Final = 4096
_PROFILED_FUNCTIONS: Final = 25


class _Server(Protocol):
    @property
    def address(self) -> tuple[str, int]: ...

    def serve_forever(self) -> object: ...


def _handler(directory: str, pem: str | None) -> type[FTPHandler]:
    from ftpcore_adapters.authorizers import DummyAuthorizer
    from ftpcore_adapters.handlers import FTPHandler, TLS_FTPHandler
    from ftpcore_adapters.log import LogFormatter, logger

    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, directory, perm=_RIGHTS)
    _log_to_nowhere(logger, LogFormatter())
    options = {"authorizer": authorizer}
    if pem is None:
        return type("Handler", (FTPHandler,), options)
    return type("Handler", (TLS_FTPHandler,), {"certfile": pem, **options})


def _on_ioloop(directory: str, pem: str | None) -> None:
    from ftpcore_adapters.servers import FTPServer

    _run(FTPServer(("127.0.0.1", 0), _handler(directory, pem)))


def _on_anyio(directory: str, pem: str | None, *, backend: str) -> None:
    import anyio

    from ftpcore_adapters.anyio import serve

    async def run() -> None:
        async with serve(_handler(directory, pem), ("127.0.0.1", 0), max_cons=_MAX_CONS) as server:
            print(server.address[1], flush=True)
            await server.serve_forever()

    anyio.run(run, backend=backend)


def _pyftpdlib(directory: str, pem: str | None) -> None:
    # Not typed, and not always there: nothing else imports it.
    from pyftpdlib import handlers
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.log import LogFormatter, logger
    from pyftpdlib.servers import FTPServer

    handler = handlers.FTPHandler if pem is None else handlers.TLS_FTPHandler
    handler.certfile = pem
    handler.authorizer = DummyAuthorizer()
    handler.authorizer.add_user(USER, PASSWORD, directory, perm=_RIGHTS)
    _log_to_nowhere(logger, LogFormatter())
    _run(FTPServer(("127.0.0.1", 0), handler))


#: What can be measured: name -> what serves a directory and prints its port; under TLS, if a PEM file is named.
SERVERS: Final[Mapping[str, Callable[[str, str | None], None]]] = {
    "ftpcore": _on_ioloop,
    "asyncio": partial(_on_anyio, backend="asyncio"),
    "trio": partial(_on_anyio, backend="trio"),
    "pyftpdlib": _pyftpdlib,
}


def _run(server: _Server) -> None:
    server.max_cons = _MAX_CONS  # type: ignore[attr-defined]  # both kinds have it
    print(server.address[1], flush=True)
    server.serve_forever()


def _log_to_nowhere(logger: logging.Logger, formatter: logging.Formatter) -> None:
    null = logging.FileHandler(os.devnull)
    null.setFormatter(formatter)
    shown = logging.StreamHandler()
    shown.setLevel(logging.ERROR)
    logger.setLevel(logging.INFO)
    logger.addHandler(null)
    logger.addHandler(shown)


def _obey_signals() -> None:
    profiler = cProfile.Profile()

    def start(_number: int, _frame: object) -> None:
        print(MARK, flush=True)
        profiler.enable()

    def stop(_number: int, _frame: object) -> None:
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(_PROFILED_FUNCTIONS)
        print(MARK, flush=True)

    signal.signal(signal.SIGUSR1, start)
    signal.signal(signal.SIGUSR2, stop)


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def _certificate(directory: str) -> str:
    """Return a file with a certificate and its key, the same for all servers."""
    from ftpcore_adapters.tls import self_signed

    pem = Path(directory) / "server.pem"
    if not pem.exists():
        pem.write_bytes(b"".join(self_signed(["localhost"])))
    return str(pem)


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(prog="benchmarks.serving", description=__doc__)
    parser.add_argument("server", choices=SERVERS)
    parser.add_argument("directory")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--tls", action="store_true")
    options = parser.parse_args()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if options.profile:
        _obey_signals()
    SERVERS[options.server](options.directory, _certificate(options.directory) if options.tls else None)


if __name__ == "__main__":
    main()
