"""Rules of `FileSystem.rename`."""

from __future__ import annotations

import pytest

from ftpcore import VirtualPath, join_path
from ftpcore.ports import Capability, FileSystem
from ftpcore_contracts._rules import expect, needs, rule
from ftpcore_contracts._trees import ABSENT, DIR, FILE, STOCK, tree

__all__ = ["Renaming"]


class Renaming:
    """rename"""

    @pytest.mark.parametrize(
        ("source", "target", "gone", "new"),
        [
            pytest.param(FILE, ABSENT, {"/file"}, {"/absent": b"0123456789"}, id="file to a new name"),
            pytest.param(FILE, join_path(DIR, "x"), {"/file"}, {"/dir/x": b"0123456789"}, id="file into a directory"),
            pytest.param(
                DIR, ABSENT, {"/dir/", "/dir/inner"}, {"/absent/": b"", "/absent/inner": b"inner"}, id="directory"
            ),
        ],
    )
    @rule("RFC 959 4.1.3, RNTO")
    def test_rename_moves(
        self, stocked: FileSystem, source: VirtualPath, target: VirtualPath, gone: set[str], new: dict[str, bytes]
    ) -> None:
        """RENAME moves a file, or a directory with all that is in it; nothing stays at the old name."""
        needs(stocked, Capability.RENAME)
        stocked.rename(source, target)
        kept = {path: data for path, data in STOCK.items() if path not in gone}
        expect(tree(stocked), dict(sorted((kept | new).items())), f"what is there after rename({source}, {target})")

    @pytest.mark.parametrize(("source", "target"), [(FILE, ABSENT), (DIR, ABSENT)], ids=["file", "directory"])
    @rule("FileInfo.unique")
    def test_rename_keeps_the_object(self, stocked: FileSystem, source: VirtualPath, target: VirtualPath) -> None:
        """UNIQUE_ID: what was renamed is the same object, and not a copy of it."""
        needs(stocked, Capability.RENAME | Capability.UNIQUE_ID)
        before = stocked.stat(source, follow=True).unique
        stocked.rename(source, target)
        expect(stocked.stat(target, follow=True).unique, before, "FileInfo.unique after rename")
