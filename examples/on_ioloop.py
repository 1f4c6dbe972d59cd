"""The handler in one I/O loop: python -m examples.on_ioloop [PORT]."""

import sys

from examples.handler import Handler
from ftpcore_adapters.servers import FTPServer

PORT = 2121


def main(port: int = PORT) -> None:
    with FTPServer(("127.0.0.1", port), Handler) as server:
        print(f"ftp://ann:secret@127.0.0.1:{server.address[1]}/ until ^C", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
