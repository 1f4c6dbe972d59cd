"""The command line: share a directory, read-only and to anybody unless told otherwise."""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from typing import TextIO

from ftpcore_adapters import servers
from ftpcore_adapters._command_line import DEFAULT_PORT, parse_args
from ftpcore_adapters._console_log import ConsoleHandler, in_container, printable, start_text
from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import DTPHandler, FTPHandler
from ftpcore_adapters.log import LEVEL, config_logging
from ftpcore_adapters.servers import FTPServer

__all__ = ["DEFAULT_PORT", "console", "main", "parse_args"]

_READ = "elr"
_WRITE = "elradfmwMT"


def main(args: Sequence[str] | None = None) -> FTPServer:
    """Serve until interrupted; return the server, closed.

    Anonymous users who may write are worth a RuntimeWarning.  The class of the server is looked up in `servers`, and
    `config_logging` in this module, when they are needed: an embedding program may replace them.

    Raises:
        argparse.ArgumentTypeError: Options that don't go together.
        SystemExit: With status 2, for a usage error; with 0, for --help and --version.
        ValueError: The directory is none.
        OSError: The address can't be had.
    """
    options = parse_args(args)
    return _serve(_listen(options), options)


def console() -> None:
    """The console script: what `main` raises at the start is one line on stderr and exit status 2."""
    for stream in sys.stdout, sys.stderr:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # the name of a directory need not be text
    try:
        try:
            options = parse_args()
            with warnings.catch_warnings():
                warnings.showwarning = _show_warning
                server = _listen(options)
        except (argparse.ArgumentTypeError, ValueError, OSError, Warning) as error:
            text = error.strerror if isinstance(error, OSError) and error.filename is None else None
            _complain(text or error)
            raise SystemExit(2) from None
        _serve(server, options)
    except KeyboardInterrupt:
        pass  # at the very beginning, or once more at the end


def _listen(options: argparse.Namespace) -> FTPServer:
    config_logging(level=logging.DEBUG if options.debug else LEVEL)
    server = servers.FTPServer((options.interface, options.port), _handler(options))
    server.max_cons = options.max_cons
    server.max_cons_per_ip = options.max_cons_per_ip
    return server


def _serve(server: FTPServer, options: argparse.Namespace) -> FTPServer:
    directory = os.path.realpath(options.directory)
    try:
        print(start_text(server.address, directory, options.username, write=options.write), flush=True)
        server.serve_forever()
    except KeyboardInterrupt:  # one that came before the server could take it
        server.close_all()
    return server


def _handler(options: argparse.Namespace) -> type[FTPHandler]:
    """Return a class with the options, used by one server only."""
    authorizer = DummyAuthorizer()
    rights = _WRITE if options.write else _READ
    if options.username is None:
        authorizer.add_anonymous(options.directory, perm=rights)
    else:
        authorizer.add_user(options.username, options.password, options.directory, perm=rights)
    attributes = {
        "authorizer": authorizer,
        "banner": options.banner,
        "contained": in_container(),
        "dtp_handler": type("DataHandler", (DTPHandler,), {"timeout": options.timeout}),
        "encoding": options.encoding,
        "masquerade_address": options.nat_address,
        "max_login_attempts": options.max_login_attempts,
        "passive_ports": options.range,
        "permit_foreign_addresses": options.permit_foreign_addresses,
        "permit_privileged_ports": options.permit_privileged_ports,
        "timeout": options.timeout,
        "use_gmt_times": not options.use_localtime,
        "use_sendfile": ConsoleHandler.use_sendfile and not options.disable_sendfile,
    }
    return type("Handler", (ConsoleHandler,), attributes)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Write a warning without the place in the code, which says nothing to a user."""
    _complain(f"warning: {message}")


def _complain(text: object) -> None:
    print(f"ftpcore: {printable(str(text))}", file=sys.stderr)


if __name__ == "__main__":
    console()
