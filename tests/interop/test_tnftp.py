"""tnftp, the client of the BSDs: `mget` and `mput` by NLST, `reget`, `append`, EPSV and EPRT, PASV and PORT."""

from __future__ import annotations

import os
import re
import stat
import subprocess

import pytest

from tests.adapters.serving import PASSWORD, USER
from tests.interop.clients import (
    GIB,
    NOT_UTF8,
    ODD_NAMES,
    TREE,
    Site,
    content,
    digest,
    digests,
    fill,
    needs,
    sparse,
)

pytestmark = needs("tnftp")

LOGIN_FAILED = 1


def tnftp(
    site: Site, *lines: str, flags: tuple[str, ...] = (), password: str = PASSWORD
) -> subprocess.CompletedProcess[bytes]:
    """Type lines, after a login for binary transfers.  It tells of failures by replies alone: its status is 0."""
    script = "\n".join([f"user {USER} {password}", "binary", *lines, "bye", ""])
    host = site.serving.address[0]
    # No prompts, no progress; debug and verbose show commands and replies.
    return site.run("tnftp", "-n", "-i", "-d", "-v", *flags, host, str(site.port), script=script)


def quoted(name: str) -> str:
    """Return `name` as a word of its own language."""
    return re.sub(r'([\s"\\])', r"\\\1", name)


def replies(done: subprocess.CompletedProcess[bytes]) -> list[int]:
    lines = (done.stdout + done.stderr).splitlines()
    return [int(line[:3]) for line in lines if line[:3].isdigit() and line[3:4] == b" "]


@pytest.mark.parametrize(
    ("host", "lines", "flags", "verb"),
    [
        pytest.param("127.0.0.1", [], (), b"EPSV", id="EPSV"),
        pytest.param("127.0.0.1", ["epsv4"], (), b"PASV", id="PASV"),
        pytest.param("127.0.0.1", [], ("-A",), b"EPRT", id="EPRT"),
        pytest.param("127.0.0.1", ["epsv4"], ("-A",), b"PORT", id="PORT"),
        pytest.param("::1", [], (), b"EPSV", id="IPv6 EPSV"),
        pytest.param("::1", [], ("-A",), b"EPRT", id="IPv6 EPRT"),
    ],
)
def test_a_file_goes_up_and_down(site: Site, lines: list[str], flags: tuple[str, ...], verb: bytes) -> None:
    fill(site.local, {"up": content(300_000)})
    done = tnftp(site, *lines, "put up there", "get there down", flags=flags)
    assert digest(site.local / "down") == digest(site.remote / "there") == digest(site.local / "up")
    assert b"---> " + verb in done.stdout + done.stderr


def test_transfers_resume_where_they_ended(site: Site) -> None:
    data = content(100_000)
    fill(site.remote, {"down": data})
    fill(site.local, {"down": data[:61_803], "rest": data[61_803:]})
    fill(site.remote, {"up": data[:61_803]})
    done = tnftp(site, "reget down", "append rest up")
    assert digest(site.local / "down") == digest(site.remote / "down") == digest(site.remote / "up")
    assert 350 in replies(done)


def test_an_upload_restarts_where_it_is_told(site: Site) -> None:
    data = content(100_000)
    fill(site.local, {"file": data})
    fill(site.remote, {"file": data[:61_803]})
    tnftp(site, "restart 61803", "put file")
    assert digest(site.remote / "file") == digest(site.local / "file")


def test_files_and_directories_are_made_renamed_changed_and_removed(site: Site) -> None:
    fill(site.remote, ["old", "gone", "file"])
    (site.remote / "empty").mkdir()
    done = tnftp(site, "mkdir made", "rename old made/new", "delete gone", "rmdir empty", "chmod 600 file", "pwd")
    assert digests(site.remote).keys() == {"made", "made/new", "file"}
    assert stat.S_IMODE((site.remote / "file").stat().st_mode) == 0o600
    assert [code for code in replies(done) if code in (257, 350, 250)] == [257, 350, 250, 250, 250, 257]


def test_sizes_and_times_are_told_and_kept(site: Site) -> None:
    fill(site.remote, {"file": content(1234)})
    os.utime(site.remote / "file", (0, 1_000_000_000))
    done = tnftp(site, "size file", "modtime file", "get file", "newer file")
    assert b"1234" in done.stdout
    assert (site.local / "file").stat().st_mtime == 1_000_000_000
    assert (done.stdout + done.stderr).count(b"---> RETR") == 1  # what came is not older


def test_listings(site: Site) -> None:
    fill(site.remote, TREE)
    listed = tnftp(site, "ls").stdout.splitlines()
    assert {b"empty", b"sub", b"top.txt"} <= {line.split()[-1] for line in listed if line}
    assert b"\ntop.txt" in tnftp(site, "nlist *.txt").stdout
    assert b"one.bin" in tnftp(site, "ls -R").stdout
    assert b"two words.txt" in tnftp(site, "mlsd sub").stdout
    assert b"size=4;" in tnftp(site, "mlst top.txt").stdout


def test_wildcards_choose_files(site: Site) -> None:
    fill(site.remote, ["a.txt", "b.txt", "c.bin", "d.old"])
    fill(site.local, ["u1.up", "u2.up", "u3.no"])
    tnftp(site, "mget *.txt", "mput *.up", "mdelete *.old")
    assert digests(site.local).keys() == {"a.txt", "b.txt", "u1.up", "u2.up", "u3.no"}
    assert digests(site.remote).keys() == {"a.txt", "b.txt", "c.bin", "u1.up", "u2.up"}


def test_ascii_converts_line_ends_both_ways(site: Site) -> None:
    fill(site.local, {"up": b"one\ntwo\n"})
    tnftp(site, "ascii", "put up there", "get there down")
    assert (site.remote / "there").read_bytes() == (site.local / "down").read_bytes() == b"one\ntwo\n"


def test_zero_bytes_go_up_and_down(site: Site) -> None:
    fill(site.local, {"empty": b""})
    tnftp(site, "put empty there", "get there down")
    assert (site.remote / "there").read_bytes() == (site.local / "down").read_bytes() == b""


def test_odd_names_go_both_ways(site: Site) -> None:
    names = [*ODD_NAMES, NOT_UTF8]
    fill(site.local, ["up"])
    lines = [
        line for name in names for line in (f"put up {quoted(name)}", f"get {quoted(name)} down{names.index(name)}")
    ]
    tnftp(site, *lines)
    assert digests(site.remote).keys() == set(names)
    assert {(site.local / f"down{index}").read_bytes() for index in range(len(names))} == {b"up"}


def test_300_files_come_down_by_mget(site: Site) -> None:
    fill(site.remote, [f"{number:03}" for number in range(300)])
    tnftp(site, "mget *")
    assert digests(site.local) == digests(site.remote)


def test_failures_are_told_and_the_session_goes_on(site: Site) -> None:
    fill(site.remote, {"full/file": b"x", "file": b"x"})
    commands = ["get missing", "cd missing", "delete missing", "rmdir full", "mlsd missing", "get file"]
    done = tnftp(site, *commands)
    assert replies(done).count(550) == 6  # SIZE comes before RETR
    assert (site.local / "file").read_bytes() == b"x"
    assert not (site.local / "missing").exists()


def test_a_failed_login_is_told(site: Site) -> None:
    assert 530 in replies(tnftp(site, password="wrong"))
    site.run("tnftp", f"ftp://{USER}:wrong@{site.host}:{site.port}/file", status=LOGIN_FAILED)


def test_urls_are_fetched_and_stored(site: Site) -> None:
    fill(site.local, {"up": content(1000)})
    site.run("tnftp", "-V", "-u", f"{site.full_url}/there", "up")
    site.run("tnftp", "-V", "-o", "down", f"{site.full_url}/there")
    assert digest(site.local / "down") == digest(site.remote / "there") == digest(site.local / "up")


def test_a_file_of_5_gib_is_resumed_near_its_end(site: Site) -> None:
    tail = content(50_000)
    sparse(site.remote / "big", 5 * GIB, tail)
    sparse(site.local / "big", 5 * GIB - len(tail), b"")
    tnftp(site, "reget big")
    assert (site.local / "big").stat().st_size == 5 * GIB
    with (site.local / "big").open("rb") as file:
        file.seek(-len(tail), os.SEEK_END)
        assert file.read() == tail
