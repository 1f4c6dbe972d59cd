"""S3 by `FsspecFileSystem`: keys that others made, uploads in parts and what is left of them, memory, and requests."""

from __future__ import annotations

import errno
import tracemalloc
from collections import Counter
from collections.abc import Callable

import fsspec
import pytest

from ftpcore import VirtualPath
from ftpcore.ports import Capability, FileKind, OpenMode
from ftpcore.testing import ScriptedHost, SingleUser
from ftpcore_adapters import _fsspec_s3_files
from ftpcore_adapters.fsspec import FsspecFileSystem
from tests.adapters.port_files import get, listing, put, stat
from tests.adapters.s3_server import ON_S3, S3, Requests, S3Server

MIB = 1 << 20

pytestmark = ON_S3


@pytest.fixture
def files(s3: S3, bucket: str) -> FsspecFileSystem:
    return FsspecFileSystem(s3, bucket)


@pytest.fixture
def small_parts(s3: S3, bucket: str) -> FsspecFileSystem:
    return FsspecFileSystem(s3, bucket, block_size=5 * MIB)


def put_keys(s3: S3, bucket: str, *keys: str) -> None:
    """Make objects as any other tool would; each holds its key."""
    for key in keys:
        s3.call_s3("put_object", Bucket=bucket, Key=key, Body=key.encode())


def keys(s3: S3, bucket: str) -> list[str]:
    found = s3.call_s3("list_objects_v2", Bucket=bucket).get("Contents", [])
    assert isinstance(found, list)
    return [entry["Key"] for entry in found]


def uploads(s3: S3, bucket: str) -> object:
    """Return the uploads that S3 keeps parts of."""
    return s3.call_s3("list_multipart_uploads", Bucket=bucket).get("Uploads", [])


def test_what_s3_can_do_is_declared(files: FsspecFileSystem) -> None:
    assert files.capabilities == (Capability.WRITE | Capability.ATOMIC | Capability.CONFINED | Capability.EXACT_NAMES)


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        (Capability.WRITE | Capability.ATOMIC | Capability.RENAME, "leave it out"),
        (Capability.WRITE | Capability.ATOMIC | Capability.RESUME, "leave it out"),
        (Capability.WRITE | Capability.ATOMIC | Capability.APPEND, "leave it out"),
        (Capability.WRITE, "ATOMIC with WRITE"),
    ],
    ids=str,
)
def test_what_s3_can_not_do_is_not_declared(s3: S3, bucket: str, declared: Capability, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        FsspecFileSystem(s3, bucket, capabilities=declared)


def test_a_root_is_a_bucket(s3: S3) -> None:
    with pytest.raises(ValueError, match="bucket"):
        FsspecFileSystem(s3)


@pytest.mark.parametrize("block_size", [MIB, 6 << 30])
def test_parts_are_of_a_size_that_s3_takes(s3: S3, block_size: int) -> None:
    with pytest.raises(ValueError, match="block_size"):
        FsspecFileSystem(s3, "bucket", block_size=block_size)


def test_a_url_names_bucket_and_prefix(s3_server: S3Server, s3: S3, bucket: str) -> None:
    put_keys(s3, bucket, "some/prefix/x", "some/other")
    files = FsspecFileSystem.from_url(f"s3://{bucket}/some/prefix", capabilities=None, **s3_server.options)
    assert set(listing(files)) == {"x"}
    put(files, "/y", b"y")
    assert keys(s3, bucket) == ["some/other", "some/prefix/x", "some/prefix/y"]


def test_directories_are_what_keys_imply_and_markers_are_hidden(s3: S3, bucket: str, files: FsspecFileSystem) -> None:
    put_keys(s3, bucket, "implied/below/x", "marked/", "marked/x", "empty/")
    assert {name: info.kind for name, info in listing(files).items()} == dict.fromkeys(
        ("implied", "marked", "empty"), FileKind.DIRECTORY
    )
    assert set(listing(files, "/marked")) == {"x"}
    assert listing(files, "/empty") == {}
    files.enter_dir(VirtualPath("/implied/below"))
    assert get(files, "/implied/below/x") == b"implied/below/x"
    put(files, "/implied/y", b"")
    with pytest.raises(OSError, match="/implied") as refused:
        files.remove_dir(VirtualPath("/implied"))
    assert refused.value.errno == errno.ENOTEMPTY


def test_make_dir_leaves_a_marker(s3: S3, bucket: str, files: FsspecFileSystem) -> None:
    files.make_dir(VirtualPath("/d"))
    files.make_dir(VirtualPath("/d/e"))
    assert keys(s3, bucket) == ["d/", "d/e/"]
    files.remove_dir(VirtualPath("/d/e"))
    assert keys(s3, bucket) == ["d/"]


def test_keys_that_no_path_names_are_not_listed(s3: S3, bucket: str, files: FsspecFileSystem) -> None:
    put_keys(s3, bucket, "a//b", "a/../c", "a/./d", "../e", "/f", "ok")
    assert set(listing(files)) == {"a", "ok"}
    assert listing(files, "/a") == {}


def test_a_listing_asks_for_a_page_when_it_is_wanted(s3: S3, bucket: str, files: FsspecFileSystem) -> None:
    put_keys(s3, bucket, *(f"d/{number:04}" for number in range(1001)))
    requests = Requests(s3)
    entries = files.scan_dir(VirtualPath("/d"), follow=True)
    assert [next(entries).name for _ in range(1000)] == [f"{number:04}" for number in range(1000)]
    assert requests.names == ["ListObjectsV2"]
    assert [info.name for info in entries] == ["1000"]
    assert requests.names == ["ListObjectsV2"] * 2


def test_a_file_hides_the_directory_of_its_name(s3: S3, bucket: str, files: FsspecFileSystem) -> None:
    put_keys(s3, bucket, "x", "x-y", "x/", "x/below", "x0")
    assert {name: info.kind for name, info in listing(files).items()} == dict.fromkeys(
        ("x", "x-y", "x0"), FileKind.FILE
    )
    assert stat(files, "/x").kind is FileKind.FILE
    with pytest.raises(NotADirectoryError):
        files.enter_dir(VirtualPath("/x"))


def test_a_directory_is_found_behind_names_that_begin_like_it(s3: S3, bucket: str, files: FsspecFileSystem) -> None:
    put_keys(s3, bucket, "x!", "x.txt", "x/below")
    assert stat(files, "/x").kind is FileKind.DIRECTORY
    with pytest.raises(FileNotFoundError):
        stat(files, "/x.t")


@pytest.mark.parametrize("name", ["a?versionId=1", "s3:", "a#b&c=d+e%20", "arn:aws:s3"])
def test_names_that_s3fs_takes_apart_are_kept(s3: S3, bucket: str, files: FsspecFileSystem, name: str) -> None:
    put(files, f"/{name}", b"kept")
    assert keys(s3, bucket) == [name]
    assert get(files, f"/{name}") == b"kept"
    files.remove_file(VirtualPath(f"/{name}"))
    assert keys(s3, bucket) == []


def test_a_key_too_long_is_a_name_too_long(s3: S3, bucket: str) -> None:
    files = FsspecFileSystem(s3, f"{bucket}/{'p' * 500}")
    put(files, "/" + "n" * 523, b"")
    with pytest.raises(OSError, match="nnn") as refused:
        put(files, "/" + "n" * 524, b"")
    assert refused.value.errno == errno.ENAMETOOLONG


def test_an_upload_is_stored_in_parts_and_nothing_is_left(s3: S3, bucket: str, small_parts: FsspecFileSystem) -> None:
    data = bytes(range(256)) * (11 * MIB // 256) + b"tail"
    put(small_parts, "/x", data)
    assert get(small_parts, "/x") == data
    found = s3.call_s3("head_object", Bucket=bucket, Key="x")
    assert str(found["ETag"]).endswith('-3"')  # S3 tells by it of how many parts it is
    assert uploads(s3, bucket) == []


@pytest.mark.parametrize("size", [0, 1, 5 * MIB, 12 * MIB], ids=["nothing", "a byte", "a part", "parts"])
def test_an_upload_that_is_given_up_leaves_nothing(
    s3: S3, bucket: str, small_parts: FsspecFileSystem, size: int
) -> None:
    file = small_parts.open_file(VirtualPath("/x"), OpenMode.REPLACE)
    for offset in range(0, size, MIB):
        file.write_at(offset, bytes(min(MIB, size - offset)))
    assert (uploads(s3, bucket) != []) is (size >= 5 * MIB)
    file.close(complete=False)
    assert uploads(s3, bucket) == []
    assert keys(s3, bucket) == []


def test_an_upload_that_is_not_accepted_leaves_nothing(s3: S3, bucket: str, small_parts: FsspecFileSystem) -> None:
    file = small_parts.open_file(VirtualPath("/x"), OpenMode.REPLACE)
    file.write_at(0, bytes(6 * MIB))
    small_parts.make_dir(VirtualPath("/x"))
    with pytest.raises(IsADirectoryError):
        file.close(complete=True)
    assert uploads(s3, bucket) == []
    assert keys(s3, bucket) == ["x/"]


def test_an_upload_with_a_part_missing_is_not_stored(s3: S3, bucket: str, small_parts: FsspecFileSystem) -> None:
    file = small_parts.open_file(VirtualPath("/x"), OpenMode.REPLACE)
    file.write_at(0, bytes(5 * MIB))
    s3.call_s3("abort_multipart_upload", Bucket=bucket, Key="x", UploadId=_pending(s3, bucket))
    with pytest.raises(OSError, match="/x"):
        file.write_at(5 * MIB, bytes(5 * MIB))
    with pytest.raises(OSError, match="/x") as failed:
        file.close(complete=True)
    assert failed.value.errno == errno.EIO
    assert keys(s3, bucket) == []


def _pending(s3: S3, bucket: str) -> str:
    found = uploads(s3, bucket)
    assert isinstance(found, list)
    (upload,) = found
    return str(upload["UploadId"])


def test_an_upload_of_too_many_parts_is_too_large(
    small_parts: FsspecFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_fsspec_s3_files, "PART_LIMIT", 2)
    file = small_parts.open_file(VirtualPath("/x"), OpenMode.REPLACE)
    file.write_at(0, bytes(10 * MIB))
    with pytest.raises(OSError, match="/x") as refused:
        file.write_at(10 * MIB, b"x")
    file.close(complete=False)
    assert refused.value.errno == errno.EFBIG


def test_a_unique_file_does_not_replace_what_came_meanwhile(s3: S3, bucket: str, small_parts: FsspecFileSystem) -> None:
    for size in (1, 6 * MIB):
        name, file = small_parts.open_unique(VirtualPath("/"), "u")
        file.write_at(0, bytes(size))
        put_keys(s3, bucket, name)
        with pytest.raises(FileExistsError):
            file.close(complete=True)
        assert get(small_parts, f"/{name}") == name.encode()
    assert uploads(s3, bucket) == []


def test_a_large_upload_and_download_hold_a_few_parts_in_memory(
    small_parts: FsspecFileSystem, scaled: Callable[[int], int]
) -> None:
    size = max(40 * MIB, scaled(640 * MIB))
    block = bytes(range(256)) * 1024
    put(small_parts, "/warm", bytes(MIB))
    assert get(small_parts, "/warm") == bytes(MIB)
    tracemalloc.start()
    try:
        upload = small_parts.open_file(VirtualPath("/x"), OpenMode.REPLACE)
        for offset in range(0, size, len(block)):
            upload.write_at(offset, block)
        upload.close(complete=True)
        written = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        download = small_parts.open_file(VirtualPath("/x"), OpenMode.READ)
        for offset in range(0, size, len(block)):
            assert download.read_at(offset, len(block)) == block
        download.close(complete=True)
        read = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # A part, what aiohttp holds of it to send or has received of it, and what surrounds it.
    assert written < 4 * 5 * MIB
    assert read < 4 * 5 * MIB


def test_reading_the_start_of_a_large_file_costs_one_small_range(s3: S3, files: FsspecFileSystem) -> None:
    put(files, "/x", bytes(range(256)) * (20 * MIB // 256))
    requests = Requests(s3)
    file = files.open_file(VirtualPath("/x"), OpenMode.READ)
    tracemalloc.start()
    try:
        for offset in range(0, MIB, 1 << 16):
            assert file.read_at(offset, 256) == bytes(range(256))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert requests.names == ["ListObjectsV2", "GetObject"]
    assert peak < 4 * MIB
    for offset in range(0, 20 * MIB, 1 << 16):
        file.read_at(offset, 1 << 16)
    file.close(complete=True)
    assert Counter(requests.names) == {"ListObjectsV2": 1, "GetObject": 5}  # 1, 2, 4, 8, and the rest


def test_a_file_that_was_replaced_since_is_not_mixed(files: FsspecFileSystem) -> None:
    put(files, "/x", bytes(3 * MIB))
    file = files.open_file(VirtualPath("/x"), OpenMode.READ)
    assert file.read_at(0, 10) == bytes(10)
    put(files, "/x", b"1" * 3 * MIB)
    with pytest.raises(OSError, match="/x") as failed:
        file.read_at(2 * MIB, 10)
    file.close(complete=True)
    assert failed.value.errno == errno.ESTALE


def test_listings_that_others_remember_are_not_stale(s3_server: S3Server, bucket: str) -> None:
    """s3fs remembers listings by default: not for us, and what we change it forgets."""
    remembering = s3_server.connect()
    other = s3_server.connect()
    files = FsspecFileSystem(remembering, bucket)
    put_keys(other, bucket, "d/x")
    assert [entry["name"] for entry in remembering.ls(f"{bucket}/d", detail=True)] == [f"{bucket}/d/x"]
    put_keys(other, bucket, "d/y")
    assert set(listing(files, "/d")) == {"x", "y"}
    assert stat(files, "/d/y").size == 3
    put(files, "/d/z", b"")
    files.remove_file(VirtualPath("/d/x"))
    assert [entry["name"] for entry in remembering.ls(f"{bucket}/d", detail=True)] == [f"{bucket}/d/y", f"{bucket}/d/z"]


def test_backends_that_remember_listings_are_asked_again(s3_server: S3Server, s3: S3, bucket: str) -> None:
    """As any backend that is not known: here it is S3 behind one that wraps it."""
    put_keys(s3, bucket, "d/x")
    files = FsspecFileSystem(fsspec.filesystem("dir", path=bucket, fs=s3_server.connect()))
    assert set(listing(files, "/d")) == {"x"}
    put_keys(s3, bucket, "d/y")
    s3.call_s3("delete_object", Bucket=bucket, Key="d/x")
    assert set(listing(files, "/d")) == {"y"}
    with pytest.raises(FileNotFoundError):
        stat(files, "/d/x")


#: Requests of each command, as `docs/fsspec.md` tells.
REQUESTS = {
    "CWD /": "",
    "CWD d": "List",
    "LIST": "List",
    "MLSD d": "List",
    "SIZE d/f": "List",
    "MDTM d/f": "List",
    "MLST d": "List",
    "RETR d/f": "List Get",
    "RETR missing": "List",
    "STOR new": "List List List Put",
    "STOR d/f": "List List List Put",
    "STOR d/new": "List List List List List Put",
    "STOU d/x": "List List List Put",
    "MKD new": "List Put",
    "MKD d/new": "List List Put",
    "RMD empty": "List List Delete",
    "DELE d/f": "List Delete",
    "RNFR d/f": "",
    "APPE d/f": "",
    "FEAT": "",
}


@pytest.mark.parametrize("command", REQUESTS)
def test_requests_of_a_command(s3: S3, bucket: str, files: FsspecFileSystem, command: str) -> None:
    put_keys(s3, bucket, "d/", "d/f", "empty/")
    host = ScriptedHost(SingleUser(files)).login()
    requests = Requests(s3)
    host.feed(f"PORT 127,0,0,1,100,1\r\n{command}\r\n".encode())
    if command.startswith("STO"):
        host.upload(b"x").finish()
    names = [name.replace("ObjectsV2", "").replace("Object", "") for name in requests.names]
    host.feed(b"QUIT\r\n")
    assert " ".join(names) == REQUESTS[command]


def test_what_s3_can_not_do_is_refused_and_not_promised(s3: S3, bucket: str, files: FsspecFileSystem) -> None:
    put_keys(s3, bucket, "x")
    host = ScriptedHost(SingleUser(files)).login()
    commands = ["RNFR x", "APPE x", "MFMT 20010203040506 x", "SITE CHMOD 644 x"]
    codes = host.feed("".join(f"{command}\r\n" for command in commands).encode()).codes()
    assert codes == [502, 502, 502, 504]
    features = host.feed(b"FEAT\r\nMLST x\r\nQUIT\r\n").replies()
    assert not any("REST STREAM" in line or "MFMT" in line for line in features[0].lines)
    (facts,) = (line for line in features[1].lines if "perm=" in line)
    assert "perm=dw;" in facts.lower() or "perm=rdw;" in facts.lower() or "perm=drw;" in facts.lower()
    assert keys(s3, bucket) == ["x"]
