"""What docs/tls.md shows works: its code is run, its commands too, and a client goes where it says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from ftpcore_adapters.__main__ import parse_args
from ftpcore_adapters.authorizers import hash_password
from ftpcore_adapters.handlers import TLS_FTPHandler
from ftpcore_adapters.servers import FTPServer
from ftpcore_adapters.testing import serve_in_thread
from tests.adapters.tls_clients import SecureClient, client_context

DOCUMENT: Final = (Path(__file__).parent.parent / "docs" / "tls.md").read_text()
SERVE, HOSTS, MIXED, BY_FILE, CERTIFIED = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
MAKE_SERVER, CURL, MAKE_CLIENT = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make certificates")


def shell(commands: str, directory: Path) -> str:
    done = subprocess.run(
        ["sh", "-ec", commands], cwd=directory, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands have left their files, and there are all others that the code names."""
    place = tmp_path_factory.mktemp("document")
    shell(MAKE_SERVER + MAKE_CLIENT, place)
    for name in "example", "net":
        shutil.copy(place / "cert.pem", place / f"{name}.pem")
    shutil.copy(place / "key.pem", place / "example-key.pem")
    (place / "net.pem").write_bytes((place / "cert.pem").read_bytes() + (place / "key.pem").read_bytes())
    (place / "home").mkdir()
    rows = [f"home = {place / 'home'}", f"password = {hash_password('secret', ln=10)}", "rights = elr", "tls = yes"]
    (place / "users").write_text("\n".join(["[ann]", *rows]))
    (place / "users").chmod(0o600)
    return place


@pytest.fixture
def names(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What the first block of code defines, run where the files are; its server ends as soon as it should serve."""
    monkeypatch.chdir(place)
    monkeypatch.setattr(FTPServer, "serve_forever", FTPServer.close_all)
    names: dict[str, Any] = {"__name__": "document"}
    exec(adapted(SERVE, place), names)
    monkeypatch.undo()
    old = os.getcwd()
    os.chdir(place)
    try:
        yield names
    finally:
        os.chdir(old)


def adapted(code: str, place: Path) -> str:
    code = code.replace("/srv/ftp", str(place / "home")).replace("/etc/ftpcore.users", str(place / "users"))
    return code.replace("2121", "0")


def defined(code: str, name: str, names: dict[str, Any], place: Path) -> type[TLS_FTPHandler]:
    exec(adapted(code, place), names)
    handler: type[TLS_FTPHandler] = names[name]
    assert issubclass(handler, TLS_FTPHandler)
    return handler


def test_the_commands_that_are_shown_are_commands() -> None:
    shown = re.findall(r"^    ftpcore (.*)$", DOCUMENT, re.MULTILINE)
    assert len(shown) == 2
    for line in shown:
        assert parse_args(shlex.split(line)).tls == "explicit"


def test_each_option_for_tls_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_args(["--help"])
    group = capsys.readouterr().out.partition("\nTLS:\n")[2].partition("\n\n")[0]
    options = re.findall(r"^  (--[a-z-]+)", group, re.MULTILINE)
    assert len(options) >= 8
    assert [option for option in options if f"`{option}" not in DOCUMENT] == []


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_a_server_with_the_certificate_is_checked_by_curl(names: dict[str, Any], place: Path) -> None:
    (place / "home" / "file").touch()
    with serve_in_thread(names["Handler"]) as server:
        assert "file" in shell(CURL.replace("2121", str(server.port)), place)


def test_the_certificate_is_that_of_the_host_that_is_asked_for(names: dict[str, Any], place: Path) -> None:
    handler = defined(HOSTS, "Hosts", names, place)
    handler.check_options()
    assert set(handler.certificates) == {"ftp.example.org", "*.example.net"}


def test_names_and_files_demand_tls(names: dict[str, Any], place: Path) -> None:
    for code, name in (MIXED, "Mixed"), (BY_FILE, "ByFile"):
        with (
            serve_in_thread(defined(code, name, names, place)) as server,
            SecureClient(server, client_context(place / "authority.pem")) as client,
        ):
            assert client.code() == 220
            client.send("USER ann", "USER bob")
            assert client.codes(2) == [530, 331], name
            client.start_tls()
            client.send("USER ann", "PASS secret", "EPSV", "LIST")
            assert client.codes(4) == [331, 230, 229, 521], name


def test_a_certificate_logs_in(names: dict[str, Any], place: Path) -> None:
    handler = defined(CERTIFIED, "Certified", names, place)
    handler.authorizer.add_user("ann", "secret", place / "home", perm="elr")
    context = client_context(place / "authority.pem")
    context.load_cert_chain(place / "ann.pem", place / "ann-key.pem")
    with serve_in_thread(handler) as server, SecureClient(server, context) as client:
        assert client.code() == 220
        client.start_tls()
        assert client.command("USER ann") == 232


def test_the_documents_that_it_names_are_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", DOCUMENT)
    assert links
    for link in links:
        assert (Path(__file__).parent.parent / "docs" / link).exists(), link
