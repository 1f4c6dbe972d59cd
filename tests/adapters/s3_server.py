"""An S3 server in a process of its own, on this machine, with buckets that are gone when it ends: moto's.

The fixtures are for a `conftest.py` to import.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import count
from typing import Final, Protocol

import pytest

from ftpcore_adapters._fsspec_backend import Backend

__all__ = ["ON_S3", "S3", "Requests", "S3Server", "bucket", "s3", "s3_server"]

_SERVER: Final = """
import sys
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""

#: Why tests on S3 can't run; "": they can.
_MISSING: Final = " and ".join(name for name in ("s3fs", "moto", "flask") if find_spec(name) is None)

#: The marks of tests on S3.
ON_S3: Final = [
    pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {_MISSING}"),
    pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning"),  # of aiohttp, about bytes
]


class _Events(Protocol):
    def register(self, event: str, handler: Callable[..., None], /) -> None: ...


class _Meta(Protocol):
    events: _Events


class _Client(Protocol):
    meta: _Meta


class _Named(Protocol):
    name: str


class S3(Backend, Protocol):
    """What tests use of an `s3fs.S3FileSystem`."""

    retries: int

    @property
    def s3(self) -> _Client: ...

    def call_s3(self, method: str, /, **arguments: object) -> dict[str, object]: ...


class S3Server:
    """A running server.  Any credentials do."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.options: dict[str, object] = {
            "key": "nobody",
            "secret": "nothing",
            "endpoint_url": f"http://127.0.0.1:{port}",
            "client_kwargs": {"region_name": "us-east-1"},
        }
        self._numbers = count(1)

    def connect(self, **options: object) -> S3:
        """Return an `s3fs.S3FileSystem` that nobody else has."""
        import s3fs

        s3: S3 = s3fs.S3FileSystem(**self.options, **options, skip_instance_cache=True)
        return s3

    def new_bucket(self, s3: S3) -> str:
        """Make an empty bucket; return its name."""
        name = f"bucket-{next(self._numbers)}"
        s3.call_s3("create_bucket", Bucket=name)
        return name


@pytest.fixture(scope="module")
def s3_server() -> Iterator[S3Server]:
    """Runs until the tests of the module are over."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        yield S3Server(int(process.stdout.readline()))
        process.stdin.close()


@pytest.fixture(scope="module")
def s3(s3_server: S3Server) -> S3:
    return s3_server.connect()


@pytest.fixture
def bucket(s3_server: S3Server, s3: S3) -> str:
    """An empty one."""
    return s3_server.new_bucket(s3)


class Requests:
    """The names of the operations that an `s3fs.S3FileSystem` has asked for since `clear`, repetitions left out."""

    def __init__(self, s3: S3) -> None:
        self.names: list[str] = []
        s3.s3.meta.events.register("before-call.s3", self._note)

    def clear(self) -> None:
        self.names.clear()

    def _note(self, *, model: _Named, **_others: object) -> None:
        self.names.append(model.name)
