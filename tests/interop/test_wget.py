"""wget: it logs in, `SIZE`, `REST`, listings read by itself, recursion by LIST, globs."""

from __future__ import annotations

import os
import subprocess
from urllib.parse import quote

import pytest

from tests.adapters.serving import PASSWORD, USER
from tests.interop.clients import (
    GIB,
    NOT_UTF8,
    ODD_NAMES,
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

pytestmark = needs("wget")

#: Exit statuses that wget documents.
AUTHENTICATION_FAILED = 6
SERVER_ERROR = 8


def wget(
    site: Site, *words: str, status: int | None = 0, password: str = PASSWORD
) -> subprocess.CompletedProcess[bytes]:
    once = ["--tries=1", "--timeout=20", "--no-config", "--no-proxy", "--server-response"]
    return site.run("wget", *once, f"--ftp-user={USER}", f"--ftp-password={password}", *words, status=status)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("flags", [[], ["--no-passive-ftp"]], ids=["passive", "active"])
def test_a_file_comes_down(site: Site, flags: list[str]) -> None:
    fill(site.remote, {"d/file": content(300_000)})
    log = wget(site, *flags, f"{site.url}/d/file").stderr
    assert digest(site.local / "file") == digest(site.remote / "d/file")
    assert codes(log)[-1] == 226
    assert (b"--> PORT" in log or b"--> EPRT" in log) == bool(flags)


def test_a_download_resumes_where_it_ended(site: Site) -> None:
    fill(site.remote, {"file": content(100_000)})
    fill(site.local, {"file": content(100_000)[:61_803]})
    log = wget(site, "--continue", f"{site.url}/file").stderr
    assert digest(site.local / "file") == digest(site.remote / "file")
    assert 350 in codes(log)
    log = wget(site, "--continue", f"{site.url}/file").stderr
    assert b"--> RETR" not in log  # nothing is missing
    assert digest(site.local / "file") == digest(site.remote / "file")


def test_an_ascii_download_has_line_ends_of_the_net(site: Site) -> None:
    fill(site.remote, {"file": b"one\ntwo\n"})
    wget(site, f"{site.url}/file;type=a", "-O", "down")
    assert (site.local / "down").read_bytes() in (b"one\r\ntwo\r\n", b"one\ntwo\n")


def test_a_tree_comes_down_with_its_times(site: Site) -> None:
    fill(site.remote, TREE)
    for name in TREE:
        os.utime(site.remote / name, (0, 1_700_000_040))
    wget(site, "--recursive", "--level=0", "--no-host-directories", f"{site.url}/")
    (site.local / ".listing").unlink(missing_ok=True)
    assert digests(site.local) == digests(site.remote)


def test_a_mirror_keeps_times_and_fetches_what_changed(site: Site) -> None:
    fill(site.remote, TREE)
    for number, name in enumerate(TREE):
        # LIST shows minutes, of what is younger than six months only; wget asks MDTM for the rest.
        os.utime(site.remote / name, (0, 1_700_000_040 + number * 86400))
    words = ["--mirror", "--no-host-directories", "--no-remove-listing", f"{site.url}/"]
    wget(site, *words)
    fill(site.remote, {"top.txt": b"changed and longer"})
    log = wget(site, *words).stderr
    assert (site.local / "top.txt").read_bytes() == b"changed and longer"
    assert log.count(b"--> RETR ") == 1


def test_a_glob_chooses_files(site: Site) -> None:
    fill(site.remote, ["a.txt", "b.txt", "c.bin"])
    wget(site, f"{site.url}/*.txt")
    assert {path.name for path in site.local.iterdir()} == {"a.txt", "b.txt"}


def test_odd_names_come_down(site: Site) -> None:
    for name in ODD_NAMES:
        fill(site.remote, [name])
        wget(site, "--no-glob", "-O", "down", f"{site.url}/{quote(name)}")
        assert (site.local / "down").read_bytes() == os.fsencode(name)


def test_a_name_that_is_not_utf_8_comes_down(site: Site) -> None:
    fill(site.remote, [NOT_UTF8])
    wget(site, "--no-iri", "-O", "down", f"{site.url}/{quote(os.fsencode(NOT_UTF8))}")
    assert (site.local / "down").read_bytes() == os.fsencode(NOT_UTF8)


def test_what_is_missing_is_told(site: Site) -> None:
    assert 550 in codes(wget(site, f"{site.url}/missing", status=SERVER_ERROR).stderr)
    assert 550 in codes(wget(site, f"{site.url}/missing/file", status=SERVER_ERROR).stderr)


def test_a_failed_login_is_told(site: Site) -> None:
    log = wget(site, f"{site.url}/file", status=AUTHENTICATION_FAILED, password="wrong").stderr
    assert 530 in codes(log)


def test_an_empty_file_comes_down(site: Site) -> None:
    fill(site.remote, {"empty": b""})
    wget(site, f"{site.url}/empty")
    assert (site.local / "empty").read_bytes() == b""


def test_300_files_come_down(site: Site) -> None:
    fill(site.remote, [f"many/{number:03}" for number in range(300)])
    wget(site, "--recursive", "--no-host-directories", f"{site.url}/many/")
    assert digests(site.local / "many") == digests(site.remote / "many")


def test_a_file_of_5_gib_is_resumed_near_its_end(site: Site) -> None:
    tail = content(50_000)
    sparse(site.remote / "big", 5 * GIB, tail)
    sparse(site.local / "big", 5 * GIB - len(tail), b"")
    log = wget(site, "--continue", f"{site.url}/big").stderr
    assert (site.local / "big").stat().st_size == 5 * GIB
    with (site.local / "big").open("rb") as file:
        file.seek(-len(tail), os.SEEK_END)
        assert file.read() == tail
    assert b"--> REST %d" % (5 * GIB - len(tail)) in log


def test_odd_names_come_down_with_their_directory(site: Site) -> None:
    # It skips blanks before a name that it reads in a listing, and writes "%41" as "A".
    fill(site.remote / "odd", [name for name in ODD_NAMES if name not in (" leading blank", "%41")])
    words = ["--recursive", "--no-host-directories", "--restrict-file-names=nocontrol", "--no-parent"]
    wget(site, *words, f"{site.url}/odd/")
    assert digests(site.local / "odd") == digests(site.remote / "odd")
