"""`UnixAuthorizer` under the contract of authorizers, with people of its own and the system's libcrypt."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftpcore import AuthenticationFailed
from ftpcore.ports import Authorizer, FileSystem
from ftpcore_adapters.authorizers import UnixAuthorizer
from ftpcore_adapters.filesystems import AbstractedFS
from ftpcore_adapters.seed import SeedAuthorizer, filesystem_port
from ftpcore_contracts import AuthorizerContract, Login
from tests.adapters.unix_people import PASSWORDS, People, authorizer_of, counted_hashes, needs_crypt

ANN = Login("ann", PASSWORDS["ann"], "elr")
BOB = Login("bob", PASSWORDS["bob"], "elradfmwMT")


def port_of(authorizer: UnixAuthorizer) -> SeedAuthorizer:
    def make_filesystem(home: str) -> tuple[FileSystem, str]:
        fs = AbstractedFS(home, None)
        return filesystem_port(fs), fs.cwd

    return SeedAuthorizer(authorizer, object(), make_filesystem)


@needs_crypt
class TestUnixAuthorizer(AuthorizerContract):
    users = [ANN, BOB]
    most_times = 1.0

    @pytest.fixture
    def authorizer(self, tmp_path: Path) -> Authorizer:
        (tmp_path / "home").mkdir()
        authorizer = authorizer_of(People.at(tmp_path / "home"))
        authorizer.override_user(ANN.username, perm=ANN.rights)
        return port_of(authorizer)

    def effort(self, port: Authorizer, username: str, password: str) -> float:
        """Count hashes, for time tells little on a busy machine."""
        with counted_hashes() as settings, pytest.raises(AuthenticationFailed):
            port.authenticate(username, password, "127.0.0.1")
        assert settings, "passwords are compared by other means now; count those"
        return len(settings)


class TestUnixAuthorizerWithOverriddenPasswords(TestUnixAuthorizer):
    """One password is compared by the authorizer, the other by the system."""

    @pytest.fixture
    def authorizer(self, tmp_path: Path) -> Authorizer:
        (tmp_path / "home").mkdir()
        authorizer = authorizer_of(People.at(tmp_path / "home"), known={"bob": BOB.password})
        authorizer.override_user(ANN.username, password=ANN.password, perm=ANN.rights)
        return port_of(authorizer)
