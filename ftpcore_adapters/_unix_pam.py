"""Passwords as the system's PAM checks them: whatever its administrator has configured for a service."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from ftpcore_adapters.exceptions import AuthorizerError

__all__ = ["PamPasswords", "default_service", "is_available"]

_LINUX: Final = sys.platform == "linux"

# pam_constants(3) of Linux-PAM; OpenPAM (macOS, FreeBSD) numbers some of them differently.
_SUCCESS: Final = 0
_CONVERSATION_FAILED: Final = 19 if _LINUX else 6
_SILENT: Final = 0x8000 if _LINUX else 0x80000000
_NO_EMPTY_PASSWORD: Final = 0x1
_REMOTE_HOST: Final = 4
_FAIL_DELAY: Final = 10

_ASK_HIDDEN, _ASK_SHOWN, _ERROR, _INFO = 1, 2, 3, 4

#: PAM_MAX_NUM_MSG and PAM_MAX_RESP_SIZE.
_MOST_MESSAGES: Final = 32
_MOST_BYTES: Final = 512

#: Where services are configured.
_DIRECTORIES: Final = ("/etc/pam.d", "/usr/lib/pam.d", "/usr/local/etc/pam.d")


class _Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class _Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


_CONVERSATION = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(_Message)),
    ctypes.POINTER(ctypes.c_void_p),
    ctypes.c_void_p,
)
_DELAY = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


#: Called in place of the delay; it lives as long as the library may call it.
_NO_DELAY: Final = _DELAY(lambda status, microseconds, data: None)


class _Conversation(ctypes.Structure):
    _fields_ = [("function", _CONVERSATION), ("data", ctypes.c_void_p)]


def is_available() -> bool:
    """Tell whether there is a PAM."""
    return _linked() is not None


def default_service() -> str:
    """Return "ftp" if the system has such a service, else "login"."""
    return "ftp" if _is_configured("ftp") else "login"


class PamPasswords:
    """Checks passwords by PAM: authentication, and whether the account holds.

    Who is unknown costs what the modules of the service let it cost.  Their delay after a failure is left out, for the
    session has one of its own, which keeps no other session waiting.

    Args:
        service: As in /etc/pam.d; None: `default_service`.
        directory: Where the service is configured, if it is not the system's; for Linux-PAM from 1.4 on.

    Raises:
        AuthorizerError: There is no PAM.
    """

    def __init__(self, service: str | None = None, *, directory: str | None = None) -> None:
        library = _linked()
        if library is None:
            raise AuthorizerError('passwords="pam" needs libpam, and there is none; install it, or use "shadow"')
        if directory is not None and not hasattr(library, "pam_start_confdir"):
            raise AuthorizerError("directory: this libpam knows no directory but the system's; leave it out")
        self.service = default_service() if service is None else service
        self._directory = directory
        self._library = library

    def check(self, username: str, password: str, peer: str, /) -> bool:
        library = self._library
        try:
            name, secret = _raw(username), _raw(password)
        except UnicodeEncodeError:  # no client can send it, and no system has it
            return False
        if b"\0" in name + secret or len(secret) >= _MOST_BYTES:
            return False
        answer = _CONVERSATION(_Answers(name, secret))  # held until PAM has ended
        conversation = _Conversation(answer, None)
        handle = ctypes.c_void_p()
        status = self._start(name, conversation, handle)
        if status != _SUCCESS:
            return False
        try:
            status = self._configure(handle, peer)
            if status == _SUCCESS:
                status = library.pam_authenticate(handle, _flags())
            if status == _SUCCESS:
                status = library.pam_acct_mgmt(handle, _flags())
        finally:
            library.pam_end(handle, status)
        return bool(status == _SUCCESS)

    def spend(self, password: str, /) -> None:
        """Do nothing: what PAM does for a stranger would be noted as an attempt to break in."""

    def _start(self, name: bytes, conversation: _Conversation, handle: ctypes.c_void_p) -> int:
        library, service = self._library, _raw(self.service)
        to, at = ctypes.byref(conversation), ctypes.byref(handle)
        if self._directory is None:
            return int(library.pam_start(service, name, to, at))
        return int(library.pam_start_confdir(service, name, to, os.fsencode(self._directory), at))

    def _configure(self, handle: ctypes.c_void_p, peer: str) -> int:
        library = self._library
        if _LINUX:
            library.pam_set_item(handle, _FAIL_DELAY, ctypes.cast(_NO_DELAY, ctypes.c_void_p))
        host = ctypes.c_char_p(peer.encode("ascii", "replace"))
        return int(library.pam_set_item(handle, _REMOTE_HOST, ctypes.cast(host, ctypes.c_void_p))) if peer else _SUCCESS


class _Answers:
    """What PAM asks, answered: hidden questions by the password, others by the name.

    The array and its texts are PAM's, which frees them; they come from the C library's heap.
    """

    def __init__(self, name: bytes, password: bytes) -> None:
        self._texts = {_ASK_HIDDEN: password, _ASK_SHOWN: name, _ERROR: None, _INFO: None}

    def __call__(self, count: int, messages: Any, responses: Any, _data: object) -> int:
        try:
            styles = [messages[index].contents.style for index in range(count)] if count <= _MOST_MESSAGES else []
            if not styles or not set(styles) <= set(self._texts):
                return _CONVERSATION_FAILED
            return _fill(responses, [self._texts[style] for style in styles])
        except Exception:  # noqa: BLE001  C takes what is raised here for success
            return _CONVERSATION_FAILED


def _fill(responses: Any, texts: list[bytes | None]) -> int:
    heap = _heap()
    array = heap.calloc(len(texts), ctypes.sizeof(_Response))
    if not array:
        return _CONVERSATION_FAILED
    made = (_Response * len(texts)).from_address(array)
    for response, text in zip(made, texts, strict=True):
        if text is None:
            continue
        response.text = heap.strdup(text)
        if not response.text:
            for other in made:
                heap.free(other.text)
            heap.free(array)
            return _CONVERSATION_FAILED
    responses[0] = array
    return _SUCCESS


def _flags() -> int:
    return _SILENT | _NO_EMPTY_PASSWORD


def _is_configured(service: str) -> bool:
    return any(os.path.exists(f"{directory}/{service}") for directory in _DIRECTORIES)


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@cache
def _linked() -> ctypes.CDLL | None:
    for name in ("libpam.so.0", ""):
        found = name or ctypes.util.find_library("pam")  # the search runs programs
        if found is None:
            continue
        try:
            library = ctypes.CDLL(found)
        except OSError:
            continue
        handle, text, status = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
        _declare(library.pam_start, text, text, ctypes.POINTER(_Conversation), ctypes.POINTER(handle))
        if hasattr(library, "pam_start_confdir"):
            _declare(library.pam_start_confdir, text, text, ctypes.POINTER(_Conversation), text, ctypes.POINTER(handle))
        _declare(library.pam_set_item, handle, status, ctypes.c_void_p)
        for function in (library.pam_authenticate, library.pam_acct_mgmt, library.pam_end):
            _declare(function, handle, status)
        return library
    return None


def _declare(function: Callable[..., Any], *arguments: object) -> None:
    function.argtypes = list(arguments)  # type: ignore[attr-defined]  # ctypes tells mypy little of its functions
    function.restype = ctypes.c_int  # type: ignore[attr-defined]  # as above


@cache
def _heap() -> ctypes.CDLL:
    heap = ctypes.CDLL(None)
    heap.calloc.restype = heap.strdup.restype = ctypes.c_void_p
    heap.calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
    heap.strdup.argtypes = [ctypes.c_char_p]
    heap.free.argtypes = [ctypes.c_void_p]
    heap.free.restype = None
    return heap
