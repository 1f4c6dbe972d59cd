"""Virtual paths: the one place that makes them from what a client typed.  RFC 3659 6 (TVFS).

A `VirtualPath` is absolute, "/"-separated, and holds neither "." nor ".." nor an empty component: everything behind
this module trusts that.  A backslash is a character like any other here.
"""

from __future__ import annotations

import posixpath
from typing import Final, NewType

__all__ = ["ROOT", "VirtualPath", "base_name", "join", "parent", "quoted", "resolve", "shown"]

VirtualPath = NewType("VirtualPath", str)

ROOT: Final = VirtualPath("/")


def resolve(directory: VirtualPath, text: str) -> VirtualPath:
    """Return what `text` names for a client whose current directory is `directory`; ".." stays below the root."""
    path = posixpath.normpath(text if text.startswith("/") else f"{directory}/{text}")
    # POSIX gives exactly two leading slashes a meaning of their own, and normpath keeps them.
    return VirtualPath(path[1:] if path.startswith("//") else path)


def join(directory: VirtualPath, name: str) -> VirtualPath:
    """Return the path of the entry `name`, one component, of `directory`."""
    return VirtualPath(f"{directory}{name}" if directory == ROOT else f"{directory}/{name}")


def parent(path: VirtualPath) -> VirtualPath:
    """Return the directory of `path`; the root is its own."""
    return VirtualPath(posixpath.dirname(path))


def base_name(path: VirtualPath) -> str:
    """Return the last component of `path`; "/" for the root."""
    return posixpath.basename(path) or "/"


def shown(name: str) -> str:
    """Return `name` as a reply may carry it: CR as CR NUL (RFC 2640 3.1), LF and NUL, which have no such form, as
    "?".
    """
    if "\n" in name or "\0" in name or "\r" in name:
        return name.replace("\n", "?").replace("\0", "?").replace("\r", "\r\0")
    return name


def quoted(path: str) -> str:
    """Return `path` for a 257 reply: in double quotes, those inside doubled.  RFC 959 appendix II."""
    doubled = path.replace('"', '""')
    return f'"{shown(doubled)}"'
