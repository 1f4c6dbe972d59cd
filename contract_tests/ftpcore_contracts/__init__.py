"""Contract suites: what a filesystem, an authorizer or a host of one's own is tested with."""

from __future__ import annotations

from ftpcore_contracts._async import AsyncFileSystemContract
from ftpcore_contracts._async_authorizer import AsyncAuthorizerContract
from ftpcore_contracts._auth_users import Login
from ftpcore_contracts._authorizer import AuthorizerContract
from ftpcore_contracts._filesystem import FileSystemContract
from ftpcore_contracts._report import Failure, Outcome, Report, Result
from ftpcore_contracts._rules import ContractBroken
from ftpcore_contracts._runner import run
from ftpcore_contracts._seed import SeedFileSystemContract, SeedStyleFileSystem
from ftpcore_contracts._server import ServerContract
from ftpcore_contracts._server_handler import ContractHandler

__all__ = [
    "AsyncAuthorizerContract",
    "AsyncFileSystemContract",
    "AuthorizerContract",
    "ContractBroken",
    "ContractHandler",
    "Failure",
    "FileSystemContract",
    "Login",
    "Outcome",
    "Report",
    "Result",
    "SeedFileSystemContract",
    "SeedStyleFileSystem",
    "ServerContract",
    "run",
]
