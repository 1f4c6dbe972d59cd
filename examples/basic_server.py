"""A server with one user and guests, and the options that most servers set: python examples/basic_server.py [PORT]."""

import sys

from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.servers import FTPServer

PORT = 2121


def main(port: int = PORT) -> None:
    authorizer = DummyAuthorizer()
    authorizer.add_user("ann", "secret", ".", perm="elradfmwMT")
    authorizer.add_anonymous(".")  # may look and read

    handler = FTPHandler
    handler.authorizer = authorizer
    handler.banner = "Files of ours."
    # Behind NAT the router passes these on, and masquerade_address is its address.
    handler.passive_ports = range(60000, 65536)

    server = FTPServer(("127.0.0.1", port), handler)
    server.max_cons = 256
    server.max_cons_per_ip = 5
    print(f"ftp://ann:secret@127.0.0.1:{server.address[1]}/ until ^C", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
