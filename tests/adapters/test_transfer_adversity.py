"""Transfers within the kernel under trouble of all kinds: what is told, stored and left behind is what happened."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftpcore import Outcome, TransferFinished
from ftpcore_adapters.memory import MemoryFileSystem
from tests.adapters.conftest import Serve
from tests.adapters.serving import received
from tests.adapters.transfer_play import SIZE, Act, Trouble, Watching, pattern, perform
from tests.conftest import scaled
from tests.watched import WatchedFileSystem

needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are counted in /proc")

#: Byte offsets: anywhere, and where something is about to change.
moments = st.one_of(
    st.integers(0, SIZE), st.sampled_from([0, 1, 65_536, 262_143, 262_144, 262_145, 524_288, SIZE - 1, SIZE])
)


def acts(*troubles: Trouble) -> st.SearchStrategy[Act]:
    return st.builds(
        Act,
        upload=st.booleans(),
        trouble=st.sampled_from(troubles),
        moment=moments,
        delay=st.integers(0, 6),
        goes_on=st.booleans(),
        step=st.sampled_from([65_536, 200_001, SIZE]),
        passive=st.booleans(),
        large=st.booleans(),
    )


@needs_proc
@pytest.mark.parametrize("trouble", Trouble)
@settings(max_examples=scaled(250))
@given(data=st.data())
def test_trouble_at_any_moment(trouble: Trouble, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as directory:
        perform(Path(directory), [data.draw(acts(trouble))])


@needs_proc
@settings(max_examples=scaled(250))
@given(acts=st.lists(acts(*Trouble), min_size=2, max_size=5), kernel=st.booleans())
def test_sessions_in_trouble_do_not_disturb_each_other(acts: list[Act], kernel: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        perform(Path(directory), acts, use_sendfile=kernel)


@needs_proc
@pytest.mark.parametrize("delay", range(8))
@pytest.mark.parametrize("upload", [False, True], ids=["RETR", "STOR"])
def test_abor_in_each_turn_of_the_beginning(tmp_path: Path, upload: bool, delay: int) -> None:
    acts = [
        Act(upload=upload, trouble=Trouble.ABOR, delay=delay, goes_on=goes_on, passive=passive)
        for goes_on in (False, True)
        for passive in (False, True)
    ]
    perform(tmp_path, acts)


@pytest.mark.skipif(not hasattr(os, "splice"), reason="this system has no splice")
def test_files_are_moved_within_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the tests above prove something else."""
    calls = {"splice": 0, "sendfile": 0}
    for name in calls:

        def counted(*arguments: object, name: str = name, call: object = getattr(os, name), **options: object) -> int:
            calls[name] += 1
            assert callable(call)
            return int(call(*arguments, **options))

        monkeypatch.setattr(os, name, counted)
    perform(tmp_path, [Act(upload=upload, trouble=Trouble.NONE, step=SIZE, large=True) for upload in (False, True)])
    assert calls["splice"] > 1
    assert calls["sendfile"] > 1


# -- disks that are full -----------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a directory on a filesystem of one MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def upload(serve: Serve, path: Path, **options: object) -> tuple[int, TransferFinished]:
    """Upload `SIZE` bytes to a disk that has not the room; return the code and what was told of it."""
    finished: dict[str, list[TransferFinished]] = {}
    serving = serve(Watching, finished=finished, **options)
    client = serving.login()
    client.command(f"CWD {path.name}")
    with client.data() as data:
        assert client.command("STOR f") == 150
        with contextlib.suppress(ConnectionError):  # the server gives up
            data.sendall(pattern(1))
    code = client.code()
    assert client.command("PWD") == 257
    [event] = finished["f"]
    serving.settle()
    return code, event


@pytest.mark.parametrize("kernel", [True, False], ids=["in the kernel", "in memory"])
def test_an_upload_that_fills_the_disk_is_answered_452(serve: Serve, small_disk: Path, kernel: bool) -> None:
    serve.directory = small_disk.parent
    code, event = upload(serve, small_disk, use_sendfile=kernel)
    content = (small_disk / "f").read_bytes()
    assert code == 452
    assert event.outcome is Outcome.FAILED
    assert pattern(1).startswith(content)
    assert 0 < event.size <= len(content) <= 1024 * 1024


@pytest.mark.parametrize("kernel", [True, False], ids=["in the kernel", "in memory"])
def test_an_upload_beyond_the_largest_file_is_answered_552(serve: Serve, kernel: bool) -> None:
    resource = pytest.importorskip("resource", reason="limits of a process are of POSIX")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = 2_500_000  # within a page, and within a block
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))  # Python ignores the signal
    try:
        code, event = upload(serve, serve.directory, use_sendfile=kernel)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    content = (serve.directory / "f").read_bytes()
    assert code == 552
    assert event.outcome is Outcome.FAILED
    assert len(content) == limit
    assert pattern(1).startswith(content)
    assert 0 < event.size <= limit


@pytest.mark.parametrize("method", ["write_at", "close"])
@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, 452), (errno.EDQUOT, 552), (errno.EIO, 451)])
def test_a_file_that_fails_is_closed_as_incomplete(serve: Serve, method: str, number: int, code: int) -> None:
    files = WatchedFileSystem(MemoryFileSystem())
    files.faults[method] = OSError(number, os.strerror(number))
    client = serve(abstracted_fs=staticmethod(lambda home, handler: files)).login()
    with client.data() as data:
        client.send("STOR f")
        data.sendall(b"data")
    assert client.codes(2) == [150, code]
    assert files.closings == [[method == "close"]]


def test_one_full_disk_does_not_disturb_others(serve: Serve, small_disk: Path) -> None:
    serve.directory = small_disk.parent
    (serve.directory / "g").write_bytes(pattern(2))
    serving = serve()
    unlucky, lucky = serving.login(), serving.login()
    full, fine = unlucky.data(), lucky.data()
    unlucky.send("STOR disk/f")
    lucky.send("RETR g")
    with full, contextlib.suppress(ConnectionError):  # the server gives up
        full.sendall(pattern(1))
    assert received(fine) == pattern(2)
    assert unlucky.codes(2) == [150, 452]
    assert lucky.codes(2) == [150, 226]


def test_a_download_of_a_file_that_shrinks_is_no_success(serve: Serve) -> None:
    path = serve.directory / "f"
    path.write_bytes(pattern(1))
    client = serve().login()
    with client.data() as data:
        data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send("RETR f")
        assert client.code() == 150
        assert data.recv(1) == pattern(1)[:1]
        os.truncate(path, 100)
        rest = received(data)
    assert client.code() == 426
    assert len(rest) < SIZE - 1


# -- no descriptors left -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "splice"), reason="this system has no splice")
def test_an_upload_without_descriptors_for_a_pipe_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_pipe(flags: int) -> tuple[int, int]:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pipe2", no_pipe)
    perform(tmp_path, [Act(upload=True, trouble=Trouble.NONE, step=SIZE, large=True)])
