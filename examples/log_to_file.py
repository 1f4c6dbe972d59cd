"""What happens goes to a file, ftpd.log, with each command and reply: python examples/log_to_file.py [PORT]."""

import logging
import sys

from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.servers import FTPServer

PORT = 2121


class Handler(FTPHandler):
    authorizer = DummyAuthorizer()
    log_prefix = "%(username)s@%(remote_ip)s"


Handler.authorizer.add_user("ann", "secret", ".", perm="elrw")


def main(port: int = PORT) -> None:
    # Whoever sets logging up before the server starts is left alone.  DEBUG for commands and replies; INFO for sessions
    # and transfers.
    logging.basicConfig(
        filename="ftpd.log", level=logging.DEBUG, format="%(asctime)s %(levelname)s %(message)s", encoding="utf-8"
    )
    with FTPServer(("127.0.0.1", port), Handler) as server:
        print(f"ftp://ann:secret@127.0.0.1:{server.address[1]}/ until ^C", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
