"""Clients that are killed in the middle of a transfer, and go on with it when they are run again."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.adapters.serving import PASSWORD, USER, wait_for
from tests.interop.clients import Site, content, digest, fill, needs

CURL = ["curl", "--disable", "--no-progress-meter", "--user", f"{USER}:{PASSWORD}", "-C", "-"]
WGET = ["wget", "--no-config", "--quiet", f"--ftp-user={USER}", f"--ftp-password={PASSWORD}", "--continue"]

#: Far more than kernels hold between two ends of a connection, so that a kill finds the server in the middle.
SIZE = 20_000_000


def lftp(command: str, rate: str) -> list[str]:
    return ["lftp", "-c", f"set net:limit-rate {rate}; open -u {USER},{PASSWORD} {{url}}; {command}"]


def kill_on_the_way(site: Site, command: list[str], file: Path) -> int:
    """Run a slow client, kill it when some of `file` is there, and return how much is once the server is done."""
    words = [word.format(url=site.url) for word in command]
    with subprocess.Popen(words, cwd=site.local, env=site.environment, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: file.exists() and file.stat().st_size > 50_000, "a part of the file")
        finally:
            process.kill()
    wait_for(lambda: not site.serving.server.ip_map, "the end of the session")
    return file.stat().st_size


def move_over_a_kill(site: Site, slow: list[str], again: list[str], source: Path, target: Path) -> None:
    """Move a file by a client that is killed in the middle and one that goes on."""
    fill(source, {"file": content(SIZE)})
    assert kill_on_the_way(site, slow, target / "file") < SIZE
    site.run(*(word.format(url=site.url) for word in again))
    assert digest(target / "file") == digest(source / "file")


@pytest.mark.parametrize(
    ("slow", "again"),
    [
        pytest.param(
            [*CURL, "--limit-rate", "300k", "-o", "file", "{url}/file"],
            [*CURL, "-o", "file", "{url}/file"],
            marks=needs("curl"),
            id="curl",
        ),
        pytest.param(
            [*WGET, "--limit-rate=300k", "{url}/file"],
            [*WGET, "{url}/file"],
            marks=needs("wget"),
            id="wget",
        ),
        pytest.param(
            lftp("get -c file", "300k"),
            lftp("get -c file", "0"),
            marks=needs("lftp"),
            id="lftp",
        ),
    ],
)
def test_a_download_goes_on_after_a_kill(site: Site, slow: list[str], again: list[str]) -> None:
    move_over_a_kill(site, slow, again, site.remote, site.local)


@pytest.mark.parametrize(
    ("slow", "again"),
    [
        pytest.param(
            [*CURL, "--limit-rate", "300k", "-T", "file", "{url}/file"],
            [*CURL, "-T", "file", "{url}/file"],
            marks=needs("curl"),
            id="curl",
        ),
        pytest.param(
            lftp("put -c file", "300k"),
            lftp("put -c file", "0"),
            marks=needs("lftp"),
            id="lftp",
        ),
    ],
)
def test_an_upload_goes_on_after_a_kill(site: Site, slow: list[str], again: list[str]) -> None:
    move_over_a_kill(site, slow, again, site.local, site.remote)
