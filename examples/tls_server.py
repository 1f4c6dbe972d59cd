"""FTP under TLS, for all who log in and for all they move: python examples/tls_server.py [PORT [CERTFILE KEYFILE]].

Without files a certificate is made that nobody vouches for: clients must be told not to check it, as by
`curl -k --ssl-reqd -u ann:secret ftp://127.0.0.1:2121/`.  SIGHUP has the files read again.
"""

import signal
import sys
import tempfile
from pathlib import Path

from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import TLS_FTPHandler
from ftpcore_adapters.servers import FTPServer
from ftpcore_adapters.tls import self_signed

PORT = 2121


class Handler(TLS_FTPHandler):
    authorizer = DummyAuthorizer()
    tls_control_required = True  # 530 to USER and PASS in clear
    tls_data_required = True  # 521 to transfers in clear

    def on_login(self, username: str) -> None:
        details = self.session.control_tls
        assert details is not None  # it is required
        print(f"{username} came by {details.version}", flush=True)


Handler.authorizer.add_user("ann", "secret", ".", perm="elrw")


def main(port: int = PORT, certfile: str = "", keyfile: str = "") -> None:
    with tempfile.TemporaryDirectory() as directory:
        if not certfile:
            certificate, key = self_signed(["localhost", "127.0.0.1"])
            certfile = keyfile = f"{directory}/both.pem"
            Path(certfile).write_bytes(certificate + key)
        Handler.certfile, Handler.keyfile = certfile, keyfile
        with FTPServer(("127.0.0.1", port), Handler) as server:
            if hasattr(signal, "SIGHUP"):  # not on Windows; files that change are seen anyway
                reload = Handler.reload_certificates
                signal.signal(signal.SIGHUP, lambda *_: server.ioloop.call_soon_threadsafe(reload))
            print(f"ftp://ann:secret@127.0.0.1:{server.address[1]}/ until ^C", flush=True)
            server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else PORT, *sys.argv[2:])
