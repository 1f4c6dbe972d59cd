"""Limits of transfers: on a class, of a user, of one connection, and together with TLS; on every runtime."""

from __future__ import annotations

import os
import socket
import time

import pytest

from ftpcore_adapters.handlers import DTPHandler, ThrottledDTPHandler, TLS_DTPHandler, TLS_FTPHandler
from tests.adapters.certificates import Certificates
from tests.adapters.serving import USER, Client, received
from tests.adapters.tls_clients import client_context, login
from tests.seed.noted import Noting, Site, sites

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")

site = sites()

CONTENT = os.urandom(60_000)

#: Bytes per second: the first quarter of a second is free.
LIMIT = 100_000

#: Seconds that CONTENT takes at least.
SECONDS = len(CONTENT) / LIMIT - 0.26


class Throttled(ThrottledDTPHandler):
    read_limit = LIMIT
    write_limit = LIMIT


def download(client: Client) -> float:
    """Return how long the download of a file takes; it must be whole."""
    begun = time.monotonic()
    assert client.retrieve("RETR file") == CONTENT
    return time.monotonic() - begun


def upload(client: Client) -> float:
    begun = time.monotonic()
    assert client.store("STOR new", CONTENT) == 226
    return time.monotonic() - begun


@pytest.fixture(autouse=True)
def _file(site: Site) -> None:
    (site.home / "file").write_bytes(CONTENT)


@pytest.mark.parametrize("kernel", [True, False], ids=["in the kernel", "by hand"])
def test_limits_of_a_class(site: Site, kernel: bool) -> None:
    client = site.serve(dtp_handler=Throttled, use_sendfile=kernel).login()
    assert download(client) >= SECONDS
    assert upload(client) >= SECONDS
    assert (site.home / "new").read_bytes() == CONTENT


class Favouring(Noting):
    """Limits one user, as the documentation of this API does it."""

    def on_login(self, username: str) -> None:
        if username == USER:
            self.dtp_handler = Throttled


def test_limits_of_a_user(site: Site) -> None:
    client = site.serve(Favouring).login()
    assert download(client) >= SECONDS
    assert Favouring.dtp_handler is DTPHandler


class Second(ThrottledDTPHandler):
    """Limits the second connection of a session."""

    cmd_channel: Favouring

    def __init__(self, sock: socket.socket, cmd_channel: Favouring) -> None:
        super().__init__(sock, cmd_channel)
        if vars(cmd_channel).setdefault("served", []):
            self.write_limit = LIMIT
        vars(cmd_channel)["served"].append(self)


def test_limits_of_one_connection(site: Site) -> None:
    client = site.serve(dtp_handler=Second).login()
    assert download(client) < SECONDS
    assert download(client) >= SECONDS


class Hurrying(Noting):
    """Takes the limits off, or sets some, while a transfer runs."""

    dtp_handler = type("Slow", (ThrottledDTPHandler,), {"write_limit": 1000})

    def ftp_STAT(self, path: str) -> None:
        assert self.data_channel is not None
        self.data_channel.write_limit = 0
        self.respond("211 Hurry.")


def test_a_limit_may_change_while_it_holds(site: Site) -> None:
    client = site.serve(Hurrying).login()
    begun = time.monotonic()
    with client.data() as data:
        assert client.command("RETR file") == 150
        first = data.recv(1)
        assert client.command("STAT") == 211
        assert first + received(data) == CONTENT
    assert client.code() == 226
    assert time.monotonic() - begun < len(CONTENT) / 1000 / 2


# -- with TLS ----------------------------------------------------------------------------------------------------------


class TLSFirst(TLS_DTPHandler, ThrottledDTPHandler):
    read_limit = LIMIT
    write_limit = LIMIT


class TLSLast(ThrottledDTPHandler, TLS_DTPHandler):
    read_limit = LIMIT
    write_limit = LIMIT


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("kind", [TLSFirst, TLSLast, Throttled])
def test_a_throttled_transfer_is_encrypted_when_it_was_agreed_on(
    site: Site, certificates: Certificates, kind: type[DTPHandler]
) -> None:
    files = certificates.server
    site.serve(TLS_FTPHandler, dtp_handler=kind, certfile=str(files.certfile), keyfile=str(files.keyfile))
    context = client_context(certificates.authority)
    with login(site.address, context) as client:
        assert client.private
        begun = time.monotonic()
        assert client.retrieve("RETR file") == CONTENT
        assert time.monotonic() - begun >= SECONDS
