"""curl: every way to a data connection, each way to walk to a directory, ranges, quotes, resuming both ways."""

from __future__ import annotations

import os
import stat
import subprocess
from urllib.parse import quote

import pytest

from tests.adapters.serving import PASSWORD, USER
from tests.conftest import SCALE
from tests.interop.clients import (
    GIB,
    NOT_UTF8,
    ODD_NAMES,
    TIMEOUT,
    TREE,
    Site,
    codes,
    content,
    digest,
    digests,
    fill,
    needs,
    sparse,
)

pytestmark = needs("curl")

#: Exit statuses that curl documents.
ACCESS_DENIED = 9
COULD_NOT_RETRIEVE = 19
QUOTE_FAILED = 21
UPLOAD_FAILED = 25
LOGIN_DENIED = 67
NOT_FOUND = 78


#: curl 7.88 waits up to a second before it connects if the reply to EPSV was there as soon as it looked.
_SWIFT = ["--ftp-port", "-"]


def curl(
    site: Site,
    *words: str,
    script: str | None = None,
    status: int | None = 0,
    timeout: float = TIMEOUT,
    password: str = PASSWORD,
) -> subprocess.CompletedProcess[bytes]:
    general = ["--disable", "--no-progress-meter", "--verbose", "--user", f"{USER}:{password}"]
    return site.run("curl", *general, *words, script=script, status=status, timeout=timeout)


@pytest.mark.parametrize("method", ["multicwd", "singlecwd", "nocwd"])
@pytest.mark.parametrize(
    ("host", "flags", "verb"),
    [
        pytest.param("127.0.0.1", [], b"EPSV", id="EPSV"),
        pytest.param("127.0.0.1", ["--disable-epsv"], b"PASV", id="PASV"),
        pytest.param("127.0.0.1", ["--ftp-port", "-"], b"EPRT", id="EPRT"),
        pytest.param("127.0.0.1", ["--ftp-port", "-", "--disable-eprt"], b"PORT", id="PORT"),
        pytest.param("::1", [], b"EPSV", id="IPv6 EPSV"),
        pytest.param("::1", ["--ftp-port", "-"], b"EPRT", id="IPv6 EPRT"),
    ],
)
def test_a_file_goes_up_and_down(site: Site, flags: list[str], verb: bytes, method: str) -> None:
    fill(site.local, {"up": content(300_000)})
    url = f"{site.url}/deep/er/there"
    flags = [*flags, "--ftp-method", method]
    (site.remote / "deep/er").mkdir(parents=True)
    curl(site, *flags, "-T", "up", url)
    log = curl(site, *flags, "-o", "down", url).stderr
    assert digest(site.local / "down") == digest(site.remote / "deep/er/there") == digest(site.local / "up")
    assert b"> " + verb in log


def test_a_download_resumes_where_it_ended(site: Site) -> None:
    fill(site.remote, {"file": content(100_000)})
    fill(site.local, {"file": content(100_000)[:61_803]})
    log = curl(site, "-C", "-", "-o", "file", f"{site.url}/file").stderr
    assert digest(site.local / "file") == digest(site.remote / "file")
    assert b"> REST 61803" in log
    assert 350 in codes(log)


def test_an_upload_resumes_where_it_ended(site: Site) -> None:
    fill(site.local, {"file": content(100_000)})
    fill(site.remote, {"file": content(100_000)[:61_803]})
    log = curl(site, "-C", "-", "-T", "file", f"{site.url}/file").stderr
    assert digest(site.local / "file") == digest(site.remote / "file")
    assert b"> APPE file" in log


def test_an_upload_may_append(site: Site) -> None:
    fill(site.local, {"more": b"more"})
    fill(site.remote, {"file": b"some "})
    curl(site, "--append", "-T", "more", f"{site.url}/file")
    assert (site.remote / "file").read_bytes() == b"some more"


def test_an_upload_takes_the_place_of_a_longer_file(site: Site) -> None:
    fill(site.remote, {"file": content(70_000)})
    curl(site, "-T", "-", f"{site.url}/file", script="typed")
    assert (site.remote / "file").read_bytes() == b"typed"


@pytest.mark.parametrize(
    ("wanted", "part"), [("100-199", slice(100, 200)), ("99000-", slice(99_000, None)), ("-7", slice(-7, None))]
)
def test_a_range_comes_down(site: Site, wanted: str, part: slice) -> None:
    data = content(100_000)
    fill(site.remote, {"file": data})
    assert curl(site, "--range", wanted, f"{site.url}/file").stdout == data[part]


def test_ranges_of_two_files_come_down(site: Site) -> None:
    data = content(4_000_000)
    fill(site.remote, {"file": data, "other": data[:500]})
    done = curl(site, "--range", "100-199", f"{site.url}/file", f"{site.url}/other")
    assert done.stdout == data[100:200] * 2


def test_zero_bytes_go_up_and_down(site: Site) -> None:
    fill(site.local, {"empty": b""})
    curl(site, "-T", "empty", f"{site.url}/there")
    assert (site.remote / "there").read_bytes() == b""
    curl(site, "-o", "down", f"{site.url}/there")
    assert (site.local / "down").read_bytes() == b""


def test_line_ends_are_converted_in_ascii(site: Site) -> None:
    fill(site.remote, {"file": b"one\ntwo\n"})
    assert curl(site, f"{site.url}/file;type=a").stdout.replace(b"\r", b"") == b"one\ntwo\n"
    fill(site.local, {"up": b"one\ntwo\n"})
    curl(site, "--use-ascii", "-T", "up", f"{site.url}/there")
    assert (site.remote / "there").read_bytes() == b"one\ntwo\n"


def test_quotes_make_rename_remove_and_change(site: Site) -> None:
    fill(site.remote, {"old": b"x", "gone": b"y", "file": b"z"})
    (site.remote / "empty").mkdir()
    commands = ["MKD made", "RNFR old", "RNTO made/new", "DELE gone", "RMD empty", "SITE CHMOD 600 file"]
    commands.append("MFMT 20010909014640 file")
    words = [word for command in commands for word in ("--quote", command)]
    log = curl(site, *words, f"{site.url}/").stderr
    assert digests(site.remote).keys() == {"made", "made/new", "file"}
    status = (site.remote / "file").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o600, 1_000_000_000)
    assert [code for code in codes(log) if code in (350, 250, 257, 200, 213)] == [
        *(257, 257, 350, 250, 250, 250, 200, 213),  # PWD, then the commands
        *(200,),  # TYPE A
    ]


def test_failures_have_their_own_exit_status(site: Site) -> None:
    fill(site.remote, {"full/file": b"x"})
    fill(site.local, {"up": b"x"})
    assert 530 in codes(curl(site, f"{site.url}/", password="wrong", status=LOGIN_DENIED).stderr)
    assert 550 in codes(curl(site, f"{site.url}/missing", status=NOT_FOUND).stderr)
    assert 550 in codes(curl(site, f"{site.url}/missing/", status=ACCESS_DENIED).stderr)
    assert 550 in codes(curl(site, "-X", "MLSD missing", f"{site.url}/", status=COULD_NOT_RETRIEVE).stderr)
    assert 550 in codes(curl(site, "-Q", "RMD full", f"{site.url}/", status=QUOTE_FAILED).stderr)
    assert 550 in codes(curl(site, "-T", "up", f"{site.url}/full", status=UPLOAD_FAILED).stderr)
    assert digests(site.remote).keys() == {"full", "full/file"}


def test_a_head_tells_size_and_time(site: Site) -> None:
    fill(site.remote, {"file": content(1234)})
    os.utime(site.remote / "file", (0, 1_000_000_000))
    head = curl(site, "--head", f"{site.url}/file").stdout.split(b"\r\n")
    assert b"Content-Length: 1234" in head
    assert b"Last-Modified: Sun, 09 Sep 2001 01:46:40 GMT" in head
    curl(site, "--remote-time", "-o", "down", f"{site.url}/file")
    assert (site.local / "down").stat().st_mtime == 1_000_000_000


def test_listings(site: Site) -> None:
    fill(site.remote, TREE)
    root = f"{site.url}/"
    assert curl(site, "--list-only", root).stdout.split() == [b"empty", b"sub", b"top.txt"]
    assert [line.split()[-1] for line in curl(site, root).stdout.splitlines()] == [b"empty", b"sub", b"top.txt"]
    facts = curl(site, "-X", "MLSD", f"{site.url}/sub/").stdout.decode().splitlines()
    assert sorted(line.partition(" ")[2] for line in facts) == ["deeper", "one.bin", "two words.txt"]
    assert curl(site, "-X", "NLST *.txt", root).stdout.split() == [b"top.txt"]
    assert curl(site, "-X", "NLST sub/*.bin", root).stdout.split() == [b"sub/one.bin"]
    assert curl(site, "-X", "LIST sub/t*", root).stdout.rstrip().endswith(b"two words.txt")
    tree = curl(site, "-X", "LIST -R", root).stdout.decode()
    assert all(name.rpartition("/")[2] in tree for name in TREE)


def test_odd_names_go_both_ways(site: Site) -> None:
    fill(site.local, {"up": b"odd"})
    for name in (*ODD_NAMES, NOT_UTF8):
        url = f"{site.url}/{quote(os.fsencode(name))}"
        curl(site, *_SWIFT, "-T", "up", url)
        assert curl(site, *_SWIFT, url).stdout == b"odd"
        curl(site, *_SWIFT, "--quote", f"DELE {name}", f"{site.url}/")
        assert not any(site.remote.iterdir())


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_directories_are_made_and_entered(site: Site, name: str) -> None:
    fill(site.local, {"up": b"odd"})
    url = f"{site.url}/{quote(name)}/{quote(name)}/file"
    curl(site, "--ftp-create-dirs", "-T", "up", url)
    assert (site.remote / name / name / "file").read_bytes() == b"odd"
    assert curl(site, url).stdout == b"odd"


def test_300_files_come_down_over_one_connection(site: Site) -> None:
    fill(site.remote, [f"many/{number:03}" for number in range(300)])
    (site.local / "many").mkdir()
    curl(site, *_SWIFT, "-o", "many/#1", f"{site.url}/many/[000-299]")
    assert digests(site.local / "many") == digests(site.remote / "many")
    assert len(site.serving.sessions) == 1


def test_a_file_of_5_gib(site: Site) -> None:
    tail = content(50_000)
    sparse(site.remote / "big", 5 * GIB, tail)
    url = f"{site.url}/big"
    assert b"Content-Length: %d" % (5 * GIB) in curl(site, "--head", url).stdout
    assert curl(site, "-C", str(5 * GIB - len(tail)), url).stdout == tail
    assert curl(site, "--range", "-100", url).stdout == tail[-100:]
    cut = curl(site, "--range", "100-199", url)
    assert cut.stdout == bytes(100)
    assert 426 in codes(cut.stderr)  # to the RETR that its ABOR ended
    if SCALE >= 1:
        whole = curl(site, "-o", "/dev/null", "-w", "%{size_download}", url, timeout=10 * TIMEOUT)
        assert whole.stdout == b"%d" % (5 * GIB)


def test_an_upload_of_5_gib_is_resumed_near_its_end(site: Site) -> None:
    tail = content(50_000)
    sparse(site.local / "big", 5 * GIB, tail)
    sparse(site.remote / "big", 5 * GIB - len(tail), b"")
    curl(site, "-C", "-", "-T", "big", f"{site.url}/big")
    assert (site.remote / "big").stat().st_size == 5 * GIB
    with (site.remote / "big").open("rb") as file:
        file.seek(-len(tail), os.SEEK_END)
        assert file.read() == tail
