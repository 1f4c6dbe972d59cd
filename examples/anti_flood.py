"""Whoever sends too many commands in a second stays out for a minute: python examples/anti_flood.py [PORT]."""

import sys
from typing import Any, ClassVar

from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.ioloop import ScheduledCall
from ftpcore_adapters.servers import FTPServer

PORT = 2121


class Handler(FTPHandler):
    authorizer = DummyAuthorizer()
    commands_per_second = 50
    ban_seconds = 60
    banned: ClassVar[set[str]] = set()

    processed = 0
    counting: ScheduledCall | None = None

    def on_connect(self) -> None:
        if self.remote_ip in self.banned:
            self.respond("421 Too many commands. Come back later.")
            self.close_when_done()
        else:
            self.counting = self.ioloop.call_every(1, self.count_anew)

    def on_disconnect(self) -> None:
        if self.counting is not None:
            self.counting.cancel()

    def count_anew(self) -> None:
        self.processed = 0

    def process_command(self, cmd: str, *args: Any, **kwargs: Any) -> None:
        self.processed += 1
        if self.processed <= self.commands_per_second:
            super().process_command(cmd, *args, **kwargs)
            return
        self.banned.add(self.remote_ip)
        self.ioloop.call_later(self.ban_seconds, self.banned.discard, self.remote_ip)
        self.respond_w_warning("421 Too many commands. Come back later.")
        self.close_when_done()


Handler.authorizer.add_user("ann", "secret", ".", perm="elrw")


def main(port: int = PORT) -> None:
    with FTPServer(("127.0.0.1", port), Handler) as server:
        print(f"ftp://ann:secret@127.0.0.1:{server.address[1]}/ until ^C", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
