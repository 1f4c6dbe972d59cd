"""The handler in processes, one for each session: python -m examples.in_processes [PORT]."""

import sys

from examples.handler import Handler
from ftpcore_adapters.servers import MultiprocessFTPServer

PORT = 2121


def main(port: int = PORT) -> None:
    with MultiprocessFTPServer(("127.0.0.1", port), Handler) as server:
        print(f"ftp://ann:secret@127.0.0.1:{server.address[1]}/ until ^C", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
