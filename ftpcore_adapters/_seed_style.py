"""What the class of a seed-style filesystem overrides, and what that means for the port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from ftpcore.ports import Capability
from ftpcore_adapters import filesystems
from ftpcore_adapters._local_files import DISK
from ftpcore_adapters._seed_info import INFO_METHODS
from ftpcore_adapters.filesystems import AbstractedFS

__all__ = ["SeedStyle", "style_of"]

#: Verb of the port -> the seed methods that it rests on.
_RESTS_ON: Final = {
    "stat": INFO_METHODS | {"lexists"},
    "scan_dir": INFO_METHODS | {"listdir"},
    "enter_dir": frozenset({"chdir", "fs2ftp"}),
    "open_file": frozenset({"open"}),
    "open_unique": frozenset({"mkstemp"}),
    "make_dir": frozenset({"mkdir"}),
    "remove_dir": frozenset({"rmdir"}),
    "remove_file": frozenset({"remove"}),
    "rename": frozenset({"rename"}),
    "set_mode": frozenset({"chmod"}),
    "set_modified": frozenset({"utime"}),
}

#: Whoever overrides one of these says where every path leads.
_PATHS: Final = frozenset({"ftpnorm", "ftp2fs", "validpath", "realpath", "root", "cwd"})

_OVERRIDABLE: Final = _PATHS.union(*_RESTS_ON.values(), ("format_list", "format_mlsx"))


@dataclass(frozen=True, slots=True)
class SeedStyle:
    """What a class of seed-style filesystems means for the port."""

    overridden: frozenset[str]
    local_verbs: frozenset[str]
    """Verbs of the port that rest on nothing the class overrides."""
    whole_disk: bool
    capabilities: Capability


_STYLES: Final[WeakKeyDictionary[type[AbstractedFS], SeedStyle]] = WeakKeyDictionary()


def style_of(kind: type[AbstractedFS]) -> SeedStyle:
    """Return the style of a class of seed-style filesystems; what is set on an instance is not seen."""
    style = _STYLES.get(kind)
    if style is None:
        style = _STYLES[kind] = _looked_up(kind)
    return style


def _looked_up(kind: type[AbstractedFS]) -> SeedStyle:
    unix: type[AbstractedFS] | None = getattr(filesystems, "UnixFilesystem", None)  # POSIX has it
    whole_disk = unix is not None and issubclass(kind, unix)
    base = unix if whole_disk and unix else AbstractedFS
    overridden = frozenset(name for name in _OVERRIDABLE if getattr(kind, name, None) is not getattr(base, name))
    if overridden & _PATHS:
        local: frozenset[str] = frozenset()
    else:
        local = frozenset(verb for verb, methods in _RESTS_ON.items() if not overridden & methods)
    confined = Capability.NONE if whole_disk or overridden & _PATHS else Capability.CONFINED
    return SeedStyle(
        overridden, local, whole_disk, DISK | confined
    )  # what a class overrides may still refuse a call, by NotImplementedError
