"""Rules of which error comes: what is missing, what lies below a file, and what comes first."""

from __future__ import annotations

import pytest

from ftpcore import VirtualPath, join_path
from ftpcore.ports import Capability, FileSystem
from ftpcore_contracts._refusals import NOT_FOUND, refused
from ftpcore_contracts._rules import needs, rule
from ftpcore_contracts._trees import ABSENT, BELOW_FILE, DIR, FILE, OTHER
from ftpcore_contracts._verbs import LOOKING, MAKING, OPENING_UNIQUE, Verb, verb_name

__all__ = ["Errors"]

_DEEP_BELOW_FILE = VirtualPath("/file/x/y")


class Errors:
    """errors"""

    @pytest.mark.parametrize("verb", LOOKING, ids=verb_name)
    @rule("FileSystem")
    def test_what_is_missing_is_not_found(self, stocked: FileSystem, verb: Verb) -> None:
        """What needs something at a path raises FileNotFoundError where there is nothing, and makes nothing there."""
        needs(stocked, verb.needs)
        with refused(stocked, FileNotFoundError, f"{verb.of(ABSENT)}, which is missing"):
            verb.call(stocked, ABSENT)

    @pytest.mark.parametrize("verb", [*LOOKING, *MAKING, OPENING_UNIQUE], ids=verb_name)
    @rule("FileSystem")
    def test_a_missing_directory_is_not_found(self, stocked: FileSystem, verb: Verb) -> None:
        """In a directory that is missing, everything raises FileNotFoundError, and no directory is made."""
        needs(stocked, verb.needs)
        path = join_path(ABSENT, "x")
        with refused(stocked, FileNotFoundError, f"{verb.of(path)}, where /absent is missing"):
            verb.call(stocked, path)

    @pytest.mark.parametrize("verb", LOOKING, ids=verb_name)
    @pytest.mark.parametrize("path", [BELOW_FILE, _DEEP_BELOW_FILE])
    @rule("FileSystem")
    def test_nothing_is_below_a_file(self, stocked: FileSystem, path: VirtualPath, verb: Verb) -> None:
        """What needs something at a path below a file raises NotADirectoryError or FileNotFoundError."""
        needs(stocked, verb.needs)
        with refused(stocked, NOT_FOUND, f"{verb.of(path)}, where /file is a file"):
            verb.call(stocked, path)

    @pytest.mark.parametrize("verb", MAKING, ids=verb_name)
    @rule("FileSystem")
    def test_nothing_is_made_below_a_file(self, stocked: FileSystem, verb: Verb) -> None:
        """What makes something raises NotADirectoryError below a file, and makes nothing."""
        needs(stocked, verb.needs)
        path = join_path(OTHER, "x")
        with refused(stocked, NotADirectoryError, f"{verb.of(path)}, where /other is a file"):
            verb.call(stocked, path)

    @pytest.mark.parametrize("verb", MAKING, ids=verb_name)
    @rule("FileSystem")
    def test_nothing_is_made_deep_below_a_file(self, stocked: FileSystem, verb: Verb) -> None:
        """Further below a file NotADirectoryError or FileNotFoundError comes, and nothing is made."""
        needs(stocked, verb.needs)
        path = VirtualPath("/other/x/y")
        with refused(stocked, NOT_FOUND, f"{verb.of(path)}, where /other is a file"):
            verb.call(stocked, path)

    @rule("FileSystem.open_unique")
    def test_nothing_unique_is_made_in_a_file(self, stocked: FileSystem) -> None:
        """WRITE: `open_unique` in what is a file raises NotADirectoryError, and makes nothing."""
        needs(stocked, Capability.WRITE)
        with refused(stocked, NotADirectoryError, OPENING_UNIQUE.of(FILE)):
            OPENING_UNIQUE.call(stocked, FILE)

    @pytest.mark.parametrize("target", [DIR, OTHER, ABSENT], ids=["over a directory", "over a file", "to itself"])
    @rule("FileSystem.rename")
    def test_a_missing_source_comes_first(self, stocked: FileSystem, target: VirtualPath) -> None:
        """RENAME: when the source is missing it is FileNotFoundError, whatever is at the target, which stays."""
        needs(stocked, Capability.WRITE | Capability.RENAME)
        with refused(stocked, FileNotFoundError, f"rename(/absent, {target}), where /absent is missing"):
            stocked.rename(ABSENT, target)
