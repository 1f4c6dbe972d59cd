"""A pytest plugin for the tests of FTP clients: name it in `pytest_plugins`.

pytest_plugins = ["ftpcore_adapters.pytest_plugin"]

def test_download(ftp_server):
    ftp_server.files.write_bytes("/a", b"data")
    assert my_client(ftp_server.url).get("a") == b"data"
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ftpcore_adapters.testing import FTPTestServer

__all__ = ["ftp_server"]


@pytest.fixture
def ftp_server() -> Iterator[FTPTestServer]:
    """A server with files in memory and one user, fresh for each test; see `FTPTestServer`."""
    with FTPTestServer() as server:
        yield server
