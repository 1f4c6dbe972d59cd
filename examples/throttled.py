"""Downloads and uploads have a speed limit, guests a lower one: python examples/throttled.py [PORT]."""

import sys

from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler, ThrottledDTPHandler
from ftpcore_adapters.servers import FTPServer

PORT = 2121


class Fast(ThrottledDTPHandler):
    read_limit = 10_000_000  # bytes a second, of an upload
    write_limit = 20_000_000  # of a download


class Slow(ThrottledDTPHandler):
    read_limit = write_limit = 100_000


class Handler(FTPHandler):
    authorizer = DummyAuthorizer()
    dtp_handler: type[ThrottledDTPHandler] = Fast

    def on_login(self, username: str) -> None:
        if username == "anonymous":
            self.dtp_handler = Slow  # of this session alone


Handler.authorizer.add_user("ann", "secret", ".", perm="elrw")
Handler.authorizer.add_anonymous(".")


def main(port: int = PORT) -> None:
    with FTPServer(("127.0.0.1", port), Handler) as server:
        print(f"ftp://ann:secret@127.0.0.1:{server.address[1]}/ until ^C", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
