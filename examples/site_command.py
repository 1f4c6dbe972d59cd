"""A command that FTP has not: SITE SHA256 path answers the digest of a file: python examples/site_command.py [PORT].

It has a right, "r", so it is given the real path of a file that the user may read.  Each session has a thread, so that
no other waits while a large file is read.
"""

import hashlib
import sys

from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.servers import ThreadedFTPServer

PORT = 2121


class Handler(FTPHandler):
    authorizer = DummyAuthorizer()
    proto_cmds = FTPHandler.proto_cmds | {
        "SITE SHA256": {
            "perm": "r",
            "auth": True,
            "arg": True,
            "help": "Syntax: SITE SHA256 <SP> path (digest of a file).",
        }
    }

    def ftp_SITE_SHA256(self, path: str) -> None:
        try:
            digest = self.run_as_current_user(_digest, path)
        except OSError as error:
            self.respond(f"550 {error.strerror}.")
        else:
            self.respond(f"213 {digest}")


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


Handler.authorizer.add_user("ann", "secret", ".", perm="elrw")


def main(port: int = PORT) -> None:
    with ThreadedFTPServer(("127.0.0.1", port), Handler) as server:
        print(f"ftp://ann:secret@127.0.0.1:{server.address[1]}/ until ^C", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
