"""Clients in use, under TLS 1.2 and 1.3, explicit and implicit, on every runtime; what they upload is stored whole."""

from __future__ import annotations

import ftplib
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TypeAlias

import pytest

from ftpcore_adapters.handlers import TLS_FTPHandler
from tests.adapters.certificates import Certificates
from tests.adapters.serving import PASSWORD, USER, make_handler
from tests.conftest import scaled
from tests.interop.clients import content, digest, needs
from tests.interop.tls_clients import CLIENTS, Target, connected, run
from tests.parity.hosts import HOSTS

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")

SIZE = 3_000_000

Start: TypeAlias = Callable[..., Target]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """What the server shows as its root."""
    directory = tmp_path / "remote"
    directory.mkdir()
    return directory


@pytest.fixture
def start(tmp_path: Path, remote: Path, certificates: Certificates) -> Iterator[Start]:
    """Starts a server: `start("trio", implicit_tls=True)`."""
    home = tmp_path / "home"
    home.mkdir()
    files = certificates.server

    with ExitStack() as stack:

        def starts(host: str = "IOLoop", **options: object) -> Target:
            paths = {"certfile": str(files.certfile), "keyfile": str(files.keyfile)}
            handler = make_handler(remote, TLS_FTPHandler, **{**paths, "tls_data_required": True, **options})
            address = stack.enter_context(HOSTS[host](handler))
            implicit = bool(options.get("implicit_tls"))
            return Target(address=address, authority=certificates.authority, home=home, implicit=implicit)

        yield starts


def there_and_back(name: str, target: Target, remote: Path) -> None:
    client = CLIENTS[name]
    if not client.there():
        pytest.skip(f"not installed: {name}")
    for size in (SIZE, 0, 1):
        (target.home / "up").write_bytes(content(size))
        client.move(target, "put", "up", "there")
        assert digest(remote / "there") == digest(target.home / "up")
        client.move(target, "get", "down", "there")
        assert digest(target.home / "down") == digest(target.home / "up")


@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("name", [name for name, client in CLIENTS.items() if client.versions])
def test_files_go_up_and_down(start: Start, remote: Path, name: str, version: str, implicit: bool) -> None:
    there_and_back(name, replace(start(implicit_tls=implicit), version=version), remote)


@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
@pytest.mark.parametrize("name", [name for name, client in CLIENTS.items() if not client.versions])
def test_files_go_up_and_down_under_whatever_is_spoken(start: Start, remote: Path, name: str, implicit: bool) -> None:
    there_and_back(name, start(implicit_tls=implicit), remote)


@pytest.mark.parametrize("engine", ["openssl", "stdlib"])
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("name", ["curl", "ftplib"])
def test_files_go_up_and_down_on_every_runtime(start: Start, remote: Path, name: str, host: str, engine: str) -> None:
    there_and_back(name, start(host, tls_engine_name=engine), remote)


@pytest.mark.parametrize("engine", ["openssl", "stdlib"])
@pytest.mark.parametrize("name", CLIENTS)
def test_no_upload_is_cut_short(start: Start, remote: Path, name: str, engine: str) -> None:
    """Nobody of these reads the tickets of TLS 1.3 on an upload, and some close at once."""
    client = CLIENTS[name]
    if not client.there():
        pytest.skip(f"not installed: {name}")
    target = start(tls_engine_name=engine)
    for number in range(max(5, scaled(100))):
        (target.home / "up").write_bytes(content(SIZE, number))
        client.move(target, "put", "up", f"file-{number}")
        assert digest(remote / f"file-{number}") == digest(target.home / "up"), number
        (remote / f"file-{number}").unlink()


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("engine", ["openssl", "stdlib"])
@pytest.mark.parametrize("host", ["IOLoop", "threads", "asyncio"])
def test_ftplib_resumes_its_session_where_that_is_required(start: Start, host: str, version: str, engine: str) -> None:
    target = replace(start(host, tls_session_reuse="require", tls_engine_name=engine), version=version)
    with connected(target) as client:
        for number in range(3):
            client.storbinary(f"STOR {number}", BytesIO(content(SIZE, number)))
            got = BytesIO()
            client.retrbinary(f"RETR {number}", got.write)
            assert got.getvalue() == content(SIZE, number)
        assert client.resumed == [True] * 6
        client.reuses = False
        connection, _ = client.ntransfercmd("RETR 0")
        with connection, pytest.raises(ftplib.error_perm, match="522"):
            client.voidresp()
        client.reuses = True
        assert sorted(client.nlst()) == ["0", "1", "2"]


@needs("curl")
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_curl_resumes_its_session_where_that_is_required(start: Start, remote: Path, version: str) -> None:
    target = replace(start(tls_session_reuse="require"), version=version)
    there_and_back("curl", target, remote)


@needs("openssl")
@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("host", HOSTS)
def test_s_client_logs_in(start: Start, host: str, version: str, implicit: bool) -> None:
    target = start(host, implicit_tls=implicit)
    words = ["-connect", f"127.0.0.1:{target.address.port}", "-CAfile", str(target.authority)]
    words += ["-servername", "localhost", "-verify_return_error", "-quiet", "-crlf", "-ign_eof"]
    words += [f"-{version.lower().replace('.', '_').replace('v', '')}"]
    words += [] if implicit else ["-starttls", "ftp"]
    script = f"USER {USER}\nPASS {PASSWORD}\nPWD\nQUIT\n".encode()
    done = run(target, "openssl", "s_client", *words, script=script)
    codes = [line[:3] for line in done.stdout.splitlines()]
    assert codes[-4:] == [b"331", b"230", b"257", b"221"], done


@needs("openssl")
@pytest.mark.parametrize("version", ["tls1", "tls1_1"])
def test_old_versions_are_refused(start: Start, version: str) -> None:
    target = start()
    words = ["-connect", f"127.0.0.1:{target.address.port}", "-starttls", "ftp", f"-{version}"]
    done = subprocess.run(
        ["openssl", "s_client", *words, "-cipher", "ALL:@SECLEVEL=0"],
        input=b"",
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert done.returncode != 0
    assert b"alert protocol version" in done.stderr
