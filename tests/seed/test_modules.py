"""The package itself, and its small modules: exceptions, utils, prefork."""

from __future__ import annotations

import errno
import io
import json
import os
import socket
import ssl
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import ftpcore_adapters
from ftpcore_adapters import __main__ as command
from ftpcore_adapters import authorizers, exceptions, filesystems, handlers, prefork, servers, utils
from ftpcore_adapters.authorizers import DummyAuthorizer
from ftpcore_adapters.handlers import FTPHandler
from tests.adapters.serving import PATIENCE, Client, Serving, make_handler


def test_the_package_tells_its_version_and_origin() -> None:
    for text in (ftpcore_adapters.__ver__, ftpcore_adapters.__author__, ftpcore_adapters.__web__):
        assert isinstance(text, str)
        assert text


def test_each_module_lists_names_that_it_has() -> None:
    for module in (authorizers, exceptions, filesystems, handlers, prefork, servers, utils):
        assert [name for name in module.__all__ if not hasattr(module, name)] == []


# -- exceptions --------------------------------------------------------------------------------------------------------


def test_the_exceptions_are_the_same_under_their_older_names() -> None:
    assert authorizers.AuthenticationFailed is exceptions.AuthenticationFailed
    assert authorizers.AuthorizerError is exceptions.AuthorizerError
    assert filesystems.FilesystemError is exceptions.FilesystemError


@pytest.mark.parametrize("name", ["AuthenticationFailed", "AuthorizerError", "FilesystemError"])
def test_the_exceptions_are_plain_and_apart(name: str) -> None:
    error = getattr(exceptions, name)("text")
    assert type(error).__bases__ == (Exception,)
    assert str(error) == "text"


@contextmanager
def serving(handler: type[FTPHandler]) -> Iterator[Serving]:
    running = Serving(handler)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.mark.parametrize("text", ["", "The moon is not right."])
def test_the_text_of_a_failed_authentication_goes_to_the_client(text: str, tmp_path: Path) -> None:
    class Moody(DummyAuthorizer):
        def validate_authentication(self, username: str, password: str, handler: object) -> None:
            raise exceptions.AuthenticationFailed(text)

    handler = make_handler(tmp_path, FTPHandler, authorizer=Moody())
    with serving(handler) as running, Client(running.address) as client:
        assert client.code() == 220
        assert client.command("USER ann") == 331
        client.send("PASS x")
        reply = client.reply()
    assert reply.startswith("530 ")
    assert len(reply) > len("530 ")
    assert text in reply


def test_the_text_of_a_filesystem_error_is_that_of_the_reply(tmp_path: Path) -> None:
    class Moody(filesystems.AbstractedFS):
        def mkdir(self, path: str) -> None:
            raise exceptions.FilesystemError("The moon is not right")

    handler = make_handler(tmp_path, FTPHandler, abstracted_fs=Moody)
    with serving(handler) as running, Client(running.address) as client:
        client.login()
        client.send("MKD new")
        assert client.reply() == "550 The moon is not right."


# -- utils -------------------------------------------------------------------------------------------------------------


def test_memoize_remembers_results_by_arguments_until_cleared() -> None:
    calls: list[tuple[int, ...]] = []

    @utils.memoize
    def add(*numbers: int) -> int:
        """Add numbers."""
        calls.append(numbers)
        return sum(numbers)

    assert [add(1, 2), add(1, 2), add(3)] == [3, 3, 3]
    assert calls == [(1, 2), (3,)]
    add.cache_clear()
    assert add(1, 2) == 3
    assert len(calls) == 3
    assert add.__doc__ == "Add numbers."


def test_strerror_is_the_text_of_the_system_or_of_the_exception() -> None:
    assert utils.strerror(OSError(errno.ENOENT, "secret", "/secret")) == os.strerror(errno.ENOENT)
    assert utils.strerror(ValueError("text")) == "text"


def test_hilite_knows_its_colours() -> None:
    assert utils.hilite("text", "green", bold=True) in ("text", "\x1b[32;1mtext\x1b[0m")
    with pytest.raises(ValueError, match="green"):
        utils.hilite("text", "mauve")


def test_a_file_is_no_terminal_with_colours() -> None:
    assert utils.term_supports_colors(io.StringIO()) is False


def test_dual_stack_is_what_the_socket_module_says() -> None:
    assert utils.has_dualstack_ipv6() is socket.has_dualstack_ipv6()


def test_is_ssl_sock_tells_tls_from_plain_sockets() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not utils.is_ssl_sock(ours)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        with context.wrap_socket(ours, server_hostname="host", do_handshake_on_connect=False) as wrapped:
            assert utils.is_ssl_sock(wrapped)
    assert not utils.is_ssl_sock(None)


def test_is_ssl_sock_knows_connections_of_pyopenssl() -> None:
    openssl = pytest.importorskip("OpenSSL.SSL")
    assert utils.is_ssl_sock(openssl.Connection(openssl.Context(openssl.TLS_METHOD), None))


# -- prefork -----------------------------------------------------------------------------------------------------------


def run(program: str, directory: Path) -> tuple[int, list[object]]:
    """Run a program in a process of its own; return how it ended and what it and its workers noted."""
    notes = directory / "notes"
    header = f"""
    import json, os, sys
    from ftpcore_adapters.prefork import cpu_count, fork_processes

    def note(value):
        with open({str(notes)!r}, "ab", 0) as file:
            file.write(json.dumps(value).encode() + b"\\n")

    def notes():
        return open({str(notes)!r}).read().splitlines()

    note("begun")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(header) + textwrap.dedent(program)],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return done.returncode, [json.loads(line) for line in notes.read_text().splitlines()][1:]


forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't be forked here")


@forking
def test_workers_get_their_numbers_and_the_parent_exits_when_they_have_ended(tmp_path: Path) -> None:
    status, noted = run(
        """
        parent = os.getpid()
        number = fork_processes(3)
        assert os.getppid() == parent
        note(number)
        """,
        tmp_path,
    )
    assert status == 0
    assert sorted(map(str, noted)) == ["0", "1", "2"]


@forking
@pytest.mark.parametrize("number", ["0", "-1", "None"])
def test_no_number_is_one_worker_for_each_processor(number: str, tmp_path: Path) -> None:
    status, noted = run(f"note(fork_processes({number}))", tmp_path)
    assert status == 0
    assert len(noted) == prefork.cpu_count()


@forking
@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), 9)"], ids=["status", "signal"])
def test_a_worker_that_ends_badly_is_replaced_under_its_number(end: str, tmp_path: Path) -> None:
    status, noted = run(
        f"""
        number = fork_processes(2)
        note(number)
        if number == 1 and notes().count("1") < 3:
            {end}
        """,
        tmp_path,
    )
    assert status == 0
    assert sorted(map(str, noted)) == ["0", "1", "1", "1"]


@forking
def test_too_many_workers_that_end_badly_are_an_error(tmp_path: Path) -> None:
    status, noted = run(
        """
        try:
            number = fork_processes(1, max_restarts=2)
        except RuntimeError as error:
            note(str(error))
            sys.exit(7)
        note(number)
        os._exit(3)
        """,
        tmp_path,
    )
    assert status == 7
    assert noted[:3] == [0, 0, 0]
    assert "status 3" in str(noted[3])


def test_cpu_count_is_what_this_process_may_use() -> None:
    assert prefork.cpu_count() >= 1
    if sys.platform == "linux":
        assert prefork.cpu_count() == len(os.sched_getaffinity(0))


# -- command line ------------------------------------------------------------------------------------------------------


def test_the_command_is_there_for_embedding_programs() -> None:
    assert command.DEFAULT_PORT == 2121
    assert command.parse_args([]).port == 2121
    assert command.parse_args(["-p", "0"]).port == 0
