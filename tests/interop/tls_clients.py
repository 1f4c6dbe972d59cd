"""Programs and libraries that upload and download a file under TLS, each as a function."""

from __future__ import annotations

import contextlib
import ftplib
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from ftpcore import Address
from tests.adapters.serving import PASSWORD, PATIENCE, USER
from tests.interop.clients import TIMEOUT

__all__ = ["CLIENTS", "ReusingFTP", "TLSClient", "Target", "run"]

_LFTP_SETTINGS: Final = (
    "set net:max-retries 1; set net:timeout 20; set cmd:fail-exit yes; set xfer:log no; set xfer:clobber on"
)

#: Files are read and written by name, in binary; dies unless each step succeeds.
_NET_FTP: Final = r"""
use Net::FTP;
my ($host, $port, $user, $password, $authority, $implicit, $version, $verb, $local, $remote) = @ARGV;
my $ftp = Net::FTP->new($host, Port => $port, Passive => 1, Timeout => 20, SSL => $implicit,
    SSL_ca_file => $authority, SSL_verify_mode => 1, SSL_verifycn_name => "localhost",
    ($version ? (SSL_version => $version) : ())) or die "connect: $@";
$implicit or $ftp->starttls() or die "starttls: " . $ftp->message . $@;
$ftp->login($user, $password) or die "login: " . $ftp->message;
$ftp->prot("P") or die "prot: " . $ftp->message;
$ftp->binary() or die "binary: " . $ftp->message;
($verb eq "put" ? $ftp->put($local, $remote) : $ftp->get($remote, $local)) or die "$verb: " . $ftp->message;
$ftp->quit() or die "quit: " . $ftp->message;
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A server, and how it is to be spoken to."""

    address: Address
    authority: Path
    home: Path
    """The directory of the client."""
    implicit: bool = False
    version: str | None = None
    """ "TLSv1.2" or "TLSv1.3"; None: the client's choice."""


def run(target: Target, *command: str | Path, script: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a program in the client's directory; AssertionError if it fails."""
    path = str(Path(shutil.which(str(command[0])) or command[0]).parent)
    done = subprocess.run(
        command,
        cwd=target.home,
        env={"PATH": f"{path}:/usr/bin:/bin", "HOME": str(target.home), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        input=script,
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, (done.args, done.returncode, done.stdout[-2000:], done.stderr[-3000:])
    return done


def _curl(target: Target, verb: str, local: str, remote: str) -> None:
    scheme = "ftps" if target.implicit else "ftp"
    words = ["--disable", "--silent", "--show-error", "--ssl-reqd", "--cacert", str(target.authority)]
    if target.version is not None:
        words += [f"--{target.version.lower()}", "--tls-max", target.version.removeprefix("TLSv")]
    words += ["--resolve", f"localhost:{target.address.port}:127.0.0.1", "--user", f"{USER}:{PASSWORD}"]
    url = f"{scheme}://localhost:{target.address.port}/{remote}"
    run(target, "curl", *words, *(["-T", local] if verb == "put" else ["-o", local]), url)


def _lftp(target: Target, verb: str, local: str, remote: str) -> None:
    scheme = "ftps" if target.implicit else "ftp"
    version = "" if target.version is None else f":-VERS-ALL:+VERS-{target.version.replace('v', '')}"
    settings = [
        _LFTP_SETTINGS,
        f"set ssl:ca-file {target.authority}; set ssl:check-hostname no; set ssl:priority NORMAL{version}",
        "set ftp:ssl-force yes; set ftp:ssl-protect-data yes; set ftp:ssl-protect-list yes",
        f"open -u {USER},{PASSWORD} {scheme}://127.0.0.1:{target.address.port}",
    ]
    action = f"put {local} -o {remote}" if verb == "put" else f"get {remote} -o {local}"
    run(target, "lftp", "-c", "; ".join([*settings, action]))


@cache
def _obscured() -> str:
    done = subprocess.run(["rclone", "obscure", PASSWORD], capture_output=True, timeout=20, check=True, text=True)
    return done.stdout.strip()


def _rclone(target: Target, verb: str, local: str, remote: str) -> None:
    words = ["--ftp-host=127.0.0.1", f"--ftp-port={target.address.port}", f"--ftp-user={USER}"]
    words += [f"--ftp-pass={_obscured()}", "--ftp-no-check-certificate"]  # it looks for authorities nowhere else
    words += ["--ftp-tls" if target.implicit else "--ftp-explicit-tls"]
    words += ["--retries=1", "--low-level-retries=1", "--timeout=20s", "--contimeout=20s", "--no-check-dest"]
    pair = (local, f":ftp:{remote}") if verb == "put" else (f":ftp:{remote}", local)
    run(target, "rclone", "--config=", *words, "copyto", *pair)


def _net_ftp(target: Target, verb: str, local: str, remote: str) -> None:
    version = {None: "", "TLSv1.2": "TLSv1_2", "TLSv1.3": "TLSv1_3"}[target.version]
    words = ["127.0.0.1", str(target.address.port), USER, PASSWORD, str(target.authority)]
    words += ["1" if target.implicit else "0", version, verb, local, remote]
    run(target, "perl", "-", *words, script=_NET_FTP.encode())


class ReusingFTP(ftplib.FTP_TLS):
    """As the recipes for servers that demand the reuse of sessions have it; implicit TLS, too.

    Attributes:
        reuses: Data connections resume the TLS session of the control connection.
        resumed: Whether each did.
    """

    reuses = True
    implicit = False

    def __init__(self, *args: Any, **options: Any) -> None:
        self.resumed: list[bool] = []
        super().__init__(*args, **options)

    def connect(self, *args: Any, **options: Any) -> str:
        """As the inherited one, with TLS before the greeting where it is implicit."""
        if not self.implicit:
            return super().connect(*args, **options)
        self.host, self.port = args
        plain = socket.create_connection((self.host, self.port), PATIENCE)
        self.af = plain.family
        self.sock = self.context.wrap_socket(plain, server_hostname="localhost")
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        """As the inherited one, with the session of the control connection."""
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if not self._prot_p:  # type: ignore[attr-defined]  # what the inherited one looks at
            return connection, size
        assert isinstance(self.sock, ssl.SSLSocket)
        session = self.sock.session if self.reuses else None
        wrapped = self.context.wrap_socket(connection, server_hostname="localhost", session=session)
        self.resumed.append(bool(wrapped.session_reused))
        return wrapped, size


def connected(target: Target) -> ReusingFTP:
    """Return a client that is logged in, with private data connections."""
    context = ssl.create_default_context(cafile=str(target.authority))
    if target.version is not None:
        version = ssl.TLSVersion[target.version.replace(".", "_")]
        context.minimum_version = context.maximum_version = version
    client = ReusingFTP(context=context, timeout=PATIENCE)
    client.implicit = target.implicit
    try:
        client.connect("127.0.0.1", target.address.port)
        client.host = "localhost"  # what its certificate is for
        client.login(USER, PASSWORD, secure=not target.implicit)
        client.prot_p()
    except BaseException:
        client.close()
        raise
    return client


def _ftplib(target: Target, verb: str, local: str, remote: str) -> None:
    with connected(target) as client:
        client.reuses = False
        if verb == "put":
            with (target.home / local).open("rb") as file:
                client.storbinary(f"STOR {remote}", file)
        else:
            with (target.home / local).open("wb") as file:
                client.retrbinary(f"RETR {remote}", file.write)


@cache
def _has_net_ftp() -> bool:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(["perl", "-MNet::FTP", "-MIO::Socket::SSL", "-e1"], capture_output=True, timeout=20, check=True)
        return True
    return False


@dataclass(frozen=True, slots=True)
class TLSClient:
    """A way to move a file: `move(target, "put" or "get", local name, remote name)`; AssertionError if it fails."""

    move: Callable[[Target, str, str, str], None]
    there: Callable[[], bool]
    """Is it installed?"""
    versions: bool = True
    """It may be told which version of TLS to speak."""


def _installed(program: str) -> Callable[[], bool]:
    return lambda: shutil.which(program) is not None


CLIENTS: Final[Mapping[str, TLSClient]] = {
    "curl": TLSClient(_curl, _installed("curl")),
    "lftp": TLSClient(_lftp, _installed("lftp")),
    "rclone": TLSClient(_rclone, _installed("rclone"), versions=False),
    "ftplib": TLSClient(_ftplib, lambda: True),
    "Net::FTP": TLSClient(_net_ftp, _has_net_ftp),
}
