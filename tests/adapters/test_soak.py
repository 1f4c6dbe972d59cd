"""Many sessions at once, each busy: none is lost, and nothing is left of them."""

from __future__ import annotations

import json
import logging
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from anyio.from_thread import start_blocking_portal

from ftpcore import Address
from ftpcore.testing import SingleUser
from ftpcore_adapters import anyio
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_adapters.servers import FTPServer
from ftpcore_adapters.testing import serve_in_thread
from tests.adapters.resources import leftovers
from tests.adapters.soaking import TRANSFER_EVERY, Outcome, raise_descriptor_limit
from tests.conftest import SCALE, scaled

CLIENTS: Final = scaled(2_000)
SECONDS: Final = 20 * SCALE

#: Bytes of resident memory that the server may take for each session that is logged in and has done many things, most
#: of them with a listener for data.  With 2,000 sessions 5.5 KiB were measured on IOLoop, 6.9 on asyncio.
MEMORY_PER_SESSION: Final = 14 * 1024

#: Bytes that it may take besides: what is imported and cached at the first session.
MEMORY_AT_ONCE: Final = 8 * 1024 * 1024

#: A session has its connection and perhaps a listener; the test itself needs some.
DESCRIPTORS: Final = 2 * CLIENTS + 200


class BigServer(FTPServer):
    max_cons = 0


def make_handler() -> type[FTPHandler]:
    files = MemoryFileSystem()
    files.write_bytes("/dir/b", b"b")
    files.write_bytes("/a", b"content")
    return type("Handler", (FTPHandler,), {"authorizer": SingleUser(files), "accept_timeout": None})


@contextmanager
def on_asyncio(handler: type[FTPHandler]) -> Iterator[Address]:
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(anyio.serve(handler, ("127.0.0.1", 0), max_cons=0)) as server,
    ):
        yield Address(*server.address)


@pytest.fixture(autouse=True)
def limits() -> Iterator[None]:
    """As many descriptors as are needed, and no line of log for each session: the test's log keeps them all."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    logger = logging.getLogger("ftpcore")
    level = logger.level
    if not raise_descriptor_limit(DESCRIPTORS):
        pytest.skip(f"{DESCRIPTORS} descriptors are needed; the hard limit is {limits[1]}")
    logger.setLevel(logging.WARNING)
    yield
    logger.setLevel(level)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def resident() -> int:
    """Return the bytes of memory that this process has."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def play(address: Address) -> Outcome:
    """Have the clients play, in a process of their own."""
    arguments = [sys.executable, "-m", "tests.adapters.soaking", address.host, str(address.port), str(CLIENTS)]
    with subprocess.Popen(
        [*arguments, str(SECONDS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            said, _ = process.communicate("go\n")
        finally:
            process.kill()
    return Outcome(**json.loads(said))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="/proc tells the memory that is used")
@pytest.mark.parametrize("host", ["IOLoop", "asyncio"])
def test_many_busy_sessions_at_once(host: str) -> None:
    handler = make_handler()
    with leftovers():
        serving = serve_in_thread(handler, server_class=BigServer) if host == "IOLoop" else on_asyncio(handler)
        before = resident()
        with serving as address:
            outcome = play(address)
            growth = resident() - before
    assert (outcome.lost, outcome.wrong) == (0, [])
    assert outcome.commands > outcome.clients, "hardly anything was asked"
    assert outcome.transfers > outcome.clients / TRANSFER_EVERY, "hardly anything was moved"
    assert growth <= MEMORY_AT_ONCE + MEMORY_PER_SESSION * outcome.clients, f"{growth} bytes for {outcome.clients}"
