"""The handler in two forked workers, each with an I/O loop: python -m examples.preforked [PORT]."""

import sys

from examples.handler import Handler
from ftpcore_adapters.servers import FTPServer

PORT = 2121


def main(port: int = PORT) -> None:
    with FTPServer(("127.0.0.1", port), Handler) as server:
        print(f"ftp://ann:secret@127.0.0.1:{server.address[1]}/ until ^C", flush=True)
        server.serve_forever(worker_processes=2)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
