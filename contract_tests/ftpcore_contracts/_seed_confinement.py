"""Rules of `validpath`, and of `ftp2fs` and `fs2ftp` for what is outside of the root.  RFC 2577 6."""

from __future__ import annotations

import os

import pytest

from ftpcore_contracts._rules import broken, expect, rule
from ftpcore_contracts._seed_tree import MakeLink, SeedStyleFileSystem, real

__all__ = ["Confinement"]

#: What a client may type to get out.
_HOSTILE = ["/", "..", "/..", "../../../etc", "/../x", "dir/../../..", "/dir/../../x", "//..//..//x", "..\\..\\x"]


class Confinement:
    """confinement"""

    @pytest.mark.parametrize("path", ["", "file", "dir/inner", "absent", "absent/x", "/", "/absent"])
    @rule("AbstractedFS.validpath")
    def test_validpath_accepts_what_is_inside(self, stocked: SeedStyleFileSystem, path: str) -> None:
        """`validpath` returns True for the root and for all below, whether something is there or not."""
        expect(stocked.validpath(real(stocked, path)), True, f"validpath of {path!r}")

    @rule("AbstractedFS.validpath")
    def test_validpath_refuses_what_is_outside(self, confined: SeedStyleFileSystem) -> None:
        """`validpath` returns False for what is not the root and not below."""
        root = confined.root.rstrip(os.sep)
        for path in (os.path.dirname(root), os.path.join(os.path.dirname(root), "x"), os.path.join(root, "..")):
            expect(confined.validpath(path), False, f"validpath({path!r}), where root is {root!r}")

    @rule("AbstractedFS.validpath")
    def test_validpath_compares_whole_components(self, confined: SeedStyleFileSystem) -> None:
        """A directory beside the root whose name begins as the root's is outside."""
        root = confined.root.rstrip(os.sep)
        for path in (f"{root}2", f"{root}2{os.sep}x", f"{root} ", f"{root}.{os.sep}x"):
            expect(confined.validpath(path), False, f"validpath({path!r}), where root is {root!r}")

    @rule("AbstractedFS.validpath")
    def test_validpath_judges_parents_where_they_lead(self, confined: SeedStyleFileSystem) -> None:
        """ ".." in a real path counts: what begins with the root may still be outside."""
        path = os.path.join(confined.root, "dir", "..", "..", "x")
        expect(confined.validpath(path), False, f"validpath({path!r}), where root is {confined.root!r}")

    @pytest.mark.parametrize("target", ["parent", "absolute", "through another", "nothing there"])
    @rule("RFC 2577 6")
    def test_validpath_refuses_links_that_lead_out(
        self, confined: SeedStyleFileSystem, link: MakeLink, target: str
    ) -> None:
        """A link that leads outside is refused, and so is all below it."""
        outside = os.path.dirname(confined.realpath(confined.root))
        path = real(confined, "link")
        link(real(confined, "leaving"), outside)
        targets = {
            "parent": os.path.relpath(outside, confined.realpath(real(confined))),
            "absolute": outside,
            "through another": "leaving",
            "nothing there": os.path.join(outside, "nothing", "there"),
        }
        link(path, targets[target])
        for found in (path, os.path.join(path, "x")):
            expect(confined.validpath(found), False, f"validpath({found!r}), where 'link' -> {targets[target]!r}")

    @pytest.mark.parametrize("target", ["dir", "dir/../dir", "absolute", "absent", "second"])
    @rule("AbstractedFS.validpath")
    def test_validpath_accepts_links_that_stay(
        self, confined: SeedStyleFileSystem, link: MakeLink, target: str
    ) -> None:
        """A link that stays inside is as good as what it leads to."""
        link(real(confined, "second"), "dir")
        link(real(confined, "link"), confined.realpath(real(confined, "dir")) if target == "absolute" else target)
        expect(confined.validpath(real(confined, "link")), True, f"validpath of a link that holds {target!r}")
        expect(confined.validpath(real(confined, "link/inner")), True, f"validpath below a link that holds {target!r}")

    @pytest.mark.parametrize("typed", _HOSTILE)
    @rule("AbstractedFS.ftp2fs")
    def test_ftp2fs_leads_nowhere_else(self, confined: SeedStyleFileSystem, typed: str) -> None:
        """Whatever a client types, `ftp2fs` returns the root or what is below, by its text."""
        for start in ("/", confined.ftpnorm("dir")):
            confined.cwd = start
            came = os.path.normpath(confined.ftp2fs(typed))
            root = os.path.normpath(confined.root)
            if came != root and not came.startswith(root.rstrip(os.sep) + os.sep):
                broken(f"ftp2fs({typed!r}) in {start!r}", expected=f"{root!r}, or a path below", came=came)

    @rule("AbstractedFS.fs2ftp")
    def test_fs2ftp_tells_nothing_of_outside(self, confined: SeedStyleFileSystem) -> None:
        """What is outside is "/" to the client, also where its name begins as the root's."""
        root = confined.root.rstrip(os.sep)
        for path in (os.path.dirname(root), f"{root}2", os.path.join(f"{root}2", "x"), os.path.join(root, "..", "x")):
            expect(confined.fs2ftp(path), "/", f"fs2ftp({path!r}), where root is {root!r}")
