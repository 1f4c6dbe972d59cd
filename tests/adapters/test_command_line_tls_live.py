"""Servers under TLS that the command line started: what they refuse, and certificates that change."""

from __future__ import annotations

import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from ftpcore_adapters._concurrency import MODELS
from ftpcore_adapters._console_tls import fingerprint
from tests.adapters.certificates import Certificates, Files
from tests.adapters.command_line import PATIENCE, process
from tests.adapters.command_line_tls import (
    LOOPBACK,
    copied,
    logged,
    logged_in,
    needs_posix,
    said_fingerprint,
    shared,
    shown,
    shown_now,
    unchecked,
    with_files,
    write_users,
)
from tests.adapters.serving import Client, wait_for
from tests.adapters.tls_clients import SecureClient, client_context


@pytest.fixture
def copies(tls_certificates: Certificates, tmp_path: Path) -> Files:
    return copied(tls_certificates.server, tmp_path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return shared(tmp_path)


# -- policies ----------------------------------------------------------------------------------------------------


@needs_posix
def test_what_is_required_is_refused_in_clear(home: Path, copies: Files) -> None:
    required = "--tls-control-required", "--tls-data-required"
    with process(*LOOPBACK, "-d", str(home), *with_files(copies), *required) as server:
        with SecureClient(server.address, unchecked()) as client:
            assert client.code() == 220
            assert client.command("USER anonymous") == 530
            client.start_tls()
            client.send("USER anonymous", "PASS x", "PASV", "RETR file")
            assert client.codes(4) == [331, 230, 227, 521]
        assert str(copies.certfile) in "".join(server.said)


@needs_posix
def test_clients_without_a_certificate_are_refused(home: Path, copies: Files, tls_certificates: Certificates) -> None:
    authority = str(tls_certificates.authority)
    known = client_context(tls_certificates.authority)
    known.load_cert_chain(*tls_certificates.client.pair)
    with process(*LOOPBACK, "-d", str(home), *with_files(copies), "--client-ca", authority) as server:
        with logged_in(server, known) as client:
            assert client.retrieve("RETR file") == b"content"
        with SecureClient(server.address, client_context(tls_certificates.authority, "TLSv1.2")) as stranger:
            assert stranger.code() == 220
            with pytest.raises(ssl.SSLError):
                stranger.start_tls()


@needs_posix
def test_a_file_of_users_demands_it_of_some(home: Path, copies: Files, tmp_path: Path) -> None:
    users = write_users(tmp_path / "users", home)
    with (
        process(*LOOPBACK, "--users", str(users), *with_files(copies)) as server,
        SecureClient(server.address, unchecked()) as client,
    ):
        assert client.codes(1) == [220]
        client.send("USER bob", "PASS secret", "USER ann")
        assert client.codes(3) == [331, 230, 530]
        client.start_tls()
        client.send("USER ann", "PASS secret", "PASV", "RETR file", "PBSZ 0", "PROT P", "PROT C")
        assert client.codes(7) == [331, 230, 227, 521, 200, 200, 534]
        users.write_text(users.read_text().replace("tls = yes", "tls = no"))
        assert client.command("PROT C") == 200  # as the file is now


# -- certificates that change ------------------------------------------------------------------------------------------


def renew(files: Files, certificates: Certificates) -> str:
    """Put another certificate in the place of one; return its fingerprint."""
    new = certificates.renew("localhost", f"renewed-{files.certfile.parent.name}")
    shutil.move(new.keyfile, files.keyfile)
    shutil.move(new.certfile, files.certfile)
    return fingerprint(files.certfile.read_text())


@needs_posix
@pytest.mark.parametrize("signalled", [True, False], ids=["by SIGHUP", "by themselves"])
@pytest.mark.parametrize("model", MODELS)
def test_new_sessions_see_a_new_certificate_and_old_ones_go_on(
    model: str, signalled: bool, home: Path, copies: Files, tls_certificates: Certificates
) -> None:
    options = (*LOOPBACK, "-d", str(home), "--concurrency", model, *with_files(copies))
    with process(*options, strict=False) as server:
        with logged_in(server) as open_before:
            old = shown(open_before)
            assert old == said_fingerprint(server)
            new = renew(copies, tls_certificates)
            if signalled:
                server.process.send_signal(signal.SIGHUP)
                wait_for(lambda: "reloaded" in logged(server), "the log to tell of it")
            wait_for(lambda: shown_now(server) == new, "the new certificate")
            assert open_before.retrieve("RETR file") == b"content"
            assert open_before.command("QUIT") == 221
        status, log = server.end(signal.SIGTERM)
    assert (status, "Traceback" in log) == (0, False), log


@needs_posix
def test_sighup_with_broken_files_leaves_the_certificate(home: Path, copies: Files) -> None:
    with process(*LOOPBACK, "-d", str(home), *with_files(copies), strict=False) as server:
        assert shown_now(server) == said_fingerprint(server)
        copies.certfile.write_text("not yet")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "not reloaded" in logged(server), "a warning")
        assert shown_now(server) == said_fingerprint(server)


@needs_posix
@pytest.mark.parametrize("model", ["async", "multi-proc", "pre-fork", "trio"])
def test_a_terminal_that_closes_ends_the_server(model: str, home: Path, copies: Files) -> None:
    options = [*LOOPBACK, "-d", str(home), "--concurrency", model, *with_files(copies)]
    master, slave = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "ftpcore_adapters", *options],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        pass_fds=(slave,),
        preexec_fn=lambda: os.login_tty(slave),  # noqa: PLW1509  these tests have no other threads
    ) as server:
        os.close(slave)
        try:
            said = b""
            while (place := re.search(rb"curl .*ftp://127.0.0.1:(\d+)/", said)) is None:
                said += os.read(master, 65536)
            with Client(("127.0.0.1", int(place[1]))) as client:
                assert client.code() == 220
                os.close(master)
                assert server.wait(PATIENCE) == 0
                assert client.code() == 0
        finally:
            server.kill()
