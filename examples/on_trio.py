"""The handler on trio; what may block runs in worker threads: python -m examples.on_trio [PORT]."""

import signal
import sys

import trio

from examples.handler import Handler
from ftpcore_adapters.anyio import serve

PORT = 2121


async def main(port: int = PORT) -> None:
    with trio.open_signal_receiver(signal.SIGINT) as signals:
        async with serve(Handler, ("127.0.0.1", port)) as server:
            print(f"ftp://ann:secret@127.0.0.1:{server.address[1]}/ until ^C", flush=True)
            await anext(signals)  # as an exception, ^C could be raised in the middle of a session


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else PORT)
