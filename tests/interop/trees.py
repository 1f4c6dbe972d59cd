"""Whole trees, moved by `ftplib`."""

from __future__ import annotations

import ftplib
from pathlib import Path

from tests.adapters.serving import PASSWORD, USER

__all__ = ["download", "logged_in", "upload"]


def logged_in(address: tuple[str, int]) -> ftplib.FTP:
    """Return a client, which a context closes."""
    client = ftplib.FTP(timeout=30, encoding="utf-8")
    client.connect(*address)
    client.login(USER, PASSWORD)
    return client


def download(client: ftplib.FTP, source: str, target: Path) -> None:
    """Fetch a directory and all below it."""
    target.mkdir()
    for name, facts in list(client.mlsd(source)):
        if facts["type"] == "dir":
            download(client, f"{source}/{name}", target / name)
        elif facts["type"] == "file":
            with open(target / name, "wb") as file:
                client.retrbinary(f"RETR {source}/{name}", file.write)
            assert (target / name).stat().st_size == int(facts["size"])


def upload(client: ftplib.FTP, source: Path, target: str) -> None:
    """Store a directory and all below it."""
    client.mkd(target)
    for path in sorted(source.iterdir()):
        if path.is_dir():
            upload(client, path, f"{target}/{path.name}")
        else:
            with open(path, "rb") as file:
                client.storbinary(f"STOR {target}/{path.name}", file)
