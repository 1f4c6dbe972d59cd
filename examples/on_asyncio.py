"""The handler on asyncio; what may block runs in worker threads: python -m examples.on_asyncio [PORT]."""

import asyncio
import sys
from contextlib import suppress

from examples.handler import Handler
from ftpcore_adapters.anyio import serve

PORT = 2121


async def main(port: int = PORT) -> None:
    async with serve(Handler, ("127.0.0.1", port)) as server:
        print(f"ftp://ann:secret@127.0.0.1:{server.address[1]}/ until ^C", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(*map(int, sys.argv[1:])))
