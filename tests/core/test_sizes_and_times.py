"""SIZE, MDTM and MFMT.  Checklist section 7; offsets: test_restart.py."""

from __future__ import annotations

import pytest

from ftpcore import VirtualPath
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem


@pytest.fixture
def fs() -> MemoryFileSystem:
    files = MemoryFileSystem(now=lambda: 1_700_000_000.5)
    files.write_bytes("/file", b"one\ntwo\n")
    files.write_bytes("/dir/in", b"")
    files.write_bytes("/20200101000000 file", b"x")
    files.make_link("/link", "file")
    return files


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        pytest.param("SIZE file", b"213 8\r\n", id="S-01 a file"),
        pytest.param("SIZE dir/in", b"213 0\r\n", id="S-01 an empty file"),
        pytest.param("SIZE link", b"213 8\r\n", id="S-01 what a link leads to"),
        pytest.param("MDTM file", b"213 20231114221320\r\n", id="S-04 in UTC, without a fraction"),
        pytest.param("SIZE 20200101000000 file", b"213 1\r\n", id="S-06 a name with a blank"),
        pytest.param("MDTM 20200101000000 file", b"213 20231114221320\r\n", id="S-06 no time is set"),
        pytest.param(
            "MFMT 20200102030405 file", b"213 Modify=20200102030405; /file\r\n", id="S-15 the new time is told"
        ),
    ],
)
def test_answers(host: ScriptedHost, command: str, answer: bytes) -> None:
    assert host.feed(f"{command}\r\n".encode()).take() == answer


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param("SIZE missing", 550, id="S-03 missing"),
        pytest.param("SIZE dir", 550, id="S-03 a directory"),
        pytest.param("SIZE", 501, id="S-03 nothing"),
        pytest.param("MDTM missing", 550, id="S-05 missing"),
        pytest.param("MDTM dir", 550, id="S-05 a directory"),
        pytest.param("MFMT 2020010203040 file", 501, id="S-15 too short"),
        pytest.param("MFMT 20200102030405.5 file", 501, id="S-15 with a fraction"),
        pytest.param("MFMT 20201332000000 file", 501, id="S-15 no date"),
        pytest.param("MFMT 20200102030405", 501, id="S-15 no name"),
        pytest.param("MFMT 20200102030405 missing", 550, id="S-15 missing"),
        pytest.param("MFMT 20200102030405 dir", 550, id="S-15 a directory"),
    ],
)
def test_refusals(host: ScriptedHost, fs: MemoryFileSystem, command: str, code: int) -> None:
    assert host.feed(f"{command}\r\n".encode()).codes() == [code]
    assert fs.stat(VirtualPath("/file"), follow=True).modified == 1_700_000_000.5


def test_S_02_size_is_what_retr_sends(host: ScriptedHost) -> None:
    size = int(host.feed(b"SIZE file\r\n").replies()[0].lines[0])
    host.feed(b"PASV\r\n").connect().feed(b"RETR file\r\n")
    assert len(host.downloads[-1]) == size


def test_S_02_there_is_no_size_in_type_a(host: ScriptedHost) -> None:
    assert host.feed(b"TYPE A\r\nSIZE file\r\n").codes() == [200, 550]


def test_S_15_a_time_that_was_set_stays(host: ScriptedHost) -> None:
    host.feed(b"MFMT 20200102030405 file\r\nMDTM file\r\n")
    assert host.replies()[-1].lines == ("20200102030405",)


def test_S_04_times_are_utc_where_listings_show_local_ones(fs: MemoryFileSystem) -> None:
    host = ScriptedHost(SingleUser(fs))
    host.session.use_gmt_times = False
    assert host.login().feed(b"MDTM file\r\n").take() == b"213 20231114221320\r\n"


def test_S_05_a_time_that_no_calendar_has_is_no_answer(host: ScriptedHost, fs: MemoryFileSystem) -> None:
    fs.set_modified(VirtualPath("/file"), 1e17)
    assert host.feed(b"MDTM file\r\n").codes() == [550]
