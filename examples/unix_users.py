"""The accounts of the system, each with its password, its home and its rights on files: python examples/unix_users.py.

It must run as root, on Linux; each session in a thread.  With further words, USER HOME, that user has this home and the
password "secret", to try it without telling anybody a real one: python examples/unix_users.py 2121 nobody /srv/ftp
"""

import sys

from ftpcore_adapters.authorizers import UnixAuthorizer
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.servers import ThreadedFTPServer

PORT = 2121


class Handler(FTPHandler):
    def on_file_received(self, file: str) -> None:
        # Hooks act for the server, unless they ask for the user's rights.
        line = self.run_as_current_user(_first_line, file)
        print(f"{self.username} stored {file}: {line}", flush=True)


def _first_line(path: str) -> str:
    with open(path, errors="replace") as file:
        return file.readline().rstrip("\n")


def main(port: int = PORT, guest: str = "", home: str = "") -> None:
    if guest:
        # An account without a shell is nobody's who logs in, but for this once.
        authorizer = UnixAuthorizer(allowed_users=[guest], require_valid_shell=False)
        authorizer.override_user(guest, password="secret", homedir=home)
    else:
        authorizer = UnixAuthorizer(rejected_users=["root"])
    Handler.authorizer = authorizer
    with ThreadedFTPServer(("127.0.0.1", port), Handler) as server:
        print(f"ftp://127.0.0.1:{server.address[1]}/ until ^C", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else PORT, *sys.argv[2:])
