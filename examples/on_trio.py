"""The handler on trio; what may block runs in worker threads: python examples/on_trio.py [PORT]."""

import sys
from contextlib import suppress

import trio

from examples.handler import Handler
from ftpcore_adapters.anyio import serve

PORT = 2121


async def main(port: int = PORT) -> None:
    async with serve(Handler, ("127.0.0.1", port)) as server:
        print(f"ftp://ann:secret@127.0.0.1:{server.address[1]}/ until ^C", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        trio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else PORT)
