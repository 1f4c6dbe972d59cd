"""Contract suites: what a filesystem, an authorizer or a host of one's own is tested with."""

from __future__ import annotations

from ftpcore_contracts._filesystem import FileSystemContract
from ftpcore_contracts._report import Failure, Outcome, Report, Result
from ftpcore_contracts._rules import ContractBroken
from ftpcore_contracts._runner import run
from ftpcore_contracts._server import ServerContract
from ftpcore_contracts._server_handler import ContractHandler

__all__ = [
    "ContractBroken",
    "ContractHandler",
    "Failure",
    "FileSystemContract",
    "Outcome",
    "Report",
    "Result",
    "ServerContract",
    "run",
]
