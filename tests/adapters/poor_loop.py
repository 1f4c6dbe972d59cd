"""A server on an asyncio loop without readers and writers, as that of Windows is, and one client.

python -m tests.adapters.poor_loop DIRECTORY

In a process of its own: anyio keeps a thread that waits in the place of such loops, which a fork would spoil.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import anyio

from ftpcore_adapters.anyio import serve
from tests.adapters.serving import Client, LogLines, make_handler

CONTENT = os.urandom(3_000_000)


class Poor(asyncio.SelectorEventLoop):
    add_reader = asyncio.AbstractEventLoop.add_reader
    add_writer = asyncio.AbstractEventLoop.add_writer
    remove_reader = asyncio.AbstractEventLoop.remove_reader
    remove_writer = asyncio.AbstractEventLoop.remove_writer


def play(address: tuple[str, int]) -> None:
    with Client(address) as client:
        client.login()
        assert client.store("STOR f", CONTENT) == 226
        assert client.retrieve("RETR f") == CONTENT


async def main(directory: Path) -> None:
    async with serve(make_handler(directory), ("127.0.0.1", 0)) as server:
        await anyio.to_thread.run_sync(play, server.address)


if __name__ == "__main__":
    with LogLines() as log:
        anyio.run(main, Path(sys.argv[1]), backend_options={"loop_factory": Poor})
    assert log.errors == []
    sys.stdout.write("served\n")
