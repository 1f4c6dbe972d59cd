"""The table of errors: which reply each error of a port becomes.  Checklist V-06, R-07."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest

from ftpcore import (
    Aborted,
    BadSequence,
    CommandUnsupported,
    ControlConnectionLost,
    DataConnectionLost,
    DataConnectionRefused,
    FilesystemError,
    FtpError,
    NotLoggedIn,
    ParameterUnsupported,
    PermissionRefused,
    Reply,
    ServerShutdown,
    SyntaxRefused,
    TransferTimeout,
    UnsupportedOperation,
    VirtualPath,
)
from ftpcore.ports import BinaryFile, OpenMode
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters.memory import MemoryFileSystem


class Failing(MemoryFileSystem):
    """Fails all that changes a name, and writing, if told to."""

    error: Exception | None = None

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error

    def make_dir(self, path: VirtualPath, /) -> None:
        self._fail()

    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        self._fail()

    def set_mode(self, path: VirtualPath, mode: int, /) -> None:
        self._fail()

    def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:  # type: ignore[override]  # wider
        self._fail()
        return super().open_file(path, mode)


def coded(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def host_over(error: Exception) -> ScriptedHost:
    fs = Failing()
    fs.write_bytes("/file", b"data")
    fs.error = error
    return ScriptedHost(SingleUser(fs)).login()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(coded(errno.ENOENT), 550, id="V-06 not found"),
        pytest.param(coded(errno.EEXIST), 550, id="V-06 exists"),
        pytest.param(coded(errno.EACCES), 550, id="V-06 permission"),
        pytest.param(coded(errno.EPERM), 550, id="V-06 not permitted"),
        pytest.param(coded(errno.ENOTDIR), 550, id="V-06 not a directory"),
        pytest.param(coded(errno.EISDIR), 550, id="V-06 is a directory"),
        pytest.param(coded(errno.ENOTEMPTY), 550, id="V-06 not empty"),
        pytest.param(coded(errno.EROFS), 550, id="V-06 read-only"),
        pytest.param(coded(errno.EXDEV), 550, id="V-06 another device"),
        pytest.param(coded(errno.ELOOP), 550, id="V-06 too many links"),
        pytest.param(coded(errno.EMLINK), 550, id="V-06 too many names"),
        pytest.param(coded(errno.EBUSY), 450, id="V-06 busy"),
        pytest.param(coded(errno.ETXTBSY), 450, id="V-06 busy program"),
        pytest.param(coded(errno.EAGAIN), 450, id="V-06 locked"),
        pytest.param(coded(errno.ENOSPC), 452, id="V-06 no space"),
        pytest.param(coded(errno.EDQUOT), 552, id="V-06 quota"),
        pytest.param(coded(errno.EFBIG), 552, id="V-06 too big"),
        pytest.param(coded(errno.ENAMETOOLONG), 553, id="V-06 name too long"),
        pytest.param(coded(errno.EINVAL), 553, id="V-06 name invalid"),
        pytest.param(coded(errno.EILSEQ), 553, id="V-06 name not encodable"),
        pytest.param(coded(errno.EIO), 451, id="V-06 unavailable"),
        pytest.param(coded(errno.EMFILE), 451, id="V-06 out of descriptors"),
        pytest.param(TimeoutError(), 451, id="V-06 timed out"),
        pytest.param(FileNotFoundError(), 550, id="V-06 not found, without a number"),
        pytest.param(FileExistsError("x"), 550, id="V-06 exists, without a number"),
        pytest.param(PermissionError(), 550, id="V-06 permission, without a number"),
        pytest.param(NotADirectoryError(), 550, id="V-06 not a directory, without a number"),
        pytest.param(IsADirectoryError(), 550, id="V-06 is a directory, without a number"),
        pytest.param(BlockingIOError(), 450, id="V-06 busy, without a number"),
        pytest.param(OSError("x"), 451, id="V-06 unavailable, without a number"),
        pytest.param(OSError(9999, None), 451, id="V-06 a number of nobody's"),
        pytest.param(UnsupportedOperation(), 502, id="V-06 unsupported"),
        pytest.param(FilesystemError("we are closed"), 550, id="V-06 refused"),
        pytest.param(FilesystemError(), 550, id="V-06 refused without a word"),
        pytest.param(UnicodeEncodeError("ascii", "x", 0, 1, "no"), 501, id="V-06 a name of another encoding"),
        pytest.param(ValueError("x"), 451, id="R-12 what no port may raise"),
    ],
)
def test_the_reply_of_an_error(error: Exception, code: int) -> None:
    assert host_over(error).feed(b"MKD x\r\n").codes() == [code]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param("RNTO x", 553, id="V-06 the target of RNTO"),
        pytest.param("STOR x", 553, id="V-06 STOR"),
        pytest.param("APPE x", 553, id="V-06 APPE"),
        pytest.param("MKD x", 550, id="V-06 MKD"),
    ],
)
def test_a_name_that_is_taken_is_553_where_it_was_chosen(command: str, code: int) -> None:
    host = host_over(coded(errno.EEXIST)).feed(b"PASV\r\nRNFR file\r\n")
    host.take()
    assert host.feed(f"{command}\r\n".encode()).codes() == [code]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param("MKD x", 502, id="V-06 a command"),
        pytest.param("SITE CHMOD 644 file", 504, id="V-06 a command of SITE"),
    ],
)
def test_what_a_filesystem_can_not_do_is_told(command: str, code: int) -> None:
    assert host_over(UnsupportedOperation("no")).feed(f"{command}\r\n".encode()).codes() == [code]


def test_the_text_names_the_path_as_the_client_sees_it() -> None:
    error = PermissionError(errno.EACCES, "Permission denied", "/srv/ftp/x")
    assert host_over(error).feed(b"CWD /\r\nMKD a//b\r\n").replies()[-1] == Reply.of(550, "/a/b: Permission denied.")


def test_the_text_of_a_refusal_is_the_filesystem_s() -> None:
    assert host_over(FilesystemError("we are closed")).feed(b"MKD x\r\n").replies() == [Reply.of(550, "we are closed.")]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(coded(errno.ENOSPC), 452, id="no space"),
        pytest.param(coded(errno.EDQUOT), 552, id="quota"),
        pytest.param(coded(errno.EFBIG), 552, id="too big"),
        pytest.param(coded(errno.EIO), 451, id="broken disk"),
        pytest.param(coded(errno.ENOENT), 451, id="gone"),
        pytest.param(coded(errno.EBUSY), 451, id="busy"),
        pytest.param(FilesystemError("no"), 451, id="refused"),
        pytest.param(FilesystemError(), 451, id="refused without a word"),
    ],
)
def test_the_reply_of_an_error_while_a_file_is_stored(error: Exception, code: int) -> None:
    """X-05."""

    class Full(MemoryFileSystem):
        def open_file(self, path: VirtualPath, mode: OpenMode, /) -> BinaryFile:  # type: ignore[override]  # wider
            file: BinaryFile = super().open_file(path, mode)

            def fail(offset: int, data: bytes) -> None:
                raise error

            file.write_at = fail  # type: ignore[method-assign]  # this one file
            return file

    host = ScriptedHost(SingleUser(Full())).login().feed(b"PASV\r\n").connect().feed(b"STOR x\r\n")
    assert host.upload(b"data").codes() == [227, 125, code]
    assert host.feed(b"NOOP\r\n").codes() == [200]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (SyntaxRefused, 501),
        (CommandUnsupported, 502),
        (BadSequence, 503),
        (ParameterUnsupported, 504),
        (NotLoggedIn, 530),
        (PermissionRefused, 550),
        (DataConnectionRefused, 425),
        (DataConnectionLost, 426),
        (Aborted, 426),
        (TransferTimeout, 426),
        (ServerShutdown, 426),
        (ControlConnectionLost, 426),
    ],
)
def test_errors_that_carry_a_reply(kind: Callable[..., FtpError], code: int) -> None:
    assert kind().reply.code == code
    assert kind("Because.").reply == Reply.of(code, "Because.")
    assert str(kind("Because.")) == "Because."


@pytest.mark.parametrize("text", ["Vault is sealed", "Vault is sealed."])
def test_the_text_of_a_filesystem_error_gets_one_full_stop(text: str) -> None:
    class Sealed(MemoryFileSystem):
        def remove_file(self, path: VirtualPath, /) -> None:
            raise FilesystemError(text)

    (reply,) = ScriptedHost(SingleUser(Sealed())).login().feed(b"DELE f\r\n").replies()
    assert reply.lines == ("Vault is sealed.",)
