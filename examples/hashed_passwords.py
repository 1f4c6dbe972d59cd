"""Passwords are not in the program, but their hashes are: python examples/hashed_passwords.py [PORT].

    python examples/hashed_passwords.py hash

asks for a password and prints its hash.  To compute one takes long on purpose; each session has a thread here, so that
no other waits for it.  For more than a few users, `ftpcore user` keeps a file: docs/users.md.
"""

import sys
from getpass import getpass

from ftpcore_adapters.authorizers import DummyAuthorizer, hash_password
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.servers import ThreadedFTPServer

PORT = 2121

#: That of "secret".
HASH = "$scrypt$ln=14,r=8,p=1$z7tyWsHj5QmS2IGMa3/wcw$M36wwQsJEXDxm75AEk028+WzWVUGLDr/r2P60JoVOBU"


class Handler(FTPHandler):
    authorizer = DummyAuthorizer()


Handler.authorizer.add_user("ann", HASH, ".", perm="elr")


def main(port: int = PORT) -> None:
    with ThreadedFTPServer(("127.0.0.1", port), Handler) as server:
        print(f"ftp://ann:secret@127.0.0.1:{server.address[1]}/ until ^C", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1:] == ["hash"]:
        print(hash_password(getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")))
    else:
        main(*map(int, sys.argv[1:]))
