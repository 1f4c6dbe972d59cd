"""The well-known recipes of this API do what they say."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import subprocess
import sys
from ftplib import FTP, error_perm
from io import BytesIO
from pathlib import Path

import pytest

from ftpcore_adapters.authorizers import DummyAuthorizer
from tests.test_examples import EXAMPLES, PATIENCE, connected, downloaded, running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


def test_the_basic_server_has_a_user_and_guests_and_limits(home: Path) -> None:
    with running("basic_server", home) as program:
        address = program.address()
        with connected(address) as client:
            assert client.getwelcome() == "220 Files of ours."
            client.login("ann", "secret")
            client.storbinary("STOR notes.txt", BytesIO(b"kept"))
            assert client.makepasv()[1] in range(60000, 65536)
        with connected(address) as client:
            client.login()
            assert downloaded(client, "notes.txt") == b"kept"
            with pytest.raises(error_perm, match=r"^550"):
                client.delete("notes.txt")
            guests = [FTP(timeout=PATIENCE) for _ in range(4)]
            for guest in guests:
                guest.connect(*address)
            with FTP(timeout=PATIENCE) as sixth, pytest.raises(Exception, match=r"^421"):
                sixth.connect(*address)
            for guest in guests:
                guest.quit()
            client.quit()


def test_the_log_is_in_a_file(home: Path) -> None:
    with running("log_to_file", home) as program, connected(program.address()) as client:
        client.login("ann", "secret")
        client.storbinary("STOR notes.txt", BytesIO(b"kept"))
        client.quit()
    text = (home / "ftpd.log").read_text()
    assert program.log == ""
    assert "ann@127.0.0.1 USER 'ann' logged in." in text
    assert f"ann@127.0.0.1 STOR {home / 'notes.txt'} completed=1 bytes=4" in text
    assert "<- STOR notes.txt" in text
    assert "secret" not in text


def test_passwords_are_hashed(home: Path) -> None:
    with running("hashed_passwords", home) as program:
        address = program.address()
        with connected(address) as client:
            assert client.login("ann", "secret").startswith("230")
            client.quit()
        with connected(address) as client, pytest.raises(error_perm, match=r"^530"):
            client.login("ann", "guess")
    words = (sys.executable, str(EXAMPLES / "hashed_passwords.py"), "hash")
    told = subprocess.run(words, input="of mine\n", capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
    authorizer = DummyAuthorizer()
    authorizer.add_user("bob", told.rstrip("\n"), home)
    authorizer.validate_authentication("bob", "of mine", None)
    assert "mine" not in told


def test_callbacks_tell_of_a_session(home: Path) -> None:
    with running("event_callbacks", home) as program:
        with connected(address := program.address()) as client:
            with pytest.raises(error_perm, match=r"^530"):
                client.login("ann", "guess")
            client.login("ann", "secret")
            client.storbinary("STOR a", BytesIO(b"kept"))
            downloaded(client, "a")
            client.quit()
        with connected(address) as client:
            client.login("ann", "secret")
            client.voidcmd("TYPE I")
            with client.transfercmd("STOR b") as connection:
                connection.sendall(b"half")
                assert client.abort().startswith("426")
            assert client.voidresp().startswith("226")
            client.quit()
        told = [program.line() for _ in range(12)]
        assert not (home / "b").exists()
    assert told == [
        "connected 127.0.0.1",
        "not let in ann",
        "logged in ann",
        "received a",
        "sent a",
        "logged out ann",
        "disconnected ann",
        "connected 127.0.0.1",
        "logged in ann",
        "received in part b",
        "logged out ann",
        "disconnected ann",
    ]


def test_guests_are_slower(home: Path) -> None:
    (home / "file").write_bytes(bytes(150_000))
    with running("throttled", home) as program:
        address = program.address()
        for name, fast in (("anonymous", False), ("ann", True)):
            with connected(address) as client:
                client.login(name, "secret")
                assert downloaded(client, "file") == bytes(150_000)
                client.quit()
            seconds = re.findall(r"RETR \S+ completed=1 bytes=150000 seconds=([\d.]+)", program.log)[-1]
            assert fast or float(seconds) > 0.4  # a second and a half, less what goes out at once


def test_a_site_command_of_ones_own(home: Path) -> None:
    (home / "file").write_bytes(b"content")
    (home / "out").symlink_to("/etc/passwd")
    with running("site_command", home) as program, connected(program.address()) as client:
        client.login("ann", "secret")
        assert client.sendcmd("SITE SHA256 file") == f"213 {hashlib.sha256(b'content').hexdigest()}"
        assert client.sendcmd("SITE HELP SHA256").endswith("(digest of a file).")
        for path in ("nothing", "/", "out", "../../etc/passwd"):
            with pytest.raises(error_perm, match=r"^550"):
                client.sendcmd(f"SITE SHA256 {path}")
        client.quit()


def test_who_floods_stays_out(home: Path) -> None:
    with running("anti_flood", home) as program:
        address = program.address()
        with socket.create_connection(address, PATIENCE) as client:
            client.sendall(b"NOOP\r\n" * 1000)
            answers = b"".join(iter(lambda: client.recv(65536), b"")).splitlines()
        greeting, *served, last = [int(line[:3]) for line in answers]
        assert (greeting, {*served}, last) == (220, {200}, 421)
        assert 50 <= len(served) < 1000  # more than 50 where they took more than a second
        with FTP(timeout=PATIENCE) as again, pytest.raises(Exception, match=r"^421"):
            again.connect(*address)
    assert "Too many commands" in program.log


def test_something_is_done_every_so_often(home: Path) -> None:
    old, young = home / "old.tmp", home / "young.tmp"
    old.touch()
    young.touch()
    os.utime(old, (0, 0))
    with running("periodic", home, "0.01") as program, connected(program.address()) as client:
        assert program.line() == "removed old.tmp"
        client.login("ann", "secret")
        assert client.nlst() == ["young.tmp"]
        client.quit()
