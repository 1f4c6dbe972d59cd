"""A small client, and its tests against a server that fails as ordered: python -m pytest examples/test_double.py."""

import ftplib
import sys
from typing import Literal
from urllib.parse import urlsplit

import pytest

from ftpcore_adapters.testing import FTPTestServer

pytest_plugins = ["ftpcore_adapters.pytest_plugin"]


# -- the client --------------------------------------------------------------------------------------------------------


def download(url: str, *, tries: int = 3, timeout: float = 30) -> bytes:
    """Return the whole file at `url`, tried again when the connection or the server's patience fails.

    Raises:
        ftplib.error_perm: The server refuses it, which another try would not change.
        OSError, EOFError, ftplib.error_temp: The last try failed, too.
    """
    while True:
        tries -= 1
        try:
            return _download(url, timeout)
        except (OSError, EOFError, ftplib.error_temp):
            if not tries:
                raise


def _download(url: str, timeout: float) -> bytes:
    place = urlsplit(url)
    blocks: list[bytes] = []
    with ftplib.FTP(timeout=timeout) as ftp:
        ftp.connect(place.hostname or "", place.port or ftplib.FTP_PORT)
        ftp.login(place.username or "", place.password or "")
        ftp.voidcmd("TYPE I")
        size = ftp.size(place.path)
        ftp.retrbinary(f"RETR {place.path}", blocks.append)
    content = b"".join(blocks)
    if size is not None and len(content) != size:
        raise ConnectionError(f"{len(content)} bytes of {size} came, and the server says that this is all")
    return content


# -- its tests ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def url(ftp_server: FTPTestServer) -> str:
    """A file that is there."""
    ftp_server.files.write_bytes("/report", b"all of it")
    return f"{ftp_server.url}/report"


def test_a_file_is_downloaded_at_the_first_try(ftp_server: FTPTestServer, url: str) -> None:
    assert download(url) == b"all of it"
    assert ftp_server.connections == 1


@pytest.mark.parametrize("how", ["reset", "cut"])
def test_a_lost_data_connection_is_tried_again(
    ftp_server: FTPTestServer, url: str, how: Literal["reset", "cut"]
) -> None:
    ftp_server.fail_next("RETR", after=3, how=how)
    assert download(url) == b"all of it"
    assert [transfer.size for transfer in ftp_server.transfers] == [3, 9]


def test_a_226_after_half_of_the_file_is_not_believed(ftp_server: FTPTestServer, url: str) -> None:
    ftp_server.fail_next("RETR", after=3, how="lie")
    assert download(url) == b"all of it"
    assert ftp_server.commands.count("RETR /report") == 2


def test_a_refusal_is_final(ftp_server: FTPTestServer, url: str) -> None:
    ftp_server.refuse_next("RETR", 550)
    with pytest.raises(ftplib.error_perm, match=r"^550"):
        download(url)
    assert ftp_server.connections == 1


def test_a_server_that_is_busy_is_tried_so_many_times(ftp_server: FTPTestServer, url: str) -> None:
    ftp_server.refuse_next("RETR", 450, times=3)
    with pytest.raises(ftplib.error_temp, match=r"^450"):
        download(url, tries=3)
    assert ftp_server.connections == 3


def test_a_server_that_does_not_answer_is_not_waited_for(ftp_server: FTPTestServer, url: str) -> None:
    ftp_server.delay_next("SIZE", 3600)
    assert download(url, timeout=1) == b"all of it"
    assert ftp_server.connections == 2


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
