"""What overridden commands get, inherit and return: arguments, keywords and values as old code knows them."""

from __future__ import annotations

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
