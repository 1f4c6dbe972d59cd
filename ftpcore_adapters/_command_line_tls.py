"""The options of the command line for TLS, and what goes together among them."""

from __future__ import annotations

import argparse
from typing import Final

from ftpcore_adapters._tls_certificates import SessionReuse

__all__ = ["EXPLICIT", "IMPLICIT", "add_tls_options", "check_tls_options"]

EXPLICIT: Final = "explicit"
IMPLICIT: Final = "implicit"

_REUSE: Final[tuple[SessionReuse, ...]] = ("off", "prefer", "require")

#: What means nothing without --tls, as attributes of the options; each is None or False unless it was given.
_DEPENDENT: Final = (
    "certfile",
    "keyfile",
    "tls_control_required",
    "tls_data_required",
    "tls_session_reuse",
    "tls_accept_truncated",
    "client_ca",
)


def add_tls_options(parser: argparse.ArgumentParser) -> None:
    """Add the group of options."""
    group = parser.add_argument_group("TLS")
    group.add_argument(
        "--tls",
        metavar="MODE",
        nargs="?",
        const=EXPLICIT,
        choices=(EXPLICIT, IMPLICIT),
        help="offer it: explicit, when a client asks by AUTH TLS, or implicit, before the greeting (without MODE: "
        "explicit); without --certfile with a self-signed certificate, for development",
    )
    group.add_argument(
        "--certfile",
        metavar="PATH",
        help="PEM: the certificate, and those that vouch for it; needs --keyfile and --tls; a change of the files is "
        "seen, and SIGHUP has them read at once",
    )
    group.add_argument("--keyfile", metavar="PATH", help="PEM: the key, without a passphrase; needs --certfile")
    group.add_argument("--tls-control-required", action="store_true", help="refuse logins in clear")
    group.add_argument("--tls-data-required", action="store_true", help="refuse to move data in clear")
    group.add_argument(
        "--tls-session-reuse",
        metavar="MODE",
        choices=_REUSE,
        help="resume the TLS session of the control connection on data connections: off, prefer or require "
        "(default: prefer)",
    )
    group.add_argument(
        "--tls-accept-truncated",
        action="store_true",
        help="take uploads for complete whose TLS ends without close_notify; only for clients that never send it",
    )
    group.add_argument(
        "--client-ca", metavar="PATH", help="PEM: refuse clients without a certificate that one of these has signed"
    )


def check_tls_options(options: argparse.Namespace) -> None:
    """Raise ArgumentTypeError for options that don't go together."""
    if (options.certfile is None) != (options.keyfile is None):
        raise argparse.ArgumentTypeError(
            "--certfile and --keyfile need each other: give both, naming one file twice if it has both, or neither"
        )
    if options.tls is not None:
        return
    for name in _DEPENDENT:
        if getattr(options, name):
            raise argparse.ArgumentTypeError(f"--{name.replace('_', '-')} needs --tls: nothing is encrypted without")
