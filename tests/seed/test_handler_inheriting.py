"""What overridden commands get, inherit and return: arguments, keywords and values as old code knows them."""

from __future__ import annotations

import os
from typing import Any, Final

from ftpcore_adapters.handlers import FTPHandler
from tests.adapters.conftest import Serve


def test_chmod_returns_the_mode_as_a_number(serve: Serve) -> None:
    returned: list[object] = []

    class Telling(FTPHandler):
        def ftp_SITE_CHMOD(self, path: str, mode: str) -> tuple[str, int] | None:
            value = super().ftp_SITE_CHMOD(path, mode)
            returned.append(value)
            return value

    (serve.directory / "f").touch()
    client = serve(Telling).login()
    codes = [client.command(f"SITE CHMOD {mode} f") for mode in ("644", "0600", "9")]
    assert codes == [200, 200, 501]
    path = str(serve.directory / "f")
    assert returned == [(path, 0o644), (path, 0o600), None]


# -- STOR and APPE -----------------------------------------------------------------------------------------------------


def contents(serve: Serve, handler: type[FTPHandler]) -> tuple[list[int], bytes, bytes]:
    """Store and append by a handler; return the codes, and what the two files came to."""
    client = serve(handler).login()
    for name in ("old", "new"):
        (serve.directory / name).write_bytes(b"there;")
    codes = [client.store("STOR new", b"stored"), client.store("APPE old", b"appended")]
    return codes, (serve.directory / "new").read_bytes(), (serve.directory / "old").read_bytes()


STORED: Final = ([226, 226], b"stored", b"there;appended")


def test_stor_takes_the_mode_that_appe_gives_it(serve: Serve) -> None:
    seen: list[tuple[str, str]] = []

    class Quota(FTPHandler):
        def ftp_STOR(self, file: str, mode: str = "w") -> str | None:
            seen.append((os.path.basename(file), mode))
            return super().ftp_STOR(file, mode)

    assert contents(serve, Quota) == STORED
    assert seen == [("new", "w"), ("old", "a")]


def test_stor_is_inherited_by_keywords(serve: Serve) -> None:
    returned: list[str | None] = []

    class Scanning(FTPHandler):
        def ftp_STOR(self, *args: Any, **kwargs: Any) -> str | None:
            file, mode = (*args, kwargs.get("mode", "w"))
            returned.append(super().ftp_STOR(file=file, mode=mode))
            return returned[-1]

        def ftp_APPE(self, file: str) -> str | None:
            returned.append(super().ftp_APPE(file=file))
            return returned[-1]

    assert contents(serve, Scanning) == STORED
    old, new = str(serve.directory / "old"), str(serve.directory / "new")
    assert returned == [new, old, old]


def test_an_override_of_stor_without_a_mode_appends_for_appe(serve: Serve) -> None:
    seen: list[str] = []

    class Scanning(FTPHandler):
        def ftp_STOR(self, file: str) -> str | None:  # type: ignore[override]  # that is the point
            seen.append(os.path.basename(file))
            return super().ftp_STOR(file)

    assert contents(serve, Scanning) == STORED
    assert seen == ["new", "old"]


def test_an_override_of_stor_refuses_appe_too(serve: Serve) -> None:
    class Full(FTPHandler):
        def ftp_STOR(self, file: str, mode: str = "w") -> str | None:
            self.respond(f"552 No room to {mode}.")
            return None

    client = serve(Full).login()
    client.passive()
    client.send("APPE f")
    assert client.line() == "552 No room to a."
    assert client.command("STOR f") == 552
    assert not list(serve.directory.iterdir())


def test_an_override_of_appe_may_store(serve: Serve) -> None:
    class Never(FTPHandler):
        """Takes APPE for STOR."""

        def ftp_STOR(self, file: str) -> str | None:  # type: ignore[override]  # old code has it so
            return super().ftp_STOR(file)

        def ftp_APPE(self, file: str) -> str | None:
            return self.ftp_STOR(file)

    assert contents(serve, Never) == ([226, 226], b"stored", b"appended")


def test_appe_behind_rest_is_refused_before_stor_is_asked(serve: Serve) -> None:
    class Counting(FTPHandler):
        def ftp_STOR(self, file: str, mode: str = "w") -> str | None:
            raise LookupError("not to be called")

    client = serve(Counting).login()
    client.passive()
    assert [client.command("REST 1"), client.command("APPE f")] == [350, 450]


def test_a_mode_that_nobody_can_store_in_is_an_error(serve: Serve) -> None:
    serve.errors_expected = True

    class Updating(FTPHandler):
        def ftp_STOR(self, file: str, mode: str = "w") -> str | None:
            return super().ftp_STOR(file, mode="r+")

    client = serve(Updating).login()
    client.passive()
    assert client.command("STOR f") == 451
    [error] = [str(record.exc_info[1]) for record in serve.log.records if record.exc_info]
    assert "'r+'" in error
    assert "REST" in error
