"""Logins by certificate: python examples/client_certificates.py PORT CERTFILE KEYFILE CLIENT_CA.

Whoever shows a certificate that CLIENT_CA has signed, with the name of the user as its common name, needs no password
(USER is answered 232); all others are asked for theirs.  `docs/tls.md` tells how to make such certificates.
"""

import sys

from ftpcore import PeerCertificate
from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import TLS_FTPHandler
from ftpcore_adapters.servers import FTPServer


class Authorizer(DummyAuthorizer):
    def validate_certificate(self, username: str, certificate: PeerCertificate, handler: object) -> bool:
        # TLS has verified it: what remains to be decided is whose it is.
        return self.has_user(username) and certificate.common_name == username


class Handler(TLS_FTPHandler):
    authorizer = Authorizer()
    client_certificates = "request"  # "require": nobody gets as far as a password without one
    tls_control_required = True
    tls_data_required = True


Handler.authorizer.add_user("ann", "secret", ".", perm="elrw")


def main(port: int, certfile: str, keyfile: str, client_ca: str) -> None:
    Handler.certfile, Handler.keyfile, Handler.client_ca = certfile, keyfile, client_ca
    with FTPServer(("127.0.0.1", port), Handler) as server:
        print(f"ftp://127.0.0.1:{server.address[1]}/ until ^C", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(int(sys.argv[1]), *sys.argv[2:])
