"""The requests of S3 for one bucket, which s3fs signs, sends and repeats.

Its methods for files are not used: they see in keys what is not there, such as "?versionId=", remember listings, and
complete an upload that nobody closes.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal, NamedTuple, NotRequired, Protocol, TypedDict, overload

from fsspec.asyn import sync
from s3fs.core import S3_RETRYABLE_ERRORS

__all__ = ["Bucket", "Entries", "S3Backend", "S3Object"]

#: Keys of a full page of a listing, which S3 itself gives no more of.
PAGE: Final = 1000

#: Times that a range is read whose connection breaks.
_READ_TRIES: Final = 3


class S3Object(TypedDict):
    Key: str
    Size: int
    LastModified: datetime
    ETag: str


class _Prefix(TypedDict):
    Prefix: str


class _Page(TypedDict):
    Contents: NotRequired[list[S3Object]]
    CommonPrefixes: NotRequired[list[_Prefix]]
    IsTruncated: bool
    NextContinuationToken: NotRequired[str]


class _Begun(TypedDict):
    UploadId: str


class _Stored(TypedDict):
    ETag: str


class _Body(Protocol):
    async def read(self) -> bytes: ...
    def close(self) -> None: ...


class _Answer(TypedDict):
    Body: _Body


class S3Backend(Protocol):
    """An `s3fs.S3FileSystem`.  It adds what its owner set for all requests, such as encryption, to each."""

    @overload
    def call_s3(self, method: Literal["list_objects_v2"], /, **arguments: object) -> _Page: ...
    @overload
    def call_s3(self, method: Literal["create_multipart_upload"], /, **arguments: object) -> _Begun: ...
    @overload
    def call_s3(self, method: Literal["upload_part"], /, **arguments: object) -> _Stored: ...
    @overload
    def call_s3(self, method: str, /, **arguments: object) -> object: ...
    async def _call_s3(self, method: str, /, **arguments: object) -> _Answer: ...
    def split_path(self, path: str, /) -> tuple[str, str, str | None]: ...
    def invalidate_cache(self, path: str | None = None, /) -> None: ...

    @property
    def loop(self) -> AbstractEventLoop: ...


class Entries(NamedTuple):
    """A page of a listing, in the order of keys."""

    objects: list[S3Object]
    prefixes: list[str]
    """Beginnings of keys up to a "/", each for all keys that have it."""


class Bucket:
    """One bucket; all threads may use it.

    Contents are bytes, and no file objects, though aiohttp says that these would lock its loop less: s3fs repeats a
    request that failed, and would go on in the middle of a file object.
    """

    def __init__(self, s3: S3Backend, name: str) -> None:
        self._s3 = s3
        self.name = name

    def pages(self, prefix: str, *, delimiter: str = "/", limit: int = PAGE) -> Iterator[Entries]:
        """Iterate over the keys that begin with `prefix`, up to `limit` at once, in one request for each page."""
        token: dict[str, str] = {}
        while True:
            page = self._s3.call_s3(
                "list_objects_v2", Bucket=self.name, Prefix=prefix, Delimiter=delimiter, MaxKeys=limit, **token
            )
            yield Entries(page.get("Contents", []), [found["Prefix"] for found in page.get("CommonPrefixes", [])])
            if not page["IsTruncated"]:
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def first_keys(self, prefix: str, count: int) -> list[str]:
        """Return up to `count` keys that begin with `prefix`."""
        found: list[str] = []
        # A page may hold fewer than there are.
        for page in self.pages(prefix, delimiter="", limit=count):
            found += [entry["Key"] for entry in page.objects]
            if len(found) >= count:
                break
        return found[:count]

    def fetch(self, key: str, first: int, last: int, etag: str) -> bytes:
        """Return the bytes from `first` to `last`, both included, or raise if the object is not that of `etag`."""
        content: bytes = sync(self._s3.loop, self._fetch, key, first, last, etag)
        return content

    def put(self, key: str, content: bytes, *, new: bool) -> None:
        """Store an object in one request; with `new`, FileExistsError if there is one."""
        self._s3.call_s3("put_object", Bucket=self.name, Key=key, Body=content, **_unless_there(new))
        self._changed(key)

    def delete(self, key: str) -> None:
        self._s3.call_s3("delete_object", Bucket=self.name, Key=key)
        self._changed(key)

    def begin_upload(self, key: str) -> str:
        """Begin an object in parts; return what names the upload."""
        return self._s3.call_s3("create_multipart_upload", Bucket=self.name, Key=key)["UploadId"]

    def upload_part(self, key: str, upload: str, number: int, content: bytes) -> str:
        """Send a part, counted from 1; return its ETag."""
        return self._s3.call_s3(
            "upload_part", Bucket=self.name, Key=key, UploadId=upload, PartNumber=number, Body=content
        )["ETag"]

    def complete_upload(self, key: str, upload: str, etags: list[str], *, new: bool) -> None:
        """Make an object of the parts; with `new`, FileExistsError if there is one."""
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        self._s3.call_s3(
            "complete_multipart_upload",
            Bucket=self.name,
            Key=key,
            UploadId=upload,
            MultipartUpload={"Parts": parts},
            **_unless_there(new),
        )
        self._changed(key)

    def abort_upload(self, key: str, upload: str) -> None:
        self._s3.call_s3("abort_multipart_upload", Bucket=self.name, Key=key, UploadId=upload)

    async def _fetch(self, key: str, first: int, last: int, etag: str) -> bytes:
        for tries_left in reversed(range(_READ_TRIES)):
            answer = await self._s3._call_s3(
                "get_object", Bucket=self.name, Key=key, Range=f"bytes={first}-{last}", IfMatch=etag
            )
            try:
                return await answer["Body"].read()
            except S3_RETRYABLE_ERRORS:
                if not tries_left:
                    raise
            finally:
                answer["Body"].close()
        raise AssertionError("the last try returns or raises")

    def _changed(self, key: str) -> None:
        """Have the backend forget what it remembers for others who use it."""
        self._s3.invalidate_cache(f"{self.name}/{key}")


def _unless_there(new: bool) -> dict[str, str]:
    return {"IfNoneMatch": "*"} if new else {}
