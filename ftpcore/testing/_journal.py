"""The values in a journal: what goes into a session and comes out of it, as JSON and back.

Contents of files and of listings are told by their digest and, where lines matter, by their shape: every byte but CR
and LF is an "x".  That is enough to replay a session to the same replies and to data of the same shape.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum, Flag
from typing import Any, Final, TypeAlias

from ftpcore._addresses import Address
from ftpcore._effects import Cancel, CloseControl, Effect, Perform, SendControl
from ftpcore._errors import (
    AuthenticationFailed,
    EffectCancelled,
    FilesystemError,
    ServerFull,
    UnsupportedOperation,
)
from ftpcore._listing_effects import Page
from ftpcore._session import Output
from ftpcore._tls import PeerCertificate, StreamTruncated, TLSDetails
from ftpcore.ports import Account, Capability, FileInfo, FileKind

__all__ = [
    "FORMAT",
    "Files",
    "ReplayedFile",
    "ReplayedFileSystem",
    "Value",
    "decode",
    "decode_error",
    "encode",
    "encode_error",
    "shape",
    "told_output",
]

#: The version in the first line of a journal.
FORMAT: Final = 1

#: What JSON can hold.
Value: TypeAlias = Any  # Any: JSON is what it is

#: Every byte but CR and LF becomes an "x".
_SHAPE: Final = bytes(byte if byte in b"\r\n" else ord("x") for byte in range(256))

_ERRORS: Final[Mapping[str, type[Exception]]] = {
    kind.__name__: kind
    for kind in (
        *(AuthenticationFailed, EffectCancelled, FilesystemError, ServerFull, UnsupportedOperation),
        *(OSError, FileNotFoundError, FileExistsError, PermissionError, NotADirectoryError, IsADirectoryError),
        *(BlockingIOError, TimeoutError, ConnectionError, BrokenPipeError, ConnectionResetError),
        *(ConnectionAbortedError, ConnectionRefusedError, StreamTruncated),
    )
}


def shape(data: bytes | memoryview) -> bytes:
    """Return `data` with every byte but CR and LF replaced by an "x"."""
    return bytes(data).translate(_SHAPE)


class Files:
    """Numbers the files of a session in the order in which they were opened."""

    def __init__(self) -> None:
        self._files: list[object] = []

    def add(self, file: object) -> int:
        self._files.append(file)
        return len(self._files)

    def number(self, file: object) -> int:
        """Return the number of a file; 0 for one that nobody added."""
        return next((number for number, known in enumerate(self._files, 1) if known is file), 0)


class ReplayedFile:
    """Stands for a file in a replay; nothing is asked of it but what it was when it was opened."""

    def __init__(self, told: Mapping[str, Value]) -> None:
        self.name: str = told["name"]
        self.size: int = told["size"]
        self.created: bool = told["created"]
        if told["kernel"]:
            self.fileno: Callable[[], int] = lambda: -1
        self.read_at = None  # by which a file is known


class ReplayedFileSystem:
    """Stands for a filesystem in a replay; nothing is asked of it but what it declares."""

    blocking = False

    def __init__(self, told: Mapping[str, Value]) -> None:
        self.capabilities = Capability(told["capabilities"])
        self.formats_list: bool = told["formats_list"]
        self.formats_facts: bool = told["formats_facts"]


def told_output(output: Output, files: Files, *, contents: bool) -> Value:
    """Return an output as a line of a journal; None for an event, which tells what the outputs do."""
    match output:
        case SendControl(data):
            return {"out": "control", "data": data.decode("latin-1")}
        case Perform(lane, serial, effect):
            told = _effect(effect, files, contents=contents)
            return {"out": "perform", "lane": lane.name, "serial": serial, "effect": told}
        case Cancel(serial):
            return {"out": "cancel", "serial": serial}
        case CloseControl():
            return {"out": "close"}
        case _:
            return None


def _effect(effect: Effect[Any], files: Files, *, contents: bool) -> Value:
    """Tell of an effect: its class and its fields; a password is left out, data are told by their shape."""
    told = {
        field.name: _described(getattr(effect, field.name), files, contents)
        for field in fields(effect)  # type: ignore[arg-type]  # every effect is a dataclass
        if field.name not in ("password", "arguments")  # arguments of hooks may be passwords
    }
    return {type(effect).__name__: told}


def _described(value: object, files: Files, contents: bool) -> Value:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes | memoryview):
        if contents:
            return bytes(value).decode("latin-1")
        return {"size": len(value), "shape": hashlib.sha256(shape(value)).hexdigest()}
    if isinstance(value, Flag):
        return value.value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Account):
        return value.name
    if isinstance(value, PeerCertificate):
        return value.common_name
    if isinstance(value, tuple | list):
        return [_described(item, files, contents) for item in value]
    if hasattr(value, "read_at"):
        return {"file": files.number(value)}
    if callable(value):
        return getattr(value, "__qualname__", "callable").rpartition(".")[2]
    return "iterator" if hasattr(value, "__next__") or hasattr(value, "__anext__") else type(value).__name__


def encode(value: object, files: Files, *, contents: bool) -> Value:
    """Return the answer to an effect as JSON can hold it; what `decode` can't make again is {"opaque": ...}."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes | memoryview | bytearray):
        return _encoded_bytes(bytes(value), contents)
    if isinstance(value, Address):
        return {"address": list(value)}
    if isinstance(value, TLSDetails):
        told = [value.version, value.cipher, value.reused, value.server_name, value.protocol]
        return {"tls": told, "certificate": _encoded_certificate(value.certificate)}
    if isinstance(value, FileInfo):
        return {"info": [value.name, value.kind.name, *value[2:]]}
    if isinstance(value, Page):
        entries = [encode(entry, files, contents=contents) for entry in value.entries]
        return {"page": entries, "more": value.rest is not None}
    if isinstance(value, Account):
        return {"account": _encoded_account(value), "filesystem": _encoded_filesystem(value.filesystem)}
    if hasattr(value, "read_at"):
        return {"file": _encoded_file(value, files)}
    if isinstance(value, tuple) and len(value) == 2 and hasattr(value[1], "read_at"):
        return {"unique": value[0], "file": _encoded_file(value[1], files)}
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return {"opaque": type(value).__name__}


def decode(value: Value, files: Files) -> object:
    """Return what `encode` was given, or what stands for it in a replay."""
    match value:
        case {"bytes": str(text)}:
            return text.encode("latin-1")
        case {"size": int(size), "shape": None}:
            return b"x" * size
        case {"size": int(), "shape": str(packed)}:
            return zlib.decompress(bytes.fromhex(packed))
        case {"address": [host, port]}:
            return Address(host, port)
        case {"tls": [version, cipher, reused, server_name, protocol], "certificate": certificate}:
            return TLSDetails(version, cipher, reused, server_name, protocol, _decoded_certificate(certificate))
        case {"info": [name, kind, *rest]}:
            return FileInfo(name, FileKind[kind], *rest)
        case {"page": entries, "more": more}:
            return Page([decode(entry, files) for entry in entries], iter(()) if more else None)
        case {"account": told, "filesystem": filesystem}:
            return Account(filesystem=ReplayedFileSystem(filesystem), **told)  # type: ignore[arg-type]  # stands for one
        case {"unique": name, "file": told}:
            return name, _decoded_file(told, files)
        case {"file": told}:
            return _decoded_file(told, files)
        case {"opaque": _}:
            return None
        case _:
            return value


def encode_error(error: BaseException) -> Value:
    if isinstance(error, AttributeError) and hasattr(error.obj, "capabilities"):  # a verb that the port leaves out
        error = UnsupportedOperation(error.name)
    number = error.errno if isinstance(error, OSError) else None
    text = error.strerror if number is not None and isinstance(error, OSError) else str(error)
    told = {"error": type(error).__name__, "errno": number, "text": text or ""}
    known = next((kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _ERRORS), None)
    return told if known in (None, told["error"]) else {**told, "is": known}


def decode_error(value: Value) -> BaseException:
    """Return an error that gets the same reply as the one that was told."""
    name, number, text = value.get("is", value["error"]), value["errno"], value["text"]
    arguments = [text] if text else []
    if number is not None:
        kind = _ERRORS[name] if name in ("StreamTruncated", "UnsupportedOperation") else OSError
        return kind(number, text)
    if name.startswith("Unicode"):
        return UnicodeError(*arguments)
    return _ERRORS.get(name, Exception)(*arguments)


def _encoded_certificate(certificate: PeerCertificate | None) -> Value:
    if certificate is None:
        return None
    return [certificate.der.hex(), certificate.common_name, *map(list, certificate.subject)]


def _decoded_certificate(told: Value) -> PeerCertificate | None:
    if told is None:
        return None
    der, common_name, *subject = told
    return PeerCertificate(bytes.fromhex(der), common_name, tuple((name, value) for name, value in subject))


def _encoded_bytes(data: bytes, contents: bool) -> Value:
    if contents:
        return {"bytes": data.decode("latin-1")}
    lines = zlib.compress(shape(data)).hex() if b"\n" in data or b"\r" in data else None
    return {"size": len(data), "shape": lines, "sha256": hashlib.sha256(data).hexdigest()}


def _encoded_account(account: Account) -> Value:
    assert is_dataclass(account)
    told = {field.name: getattr(account, field.name) for field in fields(Account) if field.name != "filesystem"}
    letters = account.everywhere()
    return {**told, "rights": account.rights if letters is None else letters, "rights_vary": letters is None}


def _encoded_filesystem(filesystem: object) -> Value:
    capabilities: Capability = getattr(filesystem, "capabilities", Capability.NONE)
    formats = {name: bool(getattr(filesystem, name, False)) for name in ("formats_list", "formats_facts")}
    return {"capabilities": capabilities.value, **formats}


def _encoded_file(file: Any, files: Files) -> Value:
    files.add(file)
    return {"name": file.name, "size": file.size, "created": file.created, "kernel": hasattr(file, "fileno")}


def _decoded_file(told: Mapping[str, Value], files: Files) -> ReplayedFile:
    file = ReplayedFile(told)
    files.add(file)
    return file
