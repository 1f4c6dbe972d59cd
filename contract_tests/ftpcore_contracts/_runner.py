"""Runs a contract in this process: without a test file, and whatever the settings of pytest are around it."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from ftpcore_contracts._report import Failure, Outcome, Report, Result
from ftpcore_contracts._rulebook import Rule, rule_of
from ftpcore_contracts._rules import ContractBroken

__all__ = ["collect", "run"]

#: Plugins of pytest that write to the terminal or to the current directory, find tests elsewhere, or change what
#: the process does with warnings and signals.
_WITHOUT: Final = (
    *("cacheprovider", "doctest", "faulthandler", "terminal", "unittest", "warnings"),
    *("threadexception", "unraisableexception"),  # these collect garbage for long, to report it as warnings
)

#: What the contracts use; whatever else is installed has no part in them.
_PLUGINS: Final = ("anyio.pytest_plugin", "_hypothesis_pytestplugin")

#: Settings and plugins that are meant for the tests of somebody else.
_FOREIGN: Final = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")


def run(
    contract: type,
    *,
    select: str | Collection[str] | None = None,
    keyword: str = "",
    title: str | None = None,
    progress: Callable[[Result], object] | None = None,
) -> Report:
    """Run the tests of `contract`, a subclass of one of the contracts with its fixtures overridden.

    >>> from ftpcore_contracts import FileSystemContract, run
    >>> run(FileSystemContract, select="test_of_another_contract").green
    False

    Args:
        contract: It may use the fixtures of its module too, but those of no conftest.
        select: Names of the tests to run, or one name, with all parameters; None: all tests.
        keyword: What `pytest -k` takes, to run some.
        title: What the report calls it; by default the name of the class.
        progress: Called with each result as it comes.

    Raises:
        pytest.UsageError: `keyword` is no expression, or the class can't be collected.
    """
    recorder = _Recorder(contract, {select} if isinstance(select, str) else select, progress)
    _main(recorder, "-k", keyword)
    return Report(contract=title or contract.__qualname__, results=tuple(recorder.results.values()))


def collect(contract: type, *, keyword: str = "") -> tuple[Rule, ...]:
    """Return what the tests of `contract` state, without running them."""
    recorder = _Recorder(contract, None, None)
    _main(recorder, "-k", keyword, "--collect-only")
    return tuple(recorder.rules.values())


class _Recorder:
    """A plugin of pytest: puts one class in the place of all test files, and notes what comes of its tests."""

    def __init__(
        self, contract: type, select: Collection[str] | None, progress: Callable[[Result], object] | None
    ) -> None:
        self.results: dict[str, Result] = {}
        self.rules: dict[str, Rule] = {}
        self._contract = contract
        self._select = select
        self._progress = progress

    def pytest_configure(self, config: pytest.Config) -> None:
        config.option.tbstyle = "native"  # nobody looks at tracebacks, and this way no source is parsed for them

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> pytest.Module:
        suite: _Suite = _Suite.from_parent(parent, path=module_path)
        suite.contract = self._contract
        return suite

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, collector: pytest.Collector, name: str) -> list[pytest.Item] | None:
        unwanted = self._select is not None and name.startswith("test") and name not in self._select
        return [] if isinstance(collector, _Suite) or unwanted else None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            raise pytest.UsageError(f"{self._contract.__qualname__} can't be collected: {report.longreprtext}")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            name = _test_name(item)
            if name not in self.rules:
                self.rules[name] = rule_of(self._contract, name)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        before = self.results.get(item.nodeid)
        # The first failure counts: what a teardown complains of after it is its consequence.
        if before is None or (report.failed and before.outcome is not Outcome.FAILED):
            result = self._result(item, call, report)
            if result is not None:
                self.results[item.nodeid] = result
        if report.when == "teardown" and self._progress is not None:
            self._progress(self.results[item.nodeid])
        return report

    def _result(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> Result | None:
        rule = self.rules[_test_name(item)]
        error = call.excinfo.value if call.excinfo else None
        reason, failure = "", None
        if report.failed:
            outcome = Outcome.FAILED
            failure = _failure(error, rule, report)
        elif report.skipped:
            reason = f"expected to fail: {report.wasxfail}" if hasattr(report, "wasxfail") else str(error)
            outcome = Outcome.NOT_OFFERED if reason.startswith("not offered: ") else Outcome.SKIPPED
        elif report.when == "call":
            outcome = Outcome.PASSED
        else:
            return None
        case = item.name.partition("[")[2].removesuffix("]")
        return Result(area=rule.area, test=rule.test, case=case, outcome=outcome, reason=reason, failure=failure)


class _Suite(pytest.Module):
    """The module of a contract, of which only the contract is collected."""

    contract: type

    def _getobj(self) -> ModuleType:
        name = self.contract.__module__
        return sys.modules.get(name) or ModuleType(name)

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        list(super().collect())  # for the fixtures of the module
        return [_Contract.from_parent(self, name=self.contract.__name__)]


class _Contract(pytest.Class):
    """The contract, which need not be in any module."""

    parent: _Suite

    def _getobj(self) -> type:
        return self.parent.contract


def _test_name(item: pytest.Item) -> str:
    return getattr(item, "originalname", None) or item.name.partition("[")[0]


def _failure(error: BaseException | None, rule: Rule, report: pytest.TestReport) -> Failure:
    """Return what a test or one of its fixtures raised; whatever it is, the author is told the rule."""
    if isinstance(error, ContractBroken):
        return Failure(
            what=error.what,
            expected=error.expected,
            came=error.came,
            rule=error.rule or rule.statement,
            read=error.read or rule.read,
            raised=_place(error.__cause__),
        )
    part = {"setup": "a fixture failed, before the test", "teardown": "a fixture failed, after the test"}
    return Failure(
        what=part.get(report.when or "", "the test failed"),
        expected="no exception",
        came=report.longreprtext if error is None else f"{type(error).__name__}: {error}",
        rule=rule.statement,
        read=rule.read,
        raised=_place(error),
    )


def _place(error: BaseException | None) -> str:
    """Return the file, line and function that raised `error`."""
    frames = traceback.extract_tb(error.__traceback__) if error is not None else []
    return f"{frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""


def _main(recorder: _Recorder, *options: str) -> None:
    """Run pytest with nothing but the contract: no settings, no conftest, no other plugins."""
    arguments = ["--config-file", os.devnull, "--rootdir", os.path.dirname(__file__), "--noconftest"]
    arguments += ["--assert=plain", "--import-mode=importlib"]
    for plugin in _PLUGINS:
        arguments += ["-p", plugin]
    for plugin in _WITHOUT:
        arguments += ["-p", f"no:{plugin}"]
    complaints = io.StringIO()
    with (
        tempfile.TemporaryDirectory(prefix="ftpcore-contract-") as scratch,
        _undisturbed(),
        redirect_stderr(complaints),
    ):
        # Some file must be named for pytest to start from: this one exists.
        status = pytest.main([*arguments, "--basetemp", scratch, *options, __file__], plugins=[recorder])
    match status:
        case pytest.ExitCode.OK | pytest.ExitCode.TESTS_FAILED | pytest.ExitCode.NO_TESTS_COLLECTED:
            pass
        case pytest.ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
        case _:
            raise pytest.UsageError(complaints.getvalue().strip().removeprefix("ERROR: "))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the environment of other tests from this run, and the warnings of this run from them."""
    kept = {name: os.environ.pop(name) for name in _FOREIGN if name in os.environ}
    autoload = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.environ.update(kept)
        if autoload is None:
            del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        else:
            os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = autoload
