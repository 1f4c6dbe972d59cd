"""Fixtures for servers on real sockets: `serve` starts one, and its teardown checks that nothing is left of it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftpcore_adapters.handlers import FTPHandler, TLS_FTPHandler
from ftpcore_adapters.ioloop import IOLoop
from ftpcore_adapters.servers import FTPServer
from tests.adapters.anyio_serving import BACKENDS, AnyioServe
from tests.adapters.certificates import Certificates
from tests.adapters.resources import leftovers
from tests.adapters.s3_server import bucket, s3, s3_server
from tests.adapters.serving import LogLines, Serving, make_handler
from tests.adapters.tls_clients import SecureClient, client_context, login

__all__ = ["Serve", "TLSServe", "bucket", "s3", "s3_server"]


class Serve:
    """Starts servers: `serve(FTPHandler, timeout=5, server={"max_cons": 3})`.

    Attributes:
        directory: The home of the one user.
        log: What the package writes, from INFO on.
        errors_expected: Lines of ERROR are no failure of the test.
    """

    def __init__(self, directory: Path, log: LogLines, stack: contextlib.ExitStack) -> None:
        self.directory = directory
        self.log = log
        self.errors_expected = False
        self.started: list[Serving] = []
        self._stack = stack

    def prepared(
        self,
        base: type[FTPHandler] = FTPHandler,
        *,
        address: tuple[str | None, int] | socket.socket = ("127.0.0.1", 0),
        server_class: type[FTPServer] = FTPServer,
        server: dict[str, object] | None = None,
        loop: IOLoop | None = None,
        **options: object,
    ) -> Serving:
        """Return a server that listens, but does not run."""
        handler = make_handler(self.directory, base, **options)
        serving = Serving(handler, address, server_class, loop, **(server or {}))
        self._stack.callback(serving.stop)
        self.started.append(serving)
        return serving

    def __call__(self, base: type[FTPHandler] = FTPHandler, **options: Any) -> Serving:
        """Start a server; the arguments are those of `prepared`."""
        return self.prepared(base, **options).start()


class TLSServe:
    """`serve` for handlers with a certificate, and clients that trust it."""

    def __init__(self, serve: Serve, certificates: Certificates, stack: contextlib.ExitStack) -> None:
        self.serve = serve
        self.context = client_context(certificates.authority)
        self._files = certificates.server
        self._stack = stack

    def __call__(self, base: type[TLS_FTPHandler] = TLS_FTPHandler, **options: Any) -> Serving:
        files = {"certfile": str(self._files.certfile), "keyfile": str(self._files.keyfile)}
        return self.serve(base, **{**files, **options})

    def client(self, serving: Serving, *, implicit: bool = False) -> SecureClient:
        return self._stack.enter_context(SecureClient(serving.address, self.context, implicit=implicit))

    def login(self, serving: Serving) -> SecureClient:
        """Return a client that is logged in, with private data connections."""
        return self._stack.enter_context(login(serving.address, self.context))


@pytest.fixture(scope="session")
def tls_certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates, made once for all tests."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture
def calls() -> list[str]:
    """For `Recorder`."""
    return []


@pytest.fixture
def serve(directory: Path) -> Iterator[Serve]:
    with leftovers(), contextlib.ExitStack() as stack:
        log = stack.enter_context(LogLines())
        serve = Serve(directory, log, stack)
        yield serve
        for serving in serve.started:
            serving.settle()
        assert serve.errors_expected or not log.errors, log.errors


@pytest.fixture
def tls_serve(serve: Serve, tls_certificates: Certificates) -> Iterator[TLSServe]:
    with contextlib.ExitStack() as stack:
        yield TLSServe(serve, tls_certificates, stack)


@pytest.fixture(params=BACKENDS)
def anyio_serve(request: pytest.FixtureRequest, directory: Path) -> Iterator[AnyioServe]:
    """As `serve`, on asyncio and on trio."""
    with leftovers(), LogLines() as log:
        with contextlib.ExitStack() as stack:
            serve = AnyioServe(request.param, directory, log, stack)
            yield serve
        assert serve.errors_expected or not log.errors, log.errors
