"""Open objects of S3: read by ranges, written in parts."""

from __future__ import annotations

import errno
from contextlib import suppress
from typing import Final

from ftpcore import UnsupportedOperation
from ftpcore_adapters._fsspec_bucket import Bucket, S3Object
from ftpcore_adapters._fsspec_errors import os_error
from ftpcore_adapters._fsspec_files import OpenFile
from ftpcore_adapters._fsspec_store import Calls

__all__ = ["Download", "Upload"]

#: Parts that S3 takes for one object.
PART_LIMIT: Final = 10_000

#: Bytes that the first request for a range asks for, so that a client that looks at the beginning costs little; each
#: that follows on asks for twice as many, up to the size of a part.
_FIRST_RANGE: Final = 1 << 20


class Download(OpenFile):
    """An object that is read.  One range of it is held.

    S3 keeps no object for those who have it open: one that was replaced since raises OSError(ESTALE), one that was
    removed FileNotFoundError, and bytes of two objects are never mixed.
    """

    def __init__(self, calls: Calls, path: str, bucket: Bucket, found: S3Object, block_size: int) -> None:
        super().__init__(calls, f"s3://{bucket.name}/{found['Key']}", path, size=found["Size"], created=False)
        self._bucket = bucket
        self._key = found["Key"]
        self._etag = found["ETag"]
        self._most = block_size
        self._ahead = min(_FIRST_RANGE, block_size)
        self._start = 0
        self._range = b""

    def read_at(self, offset: int, size: int, /) -> bytes:
        self._check_open()
        end = min(offset + size, self.size)
        blocks = []
        while offset < end:
            if not self._start <= offset < self._start + len(self._range):
                self._fetch(offset, end - offset)
            blocks.append(self._range[offset - self._start : end - self._start])
            offset += len(blocks[-1])
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def _fetch(self, offset: int, size: int) -> None:
        follows = offset == self._start + len(self._range)
        self._range = b""  # first, so that never two are held
        self._start = offset
        if follows and offset:
            self._ahead = min(2 * self._ahead, self._most)
        last = min(offset + max(self._ahead, min(size, self._most)), self.size) - 1
        with self._calls.about(self._path):
            try:
                found = self._bucket.fetch(self._key, offset, last, self._etag)
            except OSError as error:
                # The range is inside of the object of this ETag, so what is wrong is the ETag.
                if error.errno == errno.EINVAL:
                    raise os_error(errno.ESTALE, self._path) from error
                raise
            if len(found) != last + 1 - offset:
                raise os_error(errno.EIO, self._path)
        self._range = found

    def _end(self, complete: bool) -> None:
        self._range = b""


class Upload(OpenFile):
    """An object that is written: each part goes to S3 when it is full, and one part is held.

    Nobody sees anything of it before `close(complete=True)`.  What fits into one part is stored in one request.

    Args:
        block_size: Bytes of a part.
        new: Refuse to replace an object, at the end.
    """

    def __init__(
        self, calls: Calls, path: str, bucket: Bucket, key: str, block_size: int, *, created: bool, new: bool = False
    ) -> None:
        super().__init__(calls, f"s3://{bucket.name}/{key}", path, size=0, created=created)
        self._bucket = bucket
        self._key = key
        self._block_size = block_size
        self._new = new
        self._part = bytearray()
        self._written = 0
        self._upload = ""
        self._etags: list[str] = []
        self._failed = False

    def write_at(self, offset: int, data: bytes, /) -> None:
        self._check_open()
        if offset != self._written:
            raise UnsupportedOperation("an object of S3 is written from its start to its end")
        if offset + len(data) > PART_LIMIT * self._block_size:
            raise os_error(errno.EFBIG, self._path)
        rest = memoryview(data)
        self._written += len(rest)
        while rest:
            room = self._block_size - len(self._part)
            self._part += rest[:room]
            rest = rest[room:]
            if len(self._part) == self._block_size:
                with self._calls.about(self._path):
                    self._send()

    def _send(self) -> None:
        try:
            if not self._upload:
                self._upload = self._bucket.begin_upload(self._key)
            number = len(self._etags) + 1
            self._etags.append(self._bucket.upload_part(self._key, self._upload, number, self._taken()))
        except BaseException:
            self._failed = True
            raise

    def _taken(self) -> bytes:
        """Return what is held, and hold it no longer: sending takes as much memory again."""
        content = bytes(self._part)
        self._part = bytearray()
        return content

    def _end(self, complete: bool) -> None:
        try:
            if complete:
                self._commit()
                self._upload = ""
        finally:
            self._part = bytearray()
            if self._upload:
                # What could not be aborted stays in the bucket, unseen, until a rule of the bucket removes it.
                with suppress(Exception):
                    self._bucket.abort_upload(self._key, self._upload)

    def _commit(self) -> None:
        if self._failed:  # a part is missing
            raise os_error(errno.EIO, self._path)
        # S3 would take both a file and a directory of one name.
        if self._bucket.first_keys(f"{self._key}/", 1):
            raise os_error(errno.EISDIR, self._path)
        if not self._upload:
            self._bucket.put(self._key, self._taken(), new=self._new)
            return
        if self._part:
            self._send()
        self._bucket.complete_upload(self._key, self._upload, self._etags, new=self._new)
