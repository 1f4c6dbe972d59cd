"""A server on a fresh directory for each test; its end checks that nothing of it is left."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.resources import leftovers
from tests.adapters.s3_server import bucket, s3, s3_server
from tests.adapters.serving import Serving, make_handler
from tests.interop.clients import Site

__all__ = ["bucket", "s3", "s3_server"]


@pytest.fixture
def host() -> str:
    """The address to serve on; tests parametrize it."""
    return "127.0.0.1"


@pytest.fixture
def site(tmp_path: Path, host: str) -> Iterator[Site]:
    if ":" in host and not _ipv6_works():
        pytest.skip("this machine has no ::1")
    remote, local, home = (tmp_path / name for name in ("remote", "local", "home"))
    for directory in (remote, local, home):
        directory.mkdir()
    with leftovers():
        serving = Serving(make_handler(remote), (host, 0))
        with Site.running(serving, remote=remote, local=local, home=home) as site:
            yield site


def _ipv6_works() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False
