"""`ftpcore --journal DIR` and `ftpcore replay FILE`, as processes."""

from __future__ import annotations

import ftplib
import io
from pathlib import Path

import pytest

from tests.adapters.command_line import process, run
from tests.adapters.serving import PATIENCE


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The journal of a session with a download, an upload and a listing."""
    for name in ("files", "journals"):
        (tmp_path / name).mkdir()
    (tmp_path / "files" / "f").write_bytes(b"top secret\n" * 1000)
    options = ("-i", "127.0.0.1", "-p", "0", "-w", "-u", "ann", "-P", "pass-w0rd")
    paths = ("--journal", str(tmp_path / "journals"), "-d", str(tmp_path / "files"))
    with process(*options, *paths) as server, ftplib.FTP(timeout=PATIENCE) as client:
        client.connect(*server.address)
        client.login("ann", "pass-w0rd")
        client.retrbinary("RETR f", lambda _: None)
        client.storbinary("STOR g", io.BytesIO(b"also secret"))
        client.retrlines("LIST", lambda _: None)
        client.quit()
        server.end()
    (journal,) = (tmp_path / "journals").iterdir()
    return journal


def test_a_session_is_recorded_and_replayed(journal: Path) -> None:
    text = journal.read_text()
    assert "pass-w0rd" not in text
    assert "secret" not in text
    assert journal.stat().st_mode & 0o777 == 0o600
    done = run("replay", str(journal))
    assert (done.returncode, done.stderr) == (0, "")
    assert "C: STOR g" in done.stdout
    assert done.stdout.endswith("the same outputs\n")


def test_a_journal_that_was_changed_is_told(journal: Path) -> None:
    journal.write_text(journal.read_text().replace("221 ", "222 "))
    done = run("replay", str(journal))
    assert done.returncode == 1
    assert "not the same" in done.stdout


def test_a_journal_of_code_that_is_not_there_is_told_and_not_replayed(journal: Path) -> None:
    text = journal.read_text()
    assert '"overrides":[]' in text
    journal.write_text(text.replace('"overrides":[]', '"overrides":["NOOP"]'))
    done = run("replay", str(journal))
    assert (done.returncode, done.stderr) == (1, "")
    assert "C: STOR g" in done.stdout
    assert "\nnot replayed: the session's delegate took over NOOP" in done.stdout


@pytest.mark.parametrize("text", ["", "hello\n"], ids=["empty", "no journal"])
def test_what_is_no_journal_is_one_line_on_stderr(tmp_path: Path, text: str) -> None:
    (tmp_path / "j").write_text(text)
    for path in (tmp_path / "j", tmp_path / "absent"):
        done = run("replay", str(path))
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
