"""Classes of filesystems of the seed API that don't confine, on the command line of the contracts."""

from __future__ import annotations

import pytest

from ftpcore_contracts.__main__ import main


def test_a_class_that_does_not_confine_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    """The command line can't know that it need not: a subclass of the contract says so."""
    rule = "test_validpath_refuses_what_is_outside"
    assert main(["ftpcore_adapters.filesystems:UnixFilesystem", "-k", rule]) == 1
    assert "where root is" in capsys.readouterr().out
    assert main(["test_seed_filesystems:TestUnix", "-k", f"{rule} or test_ftpnorm_takes_absolute_paths"]) == 0
    assert "CONFINED 1" in capsys.readouterr().out
