"""TLS from the command line: its options, what goes together, what is wrong with files, what a person is told."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509 import DNSName, IPAddress, SubjectAlternativeName, load_pem_x509_certificate

from ftpcore_adapters import __main__ as command_line
from ftpcore_adapters import servers
from ftpcore_adapters._console_tls import certificate_for_development, fingerprint
from ftpcore_adapters.handlers import TLS_DTPHandler, TLS_FTPHandler
from ftpcore_adapters.servers import FTPServer
from tests.adapters.certificates import Certificates, Files
from tests.adapters.command_line import PATIENCE, process, run
from tests.adapters.command_line_tls import (
    LOOPBACK,
    copied,
    logged_in,
    needs_posix,
    said_fingerprint,
    shared,
    shown,
    with_files,
    write_users,
)
from tests.adapters.resources import leftovers
from tests.adapters.test_command_line_options import Idle


@pytest.fixture
def copies(tls_certificates: Certificates, tmp_path: Path) -> Files:
    return copied(tls_certificates.server, tmp_path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return shared(tmp_path)


# -- options -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Servers end as soon as they should serve."""
    monkeypatch.setattr(servers, "FTPServer", Idle)
    monkeypatch.setattr(command_line, "config_logging", lambda *, level: None)
    with leftovers():
        yield


def served(home: Path, *arguments: str) -> FTPServer:
    server = command_line.main([*arguments, *LOOPBACK, "-d", str(home)])
    assert isinstance(server, FTPServer)
    return server


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize(
    ("arguments", "option", "value"),
    [
        ("", "implicit_tls", False),
        ("", "tls_control_required", False),
        ("", "tls_data_required", False),
        ("", "tls_session_reuse", "prefer"),
        ("", "tls_accept_truncated", False),
        ("", "client_certificates", "ignore"),
        ("--tls explicit", "implicit_tls", False),
        ("--tls implicit", "implicit_tls", True),
        ("--tls-control-required", "tls_control_required", True),
        ("--tls-data-required", "tls_data_required", True),
        ("--tls-session-reuse off", "tls_session_reuse", "off"),
        ("--tls-session-reuse require", "tls_session_reuse", "require"),
        ("--tls-accept-truncated", "tls_accept_truncated", True),
    ],
)
def test_options_of_the_handler(home: Path, copies: Files, arguments: str, option: str, value: object) -> None:
    handler = served(home, *with_files(copies), *arguments.split()).handler
    assert issubclass(handler, TLS_FTPHandler)
    assert issubclass(handler.dtp_handler, TLS_DTPHandler)
    assert getattr(handler, option) == value


@pytest.mark.usefixtures("idle")
def test_an_authority_of_clients_requires_their_certificates(
    home: Path, copies: Files, tls_certificates: Certificates
) -> None:
    handler = served(home, *with_files(copies), "--client-ca", str(tls_certificates.authority)).handler
    assert issubclass(handler, TLS_FTPHandler)
    assert (handler.client_ca, handler.client_certificates) == (str(tls_certificates.authority), "require")


@pytest.mark.usefixtures("idle")
def test_without_tls_there_is_none(home: Path) -> None:
    assert not issubclass(served(home).handler, TLS_FTPHandler)


@pytest.mark.usefixtures("idle")
def test_users_who_can_not_log_in_are_worth_a_warning(home: Path, tmp_path: Path, copies: Files) -> None:
    users = str(write_users(tmp_path / "users", home))
    with pytest.warns(RuntimeWarning, match="^ann can't"):
        command_line.main([*LOOPBACK, "--users", users])
    handler = command_line.main([*LOOPBACK, "--users", users, *with_files(copies), "--tls-data-required"]).handler
    assert "ann" in handler.authorizer.tls_users
    assert "bob" not in handler.authorizer.tls_users
    assert handler.tls_data_required is True


@pytest.mark.parametrize(
    "arguments",
    [
        "--tls --certfile c",
        "--tls --keyfile k",
        "--certfile c",
        "--keyfile k",
        "--certfile c --keyfile k",
        "--tls-control-required",
        "--tls-data-required",
        "--tls-session-reuse prefer",
        "--tls-accept-truncated",
        "--client-ca c",
    ],
)
def test_what_needs_something_else_says_so(arguments: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"needs? "):
        command_line.parse_args(arguments.split())


@pytest.mark.parametrize("arguments", ["--tls maybe", "--tls-session-reuse maybe", "--certfile", "--client-ca"])
def test_a_usage_error_is_one_line(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        command_line.parse_args(arguments.split())
    assert raised.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert arguments.split(maxsplit=1)[0] in said


# -- what is wrong with files ------------------------------------------------------------------------------------------


def break_key(files: Files, how: str, tls_certificates: Certificates) -> Path:
    """Break the files in a way; return the one that should be named."""
    match how:
        case "no certificate":
            files.certfile.unlink()
            return files.certfile
        case "no key":
            files.keyfile.unlink()
            return files.keyfile
        case "a directory":
            files.keyfile.unlink()
            files.keyfile.mkdir()
            return files.keyfile
        case "an empty certificate":
            files.certfile.write_bytes(b"")
            return files.certfile
        case "a key that is none":
            files.keyfile.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
            return files.certfile
        case "the key of another":
            shutil.copy(tls_certificates.issue("ann").keyfile, files.keyfile)
            return files.certfile
        case _:
            key = load_pem_private_key(files.keyfile.read_bytes(), None)
            encryption = BestAvailableEncryption(b"secret")
            files.keyfile.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
            return files.keyfile


@pytest.mark.parametrize("model", ["async", "asyncio"])
@pytest.mark.parametrize(
    "how",
    [
        "no certificate",
        "no key",
        "a directory",
        "an empty certificate",
        "a key that is none",
        "the key of another",
        "an encrypted key",
    ],
)
def test_files_that_can_not_be_used_end_the_start_with_one_line(
    how: str,
    model: str,
    copies: Files,
    tls_certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    named = break_key(copies, how, tls_certificates)
    monkeypatch.setattr(sys, "argv", ["ftpcore", *LOOPBACK, "--concurrency", model, *with_files(copies)])
    with pytest.raises(SystemExit) as raised:
        command_line.console()
    assert raised.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert str(named) in said.err


def test_a_process_that_finds_no_file_ends_with_status_2(copies: Files) -> None:
    copies.keyfile.unlink()
    done = run(*LOOPBACK, *with_files(copies))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


# -- a certificate for development -------------------------------------------------------------------------------------


def test_a_certificate_for_development_is_for_the_addresses_of_this_machine() -> None:
    with certificate_for_development("", "192.0.2.7") as path:
        pem = Path(path).read_bytes()
    names = load_pem_x509_certificate(pem).extensions.get_extension_for_class(SubjectAlternativeName).value
    assert "localhost" in names.get_values_for_type(DNSName)
    assert {IPv4Address("127.0.0.1"), IPv4Address("192.0.2.7")} <= set(names.get_values_for_type(IPAddress))
    assert b"PRIVATE KEY" in pem
    assert not os.path.exists(path)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="memory can't be a file here")
def test_a_certificate_for_development_is_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with certificate_for_development("", None) as path:
        assert os.readlink(path).startswith("/memfd:")
        assert list(tmp_path.iterdir()) == []


@needs_posix
def test_where_memory_is_no_file_the_certificate_is_in_a_private_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delattr(os, "memfd_create", raising=False)
    with certificate_for_development("", None) as path:
        assert b"PRIVATE KEY" in Path(path).read_bytes()
        [directory] = tmp_path.iterdir()
        assert Path(path).parent == directory
        assert directory.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("interface", ["fe80::1%eth0", "ftp.example.org", "h\u00e9te", "0.0.0.0", "::"])
def test_any_interface_may_stand_before_it(interface: str) -> None:
    with certificate_for_development(interface, None) as path:
        assert fingerprint(Path(path).read_text())


def test_what_has_no_certificate_has_no_fingerprint() -> None:
    with pytest.raises(ValueError):
        fingerprint("-----BEGIN CERTIFICATE-----")


@needs_posix
@pytest.mark.parametrize("mode", ["explicit", "implicit"])
def test_the_start_tells_of_the_certificate(mode: str, home: Path) -> None:
    with process(*LOOPBACK, "-d", str(home), "--tls", mode, "--tls-data-required") as server:
        start = "".join(server.said)
        assert "self-signed" in start
        assert f"{mode}, " in start
        assert "required for data connections" in start
        with logged_in(server, implicit=mode == "implicit") as client:
            assert shown(client) == said_fingerprint(server)
            client.private = True
            assert mode == "explicit" or [client.command("PBSZ 0"), client.command("PROT P")] == [200, 200]
            assert client.retrieve("RETR file") == b"content"
        status, log = server.end(signal.SIGTERM)
    assert (status, "Traceback" in log) == (0, False), log


@needs_posix
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.parametrize("mode", ["explicit", "implicit"])
def test_the_printed_command_lists_the_directory(mode: str, home: Path) -> None:
    with process(*LOOPBACK, "-d", str(home), "--tls", mode) as server:
        match = re.fullmatch(r"  client +(curl .*)\n", server.said[-1])
        assert match, server.said
        done = subprocess.run(match[1], shell=True, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        assert "file" in done.stdout


@needs_posix
@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make a certificate")
def test_the_standard_library_serves_where_nothing_else_is_installed(home: Path) -> None:
    """Without `site` there are no installed packages, neither pyOpenSSL nor what makes certificates in its stead."""
    with process(*LOOPBACK, "-d", str(home), "--tls", flags=("-S",)) as server, logged_in(server) as client:
        assert shown(client) == said_fingerprint(server)
        assert client.retrieve("RETR file") == b"content"
