"""The command line: share a directory, read-only and to anybody unless told otherwise."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import Final

from ftpcore_adapters import __ver__, servers
from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler
from ftpcore_adapters.log import LEVEL, config_logging
from ftpcore_adapters.servers import FTPServer

__all__ = ["DEFAULT_PORT", "console", "main", "parse_args"]

DEFAULT_PORT: Final = 2121

_READ: Final = "elr"
_WRITE: Final = "elradfmwMT"


def parse_args(args: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Raises:
        argparse.ArgumentTypeError: Options that don't go together.
        SystemExit: With status 2, for words that are no options; with 0, for --help and --version.
    """
    parser = argparse.ArgumentParser(prog="ftpcore", description="Serve a directory by FTP.")
    parser.add_argument("-i", "--interface", metavar="ADDRESS", default="", help="address to listen on (default: all)")
    parser.add_argument("-p", "--port", metavar="PORT", type=int, default=DEFAULT_PORT, help="default: %(default)s")
    parser.add_argument("-w", "--write", action="store_true", help="let users write (default: read-only)")
    parser.add_argument("-d", "--directory", metavar="PATH", default=os.curdir, help="what to serve (default: here)")
    parser.add_argument("-u", "--username", metavar="NAME", help="the user, in place of anonymous; needs -P")
    parser.add_argument("-P", "--password", metavar="PASSWORD", help="the user's password; needs -u")
    parser.add_argument("-D", "--debug", action="store_true", help="log every command and reply")
    parser.add_argument("-V", "--version", action="version", version=f"ftpcore {__ver__}")
    options = parser.parse_args(args)
    if (options.username is None) != (options.password is None):
        raise argparse.ArgumentTypeError("--username and --password need each other: give both, or neither")
    if not 0 <= options.port <= 65535:
        raise argparse.ArgumentTypeError(f"--port is {options.port}; expected a number from 0 to 65535")
    return options


def main(args: Sequence[str] | None = None) -> FTPServer:
    """Serve until interrupted; return the server, closed.

    Raises:
        argparse.ArgumentTypeError: As `parse_args`.
        ValueError: The directory is none.
        OSError: The address can't be had.
    """
    options = parse_args(args)
    config_logging(level=logging.DEBUG if options.debug else LEVEL)
    rights = _WRITE if options.write else _READ
    directory = os.path.realpath(options.directory)
    authorizer = DummyAuthorizer()
    if options.username is None:
        authorizer.add_anonymous(directory, perm=rights)
    else:
        authorizer.add_user(options.username, options.password, directory, perm=rights)
    handler = type("Handler", (FTPHandler,), {"authorizer": authorizer})
    server = servers.FTPServer((options.interface, options.port), handler)
    try:
        _announce(server, options, directory)
        server.serve_forever()
    except KeyboardInterrupt:  # one that came before the server could take it
        server.close_all()
    return server


def _announce(server: FTPServer, options: argparse.Namespace, directory: str) -> None:
    host, port = server.address
    who = options.username or "anonymous"
    print(f"Serving {directory} on {host}:{port}, {'read and write' if options.write else 'read-only'}, to {who}.")
    print(f"Try: curl {'-u ' + who + ': ' if options.username else ''}ftp://{_reachable(host)}:{port}/", flush=True)


def console() -> None:
    """The console script: errors are one line on stderr and exit status 2."""
    try:
        main()
    except (argparse.ArgumentTypeError, ValueError, OSError) as error:
        text = error.strerror if isinstance(error, OSError) and error.filename is None else None
        print(f"ftpcore: {text or error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        pass  # at the very beginning


def _reachable(host: str) -> str:
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


if __name__ == "__main__":
    console()
