"""The guide for those who move over names all that they know, and its code runs."""

from __future__ import annotations

import logging.handlers
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from docs.make_migrating import MARK, PATH, document, told
from ftpcore_adapters.handlers import FTPHandler, TLS_FTPHandler
from ftpcore_adapters.log import logger
from ftpcore_adapters.servers import FTPServer
from tests.adapters.certificates import Certificates
from tests.adapters.serving import LogLines
from tests.seed.names import all_names

TEXT = PATH.read_text(encoding="utf-8")
PROSE, _, TABLES = TEXT.partition(MARK)
CODE = re.findall(r"```python\n(.*?)```", PROSE, re.DOTALL)


def test_the_table_of_names_is_up_to_date() -> None:
    assert document() == TEXT, "run `make migrating`"


def test_each_name_has_one_line() -> None:
    lines = [line for line in TABLES.splitlines() if line.startswith("| `")]
    assert len(lines) == len(all_names())
    for row in all_names():
        assert any(told(row).replace("|", r"\|") in line and line.endswith(f"| {row.how} |") for line in lines), row


def test_what_was_left_out_says_what_to_do_instead() -> None:
    """It is told by hand, too."""
    for row in all_names():
        if row.how == "left out":
            assert row.name.rpartition(".")[2] in PROSE, row


@contextmanager
def as_it_was() -> Iterator[None]:
    """Leave the logger no handler more."""
    handlers = logger.handlers[:]
    try:
        yield
    finally:
        logger.handlers[:] = handlers


@pytest.mark.parametrize("number", range(len(CODE)))
def test_the_code_runs(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = Certificates(tmp_path).server
    names: dict[str, object] = {"__name__": "guide"}
    code = (
        CODE[number].replace("/etc/ftp/cert.pem", str(files.certfile)).replace("/etc/ftp/key.pem", str(files.keyfile))
    )
    with LogLines(), as_it_was():
        exec(code, names)
        if isinstance(listener := names.get("listener"), logging.handlers.QueueListener):
            logger.info("told")
            listener.stop()
            for told_to in listener.handlers:
                told_to.close()
            assert (tmp_path / "ftp.log").read_text() == "told\n"
    handler = names.get("Handler", FTPHandler)
    assert isinstance(handler, type)
    assert issubclass(handler, FTPHandler)
    with FTPServer(("127.0.0.1", 0), handler) as server:
        assert server.address[1]
    assert ("ssl" in names) == issubclass(handler, TLS_FTPHandler)
