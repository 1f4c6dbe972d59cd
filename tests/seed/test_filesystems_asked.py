"""Questions that a filesystem of user code answers by itself, and which replies rest on them."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ftpcore_adapters.filesystems import AbstractedFS
from tests.seed.noted import Noting, Site, sites

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")

site = sites("IOLoop", "threads", "asyncio")


class HidingFS(AbstractedFS):
    """Denies some names, and knows of one that is on no disk."""

    cmd_channel: Noting

    def lexists(self, path: str) -> bool:
        name = os.path.basename(path)
        self.cmd_channel.note("lexists", name)
        return name == "unseen" or (not name.startswith("hidden") and super().lexists(path))

    def rename(self, src: str, dst: str) -> None:
        self.cmd_channel.note("rename", os.path.basename(src), os.path.basename(dst))


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        pytest.param("file", [350, 250], id="what is there"),
        pytest.param("dangling", [350, 250], id="a link to nothing"),
        pytest.param("unseen", [350, 250], id="what it knows of"),
        pytest.param("hidden", [550, 503], id="what it denies"),
        pytest.param("missing", [550, 503], id="what is not there"),
    ],
)
def test_lexists_says_what_can_be_renamed(site: Site, name: str, codes: list[int]) -> None:
    for each in ("file", "hidden"):
        (site.home / each).touch()
    (site.home / "dangling").symlink_to("nowhere")
    client = site.serve(abstracted_fs=HidingFS).login()
    client.send(f"RNFR {name}", "RNTO other")
    assert client.codes(2) == codes
    site.noted(f"lexists {name}", *[f"rename {name} other"] * (codes[0] == 350))


def test_lexists_is_not_asked_for_the_entries_of_a_directory(site: Site) -> None:
    (site.home / "hidden").touch()
    client = site.serve(abstracted_fs=HidingFS).login()
    assert [line.split()[-1] for line in client.retrieve("LIST").decode().splitlines()] == ["hidden"]
    assert client.command("DELE hidden") == 250
    site.noted()


class CountingFS(AbstractedFS):
    """Makes up sizes and times."""

    def getsize(self, path: str) -> int:
        return 123456

    def getmtime(self, path: str) -> Any:
        return 1_600_000_000  # 2020-09-13 12:26:40 UTC


def test_getsize_and_getmtime_count_in_listings_too(site: Site) -> None:
    (site.home / "file").write_bytes(b"x")
    client = site.serve(abstracted_fs=CountingFS).login()
    client.send("SIZE file", "MDTM file")
    assert [client.reply(), client.reply()] == ["213 123456", "213 20200913122640"]
    facts = client.retrieve("MLSD").decode()
    assert "size=123456;" in facts
    assert "modify=20200913122640;" in facts
    assert "123456 Sep 13  2020 file" in client.retrieve("LIST").decode()
