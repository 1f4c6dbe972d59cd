"""A program that reads a file by `FsspecFileSystem`, forks, and reads it again on both sides."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

__all__ = ["needs_fork", "read_in_forks"]

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

_SOURCE: Final = Path(__file__).resolve().parents[2]

_PROGRAM: Final = """
import json, os, sys
from ftpcore import VirtualPath
from ftpcore.ports import OpenMode
from ftpcore_adapters.fsspec import FsspecFileSystem

files = FsspecFileSystem.from_url(sys.argv[1], **json.loads(sys.argv[2]))
inherited = files._fs

def read():
    file = files.open_file(VirtualPath("/x"), OpenMode.READ)
    print(file.read_at(0, 100).decode(), files._fs is inherited, flush=True)
    file.close(complete=True)

read()
child = os.fork()
if not child:
    read()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
read()
"""


def read_in_forks(url: str, **options: object) -> list[str]:
    """Read /x below `url` in a program, in what it forks, and in the program once more.

    Returns:
        What each read, and whether its backend was the one that there was before the fork: "content True".
    """
    command = [sys.executable, "-c", _PROGRAM, url, json.dumps(options)]
    done = subprocess.run(command, cwd=_SOURCE, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.splitlines()
