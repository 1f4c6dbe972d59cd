"""S3 that fails: connections that break, a server that refuses or is not there, and processes that fork."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import FileSystem, OpenMode
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.fsspec import FsspecFileSystem
from tests.adapters.forking import needs_fork, read_in_forks
from tests.adapters.port_files import get, put
from tests.adapters.s3_server import ON_S3, S3, S3Server

MIB = 1 << 20

pytestmark = ON_S3

#: Each request is sent once, but for those that s3fs repeats.
ONCE = {"retries": {"max_attempts": 0}}
#: Botocore repeats a request twice, after a second or less each time.
THRICE = {"retries": {"max_attempts": 2}}

FOUND: dict[str, Callable[[FileSystem], object]] = {
    "stat": lambda files: files.stat(VirtualPath("/d/x"), follow=True),
    "scan_dir": lambda files: files.scan_dir(VirtualPath("/d"), follow=True),
    "enter_dir": lambda files: files.enter_dir(VirtualPath("/d")),
    "open to read": lambda files: files.open_file(VirtualPath("/d/x"), OpenMode.READ),
    "open to replace": lambda files: files.open_file(VirtualPath("/d/x"), OpenMode.REPLACE),
    "open_unique": lambda files: files.open_unique(VirtualPath("/d"), "x"),
    "make_dir": lambda files: files.make_dir(VirtualPath("/d/new")),
    "remove_dir": lambda files: files.remove_dir(VirtualPath("/d")),
    "remove_file": lambda files: files.remove_file(VirtualPath("/d/x")),
}

CALLS = pytest.mark.parametrize("call", FOUND.values(), ids=FOUND)


class _Refusing(BaseHTTPRequestHandler):
    """Answers as S3 does to those who may do nothing."""

    protocol_version = "HTTP/1.1"

    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>secret.example</Message></Error>'
        self.send_response(403)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = _refuse

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def refused() -> Iterator[FileSystem]:
    """A bucket that answers 403 to everything."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as http:
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield FsspecFileSystem(S3Server(http.server_address[1]).connect(), "bucket")
        http.shutdown()
        thread.join()


@CALLS
def test_what_s3_refuses_is_a_permission_error(refused: FileSystem, call: Callable[[FileSystem], object]) -> None:
    with pytest.raises(PermissionError) as failed:
        call(refused)
    assert failed.value.errno == errno.EACCES
    assert "secret.example" not in str(failed.value)


def test_the_client_is_told_550(refused: FileSystem) -> None:
    host = ScriptedHost(SingleUser(refused)).login()
    (reply,) = host.feed(b"CWD d\r\n").replies()
    host.feed(b"QUIT\r\n")
    assert reply.code == 550
    assert "secret.example" not in " ".join(reply.lines)


@CALLS
def test_a_bucket_that_is_missing_is_not_found(s3: S3, call: Callable[[FileSystem], object]) -> None:
    with pytest.raises(FileNotFoundError):
        call(FsspecFileSystem(s3, "no-such-bucket"))


def test_a_server_that_is_not_there_is_an_error_of_the_disk() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    s3 = S3Server(port).connect(config_kwargs=ONCE)
    s3.retries = 1
    with pytest.raises(OSError, match="/d") as failed:
        FsspecFileSystem(s3, "bucket").enter_dir(VirtualPath("/d"))
    assert failed.value.errno == errno.EIO
    assert not isinstance(failed.value, ConnectionError)  # which would be that of the client


class _Cutting(ThreadingTCPServer):
    """Passes connections on to a server; the first `cuts` of those that carry much are reset in the middle."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, *, up: int = 0, down: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.port = port
        self.cuts = {"up": up, "down": down}
        self.lock = threading.Lock()

    def takes_cut(self, way: str) -> bool:
        with self.lock:
            self.cuts[way] -= 1
            return self.cuts[way] >= 0


class _Passing(BaseRequestHandler):
    server: _Cutting

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.port)) as onward:
            back = threading.Thread(target=self._pass, args=(onward, self.request, "down"))
            back.start()
            self._pass(self.request, onward, "up")
            back.join()

    def _pass(self, source: socket.socket, target: socket.socket, way: str) -> None:
        passed = 0
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
                passed += len(data)
                if passed > MIB and self.server.takes_cut(way):
                    break
        except OSError:
            pass  # the other way has ended
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has ended


@contextmanager
def cutting(server: S3Server, *, up: int = 0, down: int = 0) -> Iterator[tuple[S3, _Cutting]]:
    """Connect to `server` through a network that breaks so many uploads and downloads of more than 1 MiB."""
    with _Cutting(server.port, up=up, down=down) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield S3Server(proxy.server_address[1]).connect(config_kwargs=THRICE), proxy
        finally:
            proxy.shutdown()
            thread.join()


def test_a_part_whose_connection_breaks_is_sent_again_whole(s3_server: S3Server, s3: S3, bucket: str) -> None:
    data = os.urandom(12 * MIB)
    with cutting(s3_server, up=2) as (connected, proxy):
        put(FsspecFileSystem(connected, bucket, block_size=5 * MIB), "/x", data)
        assert proxy.cuts["up"] <= 0
    assert get(FsspecFileSystem(s3, bucket), "/x") == data


def test_a_range_whose_connection_breaks_is_read_again(s3_server: S3Server, s3: S3, bucket: str) -> None:
    data = os.urandom(12 * MIB)
    put(FsspecFileSystem(s3, bucket), "/x", data)
    with cutting(s3_server, down=2) as (connected, proxy):
        assert get(FsspecFileSystem(connected, bucket), "/x") == data
        assert proxy.cuts["down"] <= 0


def test_an_upload_that_never_gets_through_is_not_stored(s3_server: S3Server, s3: S3, bucket: str) -> None:
    with cutting(s3_server, up=1000) as (connected, _proxy):
        connected.retries = 1
        with pytest.raises(OSError, match="/x") as failed:
            put(FsspecFileSystem(connected, bucket, block_size=5 * MIB), "/x", bytes(6 * MIB))
    assert failed.value.errno == errno.EIO
    assert "Uploads" not in s3.call_s3("list_multipart_uploads", Bucket=bucket)
    assert "Contents" not in s3.call_s3("list_objects_v2", Bucket=bucket)


@needs_fork
def test_a_forked_process_connects_anew(s3_server: S3Server, s3: S3, bucket: str) -> None:
    put(FsspecFileSystem(s3, bucket), "/x", b"read")
    assert read_in_forks(f"s3://{bucket}", **s3_server.options) == ["read True", "read False", "read True"]
