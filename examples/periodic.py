"""Something is done every so often, and later, on the loop of the server: python examples/periodic.py [PORT [SECONDS]].

What is called here must not take long: sessions wait for it.
"""

import sys
import time
from pathlib import Path

from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.servers import FTPServer

PORT = 2121
PERIOD = 60.0
AGE = 7 * 86400


class Handler(FTPHandler):
    authorizer = DummyAuthorizer()

    def on_login(self, username: str) -> None:
        # Cancelled when the session ends before.
        self.call_later(8 * 3600, self.close_when_done)


Handler.authorizer.add_user("ann", "secret", ".", perm="elrw")


def remove_old_files() -> None:
    for path in Path().glob("*.tmp"):
        if path.stat().st_mtime < time.time() - AGE:
            path.unlink()
            print(f"removed {path}", flush=True)


def main(port: int = PORT, period: float = PERIOD) -> None:
    with FTPServer(("127.0.0.1", port), Handler) as server:
        server.ioloop.call_every(period, remove_old_files)
        print(f"ftp://ann:secret@127.0.0.1:{server.address[1]}/ until ^C", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else PORT, *map(float, sys.argv[2:]))
