"""Rules of confinement: nothing outside of the root is seen or changed, by any link and any path.  RFC 2577 6.

What is outside is a directory on the disk of this host, beside `tmp_path`.  For a store that is elsewhere it does not
exist, and the rules hold as long as it is not made there.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import Capability, FileKind, FileSystem, OpenMode
from ftpcore_contracts._contents import mode_name, needs_mode
from ftpcore_contracts._rules import broken, expect, needs, raises, rule
from ftpcore_contracts._trees import FILE, LINK, ROOT, STOCK, Link, get, listing, tree
from ftpcore_contracts._verbs import CHANGING, LOOKING, MAKING, OPENING_UNIQUE, offered

__all__ = ["Confinement"]

_SECRET: Final = b"what nobody may see"

#: More ".." than any root is deep.
_UP: Final = "../" * 40

_LEADING: Final = Capability.CONFINED | Capability.LINKS

#: Links that lead out, by what /link, /secret and /new are given for the outside directory.
_WAYS: Final = ("absolute", "by parents", "in, then by parents", "through a link")

#: What a path made by hand may look like; "{}" stands for the real path of the outside directory, without its "/".
_RAW: Final = (
    pytest.param(f"/{_UP}{{}}", id="parents"),
    pytest.param(f"/dir/{_UP}{{}}", id="in, then parents"),
    pytest.param(f"{_UP}{{}}", id="relative"),
    pytest.param("/{}", id="as on the host"),
    pytest.param("//{}", id="two slashes"),
    pytest.param("/./../{}", id="dots"),
    pytest.param("/../{name}", id="beside the root"),
    pytest.param("{suffix}", id="behind the name of the root"),
    pytest.param("/..\\..\\..\\..\\..\\..\\..\\..\\{}", id="backslashes"),
    pytest.param("/file:///{}", id="URL"),
)


class Outside:
    """A directory with secrets, of which `links` lead to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.suffix = "-outside"

    @contextmanager
    def kept(self, what: str) -> Iterator[None]:
        """Fail if the block, which does `what`, changes anything in there."""
        __tracebackhide__ = True
        before = self._look()
        yield
        after = self._look()
        if after != before:
            broken(f"{what} must change nothing outside of the root", expected=before, came=after)

    @contextmanager
    def unreachable(self, what: str) -> Iterator[None]:
        """Fail unless the block raises OSError and changes nothing in there."""
        __tracebackhide__ = True
        with self.kept(what), raises(OSError, f"{what}, which is outside of the root"):
            yield

    def _look(self) -> dict[str, tuple[int, int, float, bytes]]:
        found = {}
        for path in (self.path, *sorted(self.path.rglob("*"))):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            found[path.name] = (status.st_mode, status.st_size, status.st_mtime, content)
        return found


class Confinement:
    """confinement"""

    @pytest.fixture
    def outside(self, tmp_path: Path) -> Iterator[Outside]:
        """A directory with /secret, /below/ and /empty/ that is in no root; its path begins as `tmp_path` does."""
        path = Path(f"{tmp_path}-outside")
        (path / "below").mkdir(parents=True)
        (path / "empty").mkdir()
        for secret in (path / "secret", path / "below" / "secret"):
            secret.write_bytes(_SECRET)
        yield Outside(path)
        shutil.rmtree(path, ignore_errors=True)  # it may have been renamed

    @pytest.fixture(params=_WAYS)
    def led_out(self, request: pytest.FixtureRequest, stocked: FileSystem, link: Link, outside: Outside) -> Outside:
        """The outside directory, to which /link leads, /secret to the file in it, and /new to none in it."""
        needs(stocked, _LEADING)
        start = {"by parents": f"{_UP}{str(outside.path)[1:]}", "in, then by parents": f"dir/{_UP}{outside.path}"}
        target = start.get(request.param, str(outside.path))
        try:
            if request.param == "through a link":
                link(VirtualPath("/leaving"), target)
                target = "leaving"
            for path, name in ((LINK, ""), ("/secret", "/secret"), ("/new", "/new"), ("/nothing", "/nothing/x")):
                link(VirtualPath(path), f"{target}{name}")
        except OSError:
            pytest.skip("not offered: links that lead out of the root")
        return outside

    @pytest.mark.parametrize(
        ("path", "follow"),
        [("/link", True), ("/secret", True), ("/link/secret", True), ("/link/secret", False), ("/link/below", False)],
    )
    @rule("Capability.CONFINED")
    def test_stat_does_not_follow_out(self, stocked: FileSystem, led_out: Outside, path: str, follow: bool) -> None:
        """CONFINED: `stat` tells nothing of what a link outside leads to."""
        with led_out.unreachable(f"stat({path}, follow={follow})"):
            stocked.stat(VirtualPath(path), follow=follow)

    @rule("RFC 2577 6")
    def test_what_is_outside_is_as_if_missing(self, stocked: FileSystem, led_out: Outside) -> None:
        """CONFINED: the error is the same for what is outside and for what is not even there: it tells nothing."""
        for verb in offered(stocked, *LOOKING):
            errors: list[tuple[str, int | None]] = []
            for path in ("/link/secret", "/link/nothing"):
                try:
                    verb.call(stocked, VirtualPath(path))
                except OSError as error:
                    errors.append((type(error).__name__, error.errno))
            expect(len(errors), 2, f"errors of {verb.of('/link/secret')} and of the same for what is missing there")
            expect(errors[0], errors[1], f"error of {verb.of('/link/secret')}, compared with what is missing there")

    @pytest.mark.parametrize("path", ["/link", "/link/below"])
    @rule("Capability.CONFINED")
    def test_scan_dir_does_not_follow_out(self, stocked: FileSystem, led_out: Outside, path: str) -> None:
        """CONFINED: a directory outside has no listing."""
        with led_out.unreachable(f"scan_dir({path})"):
            stocked.scan_dir(VirtualPath(path), follow=True)

    @rule("FileSystem.scan_dir")
    def test_listings_leave_out_links_out(self, stocked: FileSystem, led_out: Outside) -> None:
        """CONFINED: with `follow`, links that lead outside are left out; without, they are shown as links."""
        expect(set(listing(stocked, follow=True)), {"dir", "empty", "file", "other"}, "scan_dir(/, follow=True)")
        shown = listing(stocked)
        for name in ("link", "secret", "new"):
            kind = shown[name].kind if name in shown else None
            expect(kind, FileKind.LINK, f"kind of /{name} in scan_dir(/, follow=False)")
        with led_out.kept("scan_dir(/, follow=False)"):
            listing(stocked)

    @pytest.mark.parametrize("path", ["/link", "/link/below"])
    @rule("Capability.CONFINED")
    def test_enter_dir_does_not_follow_out(self, stocked: FileSystem, led_out: Outside, path: str) -> None:
        """CONFINED: a directory outside is not entered."""
        with led_out.unreachable(f"enter_dir({path})"):
            stocked.enter_dir(VirtualPath(path))

    @pytest.mark.parametrize("path", ["/secret", "/link/secret", "/new", "/link/new"])
    @pytest.mark.parametrize("mode", OpenMode, ids=mode_name)
    @rule("Capability.CONFINED")
    def test_open_file_does_not_follow_out(
        self, stocked: FileSystem, led_out: Outside, mode: OpenMode, path: str
    ) -> None:
        """CONFINED: no file outside is opened, in any mode, nor made."""
        needs_mode(stocked, mode)
        with led_out.unreachable(f"open_file({path}, {mode.name})"):
            stocked.open_file(VirtualPath(path), mode).close(complete=True)

    @rule("Capability.CONFINED")
    def test_open_unique_does_not_follow_out(self, stocked: FileSystem, led_out: Outside) -> None:
        """CONFINED: no unique file is made outside."""
        needs(stocked, Capability.WRITE)
        with led_out.unreachable(OPENING_UNIQUE.of(LINK)):
            OPENING_UNIQUE.call(stocked, LINK)

    @pytest.mark.parametrize("path", ["/link/new", "/link/below/new"])
    @rule("Capability.CONFINED")
    def test_make_dir_does_not_follow_out(self, stocked: FileSystem, led_out: Outside, path: str) -> None:
        """CONFINED: no directory is made outside."""
        needs(stocked, Capability.WRITE)
        with led_out.unreachable(f"make_dir({path})"):
            stocked.make_dir(VirtualPath(path))

    @pytest.mark.parametrize("path", ["/link/secret", "/link/below/secret"])
    @rule("Capability.CONFINED")
    def test_remove_file_does_not_follow_out(self, stocked: FileSystem, led_out: Outside, path: str) -> None:
        """CONFINED: no file outside is removed."""
        needs(stocked, Capability.WRITE)
        with led_out.unreachable(f"remove_file({path})"):
            stocked.remove_file(VirtualPath(path))

    @rule("Capability.CONFINED")
    def test_remove_dir_does_not_follow_out(self, stocked: FileSystem, led_out: Outside) -> None:
        """CONFINED: no directory outside is removed."""
        needs(stocked, Capability.WRITE)
        with led_out.unreachable("remove_dir(/link/empty)"):
            stocked.remove_dir(VirtualPath("/link/empty"))

    @pytest.mark.parametrize("path", ["/link/secret", "/link/below"])
    @rule("Capability.CONFINED")
    def test_rename_takes_nothing_from_outside(self, stocked: FileSystem, led_out: Outside, path: str) -> None:
        """CONFINED: nothing outside is renamed, into the root or elsewhere."""
        needs(stocked, Capability.WRITE | Capability.RENAME)
        with led_out.unreachable(f"rename({path}, /stolen)"):
            stocked.rename(VirtualPath(path), VirtualPath("/stolen"))

    @pytest.mark.parametrize("path", ["/link/new", "/link/secret", "/link/below/new"])
    @rule("Capability.CONFINED")
    def test_rename_puts_nothing_outside(self, stocked: FileSystem, led_out: Outside, path: str) -> None:
        """CONFINED: nothing is renamed to outside; it stays where it is."""
        needs(stocked, Capability.WRITE | Capability.RENAME)
        with led_out.unreachable(f"rename(/file, {path})"):
            stocked.rename(FILE, VirtualPath(path))
        expect(get(stocked, FILE), STOCK["/file"], f"content of /file after rename(/file, {path}) was refused")

    @pytest.mark.parametrize("path", ["/link", "/secret", "/link/secret"])
    @rule("Capability.CONFINED")
    def test_set_mode_does_not_follow_out(self, stocked: FileSystem, led_out: Outside, path: str) -> None:
        """CONFINED: no mode is set outside."""
        needs(stocked, Capability.WRITE | Capability.MODE)
        with led_out.unreachable(f"set_mode({path}, 0o777)"):
            stocked.set_mode(VirtualPath(path), 0o777)

    @pytest.mark.parametrize("path", ["/link", "/secret", "/link/secret"])
    @rule("Capability.CONFINED")
    def test_set_modified_does_not_follow_out(self, stocked: FileSystem, led_out: Outside, path: str) -> None:
        """CONFINED: no time is set outside."""
        needs(stocked, Capability.WRITE | Capability.TIMES)
        with led_out.unreachable(f"set_modified({path}, 0)"):
            stocked.set_modified(VirtualPath(path), 0.0)

    @rule("FileSystem.remove_file")
    def test_links_out_are_removed_as_such(self, stocked: FileSystem, led_out: Outside) -> None:
        """CONFINED: a link that leads outside can be removed, and what it leads to stays."""
        needs(stocked, Capability.WRITE)
        for path in (LINK, VirtualPath("/secret")):
            with led_out.kept(f"remove_file({path})"):
                stocked.remove_file(path)
            expect(path[1:] in listing(stocked), False, f"{path} is listed after remove_file({path})")

    @rule("FileSystem.rename")
    def test_links_out_are_renamed_as_such(self, stocked: FileSystem, led_out: Outside) -> None:
        """CONFINED: a link that leads outside can be renamed, and replaced; what it leads to stays."""
        needs(stocked, Capability.WRITE | Capability.RENAME)
        with led_out.kept("rename(/link, /moved)"):
            stocked.rename(LINK, VirtualPath("/moved"))
        expect(listing(stocked)["moved"].kind, FileKind.LINK, "kind of the link that moved")
        if Capability.REPLACE in stocked.capabilities:
            with led_out.kept("rename(/file, /secret), a link"):
                stocked.rename(FILE, VirtualPath("/secret"))
            expect(get(stocked, VirtualPath("/secret")), STOCK["/file"], "content of /secret, which was a link")

    @pytest.mark.parametrize("raw", _RAW)
    @rule("Capability.CONFINED")
    def test_raw_paths_find_nothing_outside(self, stocked: FileSystem, outside: Outside, raw: str) -> None:
        """CONFINED: a path that no client could send, with dots or of the host, finds nothing outside: OSError."""
        needs(stocked, Capability.CONFINED)
        directory = _raw_path(raw, outside)
        for verb in offered(stocked, *LOOKING, OPENING_UNIQUE):
            paths = [directory] if verb is OPENING_UNIQUE else [directory, f"{directory}/secret", f"{directory}/empty"]
            for path in paths:
                with outside.unreachable(verb.of(path)):
                    verb.call(stocked, VirtualPath(path))

    @pytest.mark.parametrize("raw", _RAW)
    @rule("Capability.CONFINED")
    def test_raw_paths_make_nothing_outside(self, stocked: FileSystem, outside: Outside, raw: str) -> None:
        """CONFINED: a path that no client could send makes nothing outside; it is refused, or counts in the root."""
        needs(stocked, Capability.CONFINED | Capability.WRITE)
        directory = _raw_path(raw, outside)
        for verb in offered(stocked, *MAKING):
            for path in (f"{directory}/new", f"{directory}/secret"):
                with outside.kept(verb.of(path)), suppress(OSError):
                    verb.call(stocked, VirtualPath(path))

    @pytest.mark.parametrize("path", ["/..", "/../..", "/dir/../..", "/."])
    @rule("Capability.CONFINED")
    def test_above_the_root_is_the_root(self, stocked: FileSystem, outside: Outside, path: str) -> None:
        """CONFINED: ".." of the root is the root, or is refused with OSError; nothing above it is listed."""
        needs(stocked, Capability.CONFINED)
        with suppress(OSError):
            names = set(listing(stocked, VirtualPath(path)))
            expect(names, {"dir", "empty", "file", "other"}, f"scan_dir({path})")
        for verb in offered(stocked, *CHANGING):
            if not verb.text.startswith("set_"):
                with outside.kept(verb.of(path)), suppress(OSError):
                    verb.call(stocked, VirtualPath(path))
        expect(tree(stocked), dict(STOCK), f"what is there after {path} was tried to be changed")
        expect(stocked.stat(ROOT, follow=True).kind, FileKind.DIRECTORY, "kind of the root")


def _raw_path(raw: str, outside: Outside) -> str:
    path = str(outside.path)
    return raw.format(path[1:], name=outside.path.name, suffix=outside.suffix)
