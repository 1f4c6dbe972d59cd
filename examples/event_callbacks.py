"""What can be heard of a session: python examples/event_callbacks.py [PORT].

Uploads that were cut are removed.
"""

import os
import sys

from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.servers import FTPServer

PORT = 2121


class Handler(FTPHandler):
    authorizer = DummyAuthorizer()
    auth_failed_timeout = 1

    def tell(self, *words: object) -> None:
        print(*words, flush=True)

    def on_connect(self) -> None:
        self.tell("connected", self.remote_ip)

    def on_disconnect(self) -> None:
        self.tell("disconnected", self.username)

    def on_login(self, username: str) -> None:
        self.tell("logged in", username)

    def on_login_failed(self, username: str, password: str) -> None:
        self.tell("not let in", username)

    def on_logout(self, username: str) -> None:
        self.tell("logged out", username)

    def on_file_sent(self, file: str) -> None:
        self.tell("sent", os.path.basename(file))

    def on_file_received(self, file: str) -> None:
        self.tell("received", os.path.basename(file))

    def on_incomplete_file_sent(self, file: str) -> None:
        self.tell("sent in part", os.path.basename(file))

    def on_incomplete_file_received(self, file: str) -> None:
        os.remove(file)
        self.tell("received in part", os.path.basename(file))


Handler.authorizer.add_user("ann", "secret", ".", perm="elrw")


def main(port: int = PORT) -> None:
    with FTPServer(("127.0.0.1", port), Handler) as server:
        print(f"ftp://ann:secret@127.0.0.1:{server.address[1]}/ until ^C", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
