"""The command line: share a directory, read-only and to anybody unless told otherwise, and edit files of users."""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final, NamedTuple, TextIO

from ftpcore.testing import recording
from ftpcore_adapters._accepting import Acceptor
from ftpcore_adapters._command_line import DEFAULT_PORT, parse_args
from ftpcore_adapters._concurrency import Limits, Serving, make_serving
from ftpcore_adapters._console_log import ConsoleHandler, complain, in_container, printable, start_text, users_text
from ftpcore_adapters._console_tls import TLSNotice, certificate_for_development, tls_attributes
from ftpcore_adapters._journals import journal_opener, replay_command
from ftpcore_adapters._user_commands import user_command
from ftpcore_adapters.authorizers import AuthorizerError, DummyAuthorizer, HashedFileAuthorizer
from ftpcore_adapters.handlers import DTPHandler, FTPHandler, TLS_DTPHandler, TLS_FTPHandler
from ftpcore_adapters.log import LEVEL, PREFIX_MPROC, config_logging

__all__ = ["DEFAULT_PORT", "console", "main", "parse_args"]

#: What may come first, but for `serve`.
_COMMANDS: Final[Mapping[str, Callable[[Sequence[str]], None]]] = {"user": user_command, "replay": replay_command}

#: The exit status of a program that SIGINT ended, by the custom of shells.
_INTERRUPTED = 130

_READ = "elr"
_WRITE = "elradfmwMT"


class _Start(NamedTuple):
    """A server that is ready, and what is told of it."""

    serving: Serving
    tls: TLSNotice | None


def main(args: Sequence[str] | None = None) -> Acceptor:
    """Serve until interrupted; return the server, closed.  The other commands are `console`'s alone.

    Anonymous users who may write are worth a RuntimeWarning, and so are users who must encrypt where nobody can.  The
    class of the server is looked up in `servers`, and
    `config_logging` in this module, when they are needed: an embedding program may replace them.

    Raises:
        argparse.ArgumentTypeError: Options that don't go together.
        AuthorizerError: The file of users has a mistake.
        SystemExit: With status 2, for a usage error; with 0, for --help and --version.
        ValueError: The directory is none, or the certificate or its key is not what it should be.
        OSError: The address can't be had, or a file can't be read.
    """
    options = parse_args(args)
    with ExitStack() as stack:
        return _serve(_listen(options, stack), options)


def console() -> None:
    """The console script: what is raised at the start is one line on stderr and exit status 2."""
    for stream in sys.stdout, sys.stderr:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # the name of a directory need not be text
    words = sys.argv[1:]
    command = _COMMANDS.get(words[0]) if words else None
    if command is not None:
        try:
            with _told():
                command(words[1:])
        except KeyboardInterrupt:
            raise SystemExit(_INTERRUPTED) from None
        return
    try:
        with ExitStack() as stack:
            with _told():
                options = parse_args(words)
                start = _listen(options, stack)
            _serve(start, options)
    except KeyboardInterrupt:
        pass  # at the very beginning, or once more at the end


@contextmanager
def _told() -> Iterator[None]:
    """Tell errors and warnings in one line each."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            yield
    except (argparse.ArgumentTypeError, AuthorizerError, ValueError, OSError, Warning) as error:
        text = error.strerror if isinstance(error, OSError) and error.filename is None else None
        complain(text or error)
        raise SystemExit(2) from None


def _listen(options: argparse.Namespace, stack: ExitStack) -> _Start:
    """Listen; what `stack` holds then must last as long as the server."""
    level = logging.DEBUG if options.debug else LEVEL
    if options.concurrency == "pre-fork":  # whose workers write to the same place
        config_logging(level=level, prefix=PREFIX_MPROC)
    else:
        config_logging(level=level)
    limits = Limits(options.max_cons, options.max_cons_per_ip, options.drain)
    notice, reload = None, None
    self_signed = options.tls is not None and options.certfile is None
    if self_signed:
        certificate = certificate_for_development(options.interface, options.nat_address)
        options.certfile = options.keyfile = stack.enter_context(certificate)
    handler = _handler(options)
    handler.check_options()  # before there is a server: some make theirs only when they run
    if issubclass(handler, TLS_FTPHandler):
        notice = TLSNotice.of(options, self_signed=self_signed)
        reload = None if self_signed else handler.reload_certificates
    address = options.interface, options.port
    return _Start(make_serving(options.concurrency, address, handler, limits, reload), notice)


def _serve(start: _Start, options: argparse.Namespace) -> Acceptor:
    serving, tls = start
    if options.users is None:
        directory = os.path.realpath(options.directory)
        text = start_text(serving.address, directory, options.username, write=options.write, tls=tls)
    else:
        names = serving.handler.authorizer.names()
        text = users_text(serving.address, os.path.realpath(options.users), names, tls=tls)
    return serving.run(partial(print, text, flush=True))


def _handler(options: argparse.Namespace) -> type[FTPHandler]:
    """Return a class with the options, used by one server only."""
    authorizer = _authorizer(options)
    data_handler: type[DTPHandler] = TLS_DTPHandler if options.tls else DTPHandler
    attributes: dict[str, object] = {
        "authorizer": authorizer,
        "banner": options.banner,
        "contained": in_container(),
        "dtp_handler": type("DataHandler", (data_handler,), {"timeout": options.timeout}),
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
    if options.journal is not None:
        attributes["session_class"] = recording(journal_opener(options.journal))
    bases: tuple[type[FTPHandler], ...] = (ConsoleHandler,)
    if options.tls is not None:
        attributes |= tls_attributes(options)
        bases = (ConsoleHandler, TLS_FTPHandler)
    if isinstance(authorizer, HashedFileAuthorizer):
        locked_out = [name for name in authorizer.names() if name in authorizer.tls_users]
        if options.tls is None and locked_out:
            text = f"{printable(', '.join(locked_out))} can't log in: {options.users} has them use TLS; --tls offers it"
            warnings.warn(text, RuntimeWarning, stacklevel=2)
    return type("Handler", bases, attributes)


def _authorizer(options: argparse.Namespace) -> DummyAuthorizer | HashedFileAuthorizer:
    if options.users is not None:
        return HashedFileAuthorizer(options.users)
    authorizer = DummyAuthorizer()
    rights = _WRITE if options.write else _READ
    if options.username is None:
        authorizer.add_anonymous(options.directory, perm=rights)
    else:
        authorizer.add_user(options.username, options.password, options.directory, perm=rights)
    return authorizer


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Write a warning without the place in the code, which says nothing to a user."""
    complain(f"warning: {message}")


if __name__ == "__main__":
    console()
