"""Serve FTP at 127.0.0.1:2121, or at the port that is named: python -m examples.async_filesystem [PORT]."""

from __future__ import annotations

import sys
from contextlib import suppress

import anyio

from examples.async_filesystem.ftp import served


async def main(port: int) -> None:
    async with served(("127.0.0.1", port)) as server:
        print(f"ftp://anybody@127.0.0.1:{port}/ until ^C; what is stored is gone then", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        anyio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else 2121)
