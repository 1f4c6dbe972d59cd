"""The code of the README runs, and prints what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ftpcore_adapters.servers import FTPServer

README = (Path(__file__).parent.parent / "README.md").read_text()
SERVE, EMBED, PORT, CONTRACT, CLIENT = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_server_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = SERVE.replace("/srv/ftp", str(tmp_path)).replace("2121", "0")
    assert code != SERVE
    served: list[tuple[str, int]] = []

    def serve_one_turn(server: FTPServer) -> None:
        with server:
            server.serve_forever(timeout=0, blocking=False)
            served.append(server.address)

    monkeypatch.setattr(FTPServer, "serve_forever_of_the_readme", serve_one_turn, raising=False)
    exec(code.replace(".serve_forever()", ".serve_forever_of_the_readme()"), {"__name__": "readme"})
    assert served


def test_the_state_machine_is_embedded(capsys: pytest.CaptureFixture[str]) -> None:
    exec(EMBED, {"__name__": "readme"})
    assert [line[:3] for line in capsys.readouterr().out.splitlines()] == ["220", "331", "230", "257", "550", "425"]


def test_the_port_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    exec(PORT, {"__name__": "readme"})
    said = re.findall(r"#\s+(\[.*\])$", PORT, re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == said
    assert len(said) == 2


def test_the_contract_is_run(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(CONTRACT)
    words = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "rename", str(tmp_path))
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_a_client_is_tested(tmp_path: Path) -> None:
    client = """
import ftplib
import urllib.parse

class my_client:
    @staticmethod
    def download(url, name):
        place = urllib.parse.urlsplit(url)
        while True:
            with ftplib.FTP(timeout=20) as ftp:
                ftp.connect(place.hostname, place.port)
                ftp.login(place.username, place.password)
                got = []
                try:
                    ftp.retrbinary(f"RETR {name}", got.append)
                except (OSError, ftplib.error_temp):
                    ftp.close()
                else:
                    return b"".join(got)
"""
    (tmp_path / "test_client.py").write_text(client + CLIENT)
    words = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path))
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
