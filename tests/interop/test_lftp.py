"""lftp: pipelined commands, MLSD, `mirror` both ways with times, `chmod`, REST in both directions."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path

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

pytestmark = needs("lftp")

#: One try, so that what fails fails at once.
_SETTINGS = "set net:max-retries 1; set net:timeout 20; set cmd:fail-exit yes; set xfer:log no"


def lftp(
    site: Site, *commands: str, status: int | None = 0, password: str = PASSWORD
) -> subprocess.CompletedProcess[bytes]:
    script = "; ".join([_SETTINGS, f"open -d -u {USER},{password} {site.url}", *commands])
    return site.run("lftp", "-d", "-c", script, status=status)


def quoted(name: str) -> str:
    """Return `name` as a word of lftp's own language."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.mark.parametrize(
    ("host", "passive"),
    [
        pytest.param("127.0.0.1", "yes", id="PASV"),
        pytest.param("127.0.0.1", "no", id="PORT"),
        pytest.param("::1", "yes", id="EPSV"),
    ],
)
def test_a_file_goes_up_and_down(site: Site, passive: str) -> None:
    fill(site.local, {"up": content(300_000)})
    log = lftp(site, f"set ftp:passive-mode {passive}", "put up -o there", "get there -o down").stderr
    assert digest(site.local / "down") == digest(site.remote / "there") == digest(site.local / "up")
    assert (b"PORT" in log) == (passive == "no")


@pytest.mark.parametrize("host", ["::1"])
def test_the_refusal_of_an_unspecified_address_makes_it_passive(site: Site) -> None:
    # With IPv6, lftp sends the address that its socket is bound to: "EPRT |2|::|port|".
    fill(site.local, {"up": b"x"})
    log = lftp(
        site, "set ftp:passive-mode no", "set net:max-retries 3; set net:reconnect-interval-base 0", "put up"
    ).stderr
    assert {501, 229} <= set(codes(log))
    assert (site.remote / "up").read_bytes() == b"x"


@pytest.mark.parametrize("sync", ["on", "off"])
def test_pipelined_commands_are_answered_in_order(site: Site, sync: str) -> None:
    fill(site.local, TREE)
    script = [f"set ftp:sync-mode {sync}", "mirror -R . up", "mirror up down", "cls -lR up", "rm -r up"]
    lftp(site, *script)
    down = site.local / "down"
    assert not any(site.remote.iterdir())
    assert {name: digest(down / name) for name in TREE} == {name: digest(site.local / name) for name in TREE}


def test_a_download_resumes_where_it_ended(site: Site) -> None:
    fill(site.remote, {"file": content(100_000)})
    fill(site.local, {"file": content(100_000)[:61_803]})
    log = lftp(site, "get -c file").stderr
    assert digest(site.local / "file") == digest(site.remote / "file")
    assert b"REST 61803" in log
    assert 350 in codes(log)


def test_an_upload_resumes_where_it_ended(site: Site) -> None:
    fill(site.local, {"file": content(100_000)})
    fill(site.remote, {"file": content(100_000)[:61_803]})
    log = lftp(site, "put -c file").stderr
    assert digest(site.local / "file") == digest(site.remote / "file")
    assert b"REST 61803" in log


def test_an_upload_takes_the_place_of_a_longer_file(site: Site) -> None:
    fill(site.local, {"new": b"new"})
    fill(site.remote, {"file": content(70_000)})
    lftp(site, "put new -o file")
    assert (site.remote / "file").read_bytes() == b"new"


def test_segments_of_a_file_come_over_several_connections(site: Site) -> None:
    fill(site.remote, {"file": content(1_000_000)})
    lftp(site, "set pget:min-chunk-size 10k", "pget -n 4 file -o down")
    assert digest(site.local / "down") == digest(site.remote / "file")
    assert len(site.serving.sessions) > 1


def test_files_and_directories_are_made_renamed_and_removed(site: Site) -> None:
    fill(site.remote, {"old": b"x", "gone": b"y", "full/file": b"z"})
    lftp(site, "mkdir -p a/b/c", "rmdir a/b/c", "mv old a/new", "rm gone", "rm -r full")
    assert digests(site.remote).keys() == {"a", "a/b", "a/new"}


def test_what_cannot_be_removed_fails(site: Site) -> None:
    fill(site.remote, {"full/file": b"z"})
    assert 550 in codes(lftp(site, "rmdir full", status=1).stderr)
    assert 550 in codes(lftp(site, "rm missing", status=1).stderr)
    assert 550 in codes(lftp(site, "cd missing", status=1).stderr)
    assert 550 in codes(lftp(site, "get missing", status=1).stderr)


def test_a_failed_login_is_told(site: Site) -> None:
    assert 530 in codes(lftp(site, "ls", status=1, password="wrong").stderr)


@pytest.mark.parametrize("mlsd", ["on", "off"])
def test_odd_names_go_both_ways(site: Site, mlsd: str) -> None:
    up = site.local / "up"
    fill(up, ODD_NAMES)
    lftp(site, f"set ftp:use-mlsd {mlsd}", "mirror -R up there", "mirror there down")
    assert digests(site.remote / "there") == digests(site.local / "down") == digests(up)


def test_a_name_that_is_not_utf_8_goes_both_ways(site: Site) -> None:
    up = site.local / "up"
    fill(up, [NOT_UTF8])
    raw = ["set ftp:use-utf8 no", "set file:charset iso-8859-1", "set ftp:charset iso-8859-1"]
    lftp(site, *raw, "mirror -R up there", "mirror there down", "glob rm there/*")
    assert digests(site.local / "down") == digests(up)
    assert not any((site.remote / "there").iterdir())


def test_mirror_keeps_times_and_modes_both_ways(site: Site) -> None:
    up = site.local / "up"
    fill(up, TREE)
    for number, name in enumerate(TREE):
        os.utime(up / name, (0, 1_000_000_000 + number * 86400 * 365))
        (up / name).chmod(0o640)
    log = lftp(site, "mirror -R up there", "mirror there down").stderr
    for root in (site.remote / "there", site.local / "down"):
        assert digests(root) == digests(up)
        for name in TREE:
            copied, original = (root / name).stat(), (up / name).stat()
            assert copied.st_mtime == original.st_mtime
            assert stat.S_IMODE(copied.st_mode) == 0o640
    assert b"MFMT" in log
    assert b"SITE CHMOD" in log


def test_a_second_mirror_moves_what_changed_alone_and_deletes_what_is_gone(site: Site) -> None:
    up = site.local / "up"
    fill(up, TREE)
    lftp(site, "mirror -R up there")
    (up / "empty").unlink()
    fill(up, {"top.txt": b"changed and longer", "sub/new": b"new"})
    log = lftp(site, "mirror -R --delete up there").stderr
    assert digests(site.remote / "there") == digests(up)
    assert log.count(b"> STOR ") == 2


def test_chmod_sets_the_mode(site: Site) -> None:
    fill(site.remote, {"file": b"x"})
    log = lftp(site, "chmod 600 file").stderr
    assert stat.S_IMODE((site.remote / "file").stat().st_mode) == 0o600
    assert 200 in codes(log)


@pytest.mark.parametrize("mlsd", ["on", "off"])
def test_wildcards_choose_files(site: Site, mlsd: str) -> None:
    fill(site.remote, ["a.txt", "b.txt", "c.bin", "d/e.txt"])
    fill(site.local, ["u1.up", "u2.up", "u3.no"])
    lftp(site, f"set ftp:use-mlsd {mlsd}", "mget *.txt", "mput *.up", "glob -a rm *.bin", "mget -d d/*")
    names = {path.name for path in site.local.iterdir()}
    assert names == {"a.txt", "b.txt", "u1.up", "u2.up", "u3.no", "d"}
    assert {path.name for path in site.remote.iterdir()} == {"a.txt", "b.txt", "d", "u1.up", "u2.up"}
    assert (site.local / "d/e.txt").read_text() == "d/e.txt"


def test_the_server_expands_patterns_and_lists_trees(site: Site) -> None:
    fill(site.remote, ["a.txt", "b.txt", "c.bin", "d/e.txt"])
    assert lftp(site, "nlist *.txt").stdout.split() == [b"a.txt", b"b.txt"]
    listed = lftp(site, "ls *.bin").stdout.splitlines()
    assert [line.split()[-1] for line in listed] == [b"c.bin"]
    tree = lftp(site, "ls -R").stdout
    assert [name for name in (b"a.txt", b"b.txt", b"c.bin", b"d", b"e.txt") if name not in tree.split()] == []
    assert lftp(site, "ls nothing*", status=1).stdout == b""


def test_300_files_are_listed_and_fetched(site: Site) -> None:
    fill(site.remote, [f"many/{number:03}" for number in range(300)])
    lftp(site, "mirror -P 3 many")
    assert digests(site.local / "many") == digests(site.remote / "many")


def test_a_file_of_5_gib_is_resumed_near_its_end(site: Site) -> None:
    tail = content(50_000)
    sparse(site.remote / "big", 5 * GIB, tail)
    sparse(site.local / "big", 5 * GIB - len(tail), b"")
    log = lftp(site, "get -c big").stderr
    assert (site.local / "big").stat().st_size == 5 * GIB
    assert _tail(site.local / "big", len(tail)) == tail
    assert b"REST %d" % (5 * GIB - len(tail)) in log


def test_an_upload_of_5_gib_is_resumed_near_its_end(site: Site) -> None:
    tail = content(50_000)
    sparse(site.local / "big", 5 * GIB, tail)
    sparse(site.remote / "big", 5 * GIB - len(tail), b"")
    lftp(site, "put -c big")
    assert (site.remote / "big").stat().st_size == 5 * GIB
    assert _tail(site.remote / "big", len(tail)) == tail


def _tail(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(-size, os.SEEK_END)
        return file.read()


def test_a_download_is_aborted_and_others_follow(site: Site) -> None:
    # lftp sends ABOR behind an urgent Telnet IP and Synch.  A 426 that named ABOR in its text it would take for the
    # reply to the ABOR itself ("426 reply missed"), lose count, and connect anew.
    sparse(site.remote / "big", 5 * GIB, b"")
    fill(site.remote, {"small": b"small"})
    patient = "set cmd:fail-exit no; set net:max-retries 3; set net:reconnect-interval-base 0"
    done = lftp(site, patient, "cat big | head -c 10", "cat small", status=None)
    assert done.stdout == bytes(10) + b"small"
    assert b"> ABOR" in done.stderr
    assert {426, 226} <= set(codes(done.stderr))
    assert codes(done.stderr).count(220) == 1


def test_a_file_goes_from_server_to_server(site: Site) -> None:
    fill(site.remote, {"from": content(300_000)})
    log = lftp(
        site, "set ftp:use-fxp yes; set ftp:fxp-force yes", f"get1 {site.full_url}/from -o {site.full_url}/to"
    ).stderr
    assert digest(site.remote / "to") == digest(site.remote / "from")
    assert {b"> PASV", b"> PORT"} <= set(re.findall(rb"> (?:PASV|PORT)", log))
