"""`ftpcore_contracts.run`: one class, in this process, whatever pytest is set to around it."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftpcore import VirtualPath
from ftpcore.ports import Capability, FileSystem
from ftpcore_adapters.memory import MemoryFileSystem
from ftpcore_contracts import FileSystemContract, Outcome, run

RENAME = "test_rename_moves"


@pytest.fixture(scope="module")
def cases() -> int:
    """How many parameters the test has."""
    found = len(run(Memory, select=RENAME).results)
    assert found > 1
    return found


@pytest.fixture
def of_this_module() -> FileSystem:
    return MemoryFileSystem()


class Memory(FileSystemContract):
    many = 300

    @pytest.fixture
    def filesystem(self, of_this_module: FileSystem) -> FileSystem:
        return of_this_module


class Less(Memory):
    """Offers no RENAME, so that its test is skipped."""

    @pytest.fixture
    def filesystem(self) -> FileSystem:
        return MemoryFileSystem(capabilities=Capability.WRITE)


class Forgetful(MemoryFileSystem):
    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        pass


class Failing(MemoryFileSystem):
    def rename(self, source: VirtualPath, target: VirtualPath, /) -> None:
        raise ZeroDivisionError("the author's fault")


class Wrong(Memory):
    made: type[MemoryFileSystem] = Forgetful

    @pytest.fixture
    def filesystem(self) -> FileSystem:
        return self.made()


def test_a_sound_filesystem_is_green() -> None:
    """Results come by case, under the area of the test."""
    report = run(Memory, select=RENAME)
    assert report.green
    assert {(result.area, result.test, result.outcome) for result in report.results} == {
        ("rename", RENAME, Outcome.PASSED)
    }
    assert {"file to a new name", "directory"} <= {result.case for result in report.results}


def test_fixtures_of_the_module_serve() -> None:
    """A contract is run as it stands, with the fixtures of its module."""
    assert run(Memory, select={RENAME, "test_rename_keeps_times"}).green


def test_a_broken_rule_is_told(cases: int) -> None:
    report = run(Wrong, select=RENAME)
    assert not report.green
    assert len(report.failures) == cases
    failure = report.failures[0].failure
    assert failure
    assert "/absent" in failure.expected
    assert "/absent" not in failure.came
    assert failure.rule.startswith("RENAME moves a file")
    assert RENAME in failure.read
    assert "RFC 959 4.1.3" in failure.read


def test_an_exception_of_the_author_is_told_with_its_place() -> None:
    class WrongToo(Wrong):
        made = Failing

    failure = run(WrongToo, select=RENAME).failures[0].failure
    assert failure
    assert failure.came == "ZeroDivisionError: the author's fault"
    assert failure.raised.startswith(__file__)
    assert failure.raised.endswith("in rename")


def test_a_fixture_that_fails_is_told_with_the_rule() -> None:
    class Unset(FileSystemContract):
        pass

    failure = run(Unset, select=RENAME).failures[0].failure
    assert failure
    assert failure.what == "a fixture failed, before the test"
    assert "must override the fixture `filesystem`" in failure.came
    assert failure.rule.startswith("RENAME moves a file")


def test_a_teardown_that_fails_is_a_failure(cases: int) -> None:
    """A case that passed has failed after all, and is counted once."""

    class Untidy(FileSystemContract):
        @pytest.fixture
        def filesystem(self) -> Iterator[FileSystem]:
            yield MemoryFileSystem()
            raise OSError("still in use")

    report = run(Untidy, select=RENAME)
    assert [result.outcome for result in report.results] == [Outcome.FAILED] * cases
    failure = report.failures[0].failure
    assert failure
    assert (failure.what, failure.came) == ("a fixture failed, after the test", "OSError: still in use")


def test_the_first_failure_counts() -> None:
    """What a teardown complains of after a test that failed is its consequence."""

    class Twice(Wrong):
        @pytest.fixture
        def filesystem(self) -> Iterator[FileSystem]:
            yield Forgetful()
            raise OSError("still in use")

    failure = run(Twice, select=RENAME).failures[0].failure
    assert failure
    assert "rename(/file, /absent)" in failure.what


def test_what_is_not_offered_never_counts_as_passed() -> None:
    """Skips alone are no success."""
    report = run(Less, select=RENAME)
    assert {result.reason for result in report.results} == {"not offered: RENAME"}
    assert report.of(Outcome.NOT_OFFERED) == report.results
    assert not report.green
    assert "Nothing passed" in report.text()
    assert run(Less, select={RENAME, "test_make_dir_makes_an_empty_directory"}).green


def test_nothing_run_is_no_success() -> None:
    assert not run(Memory, select="test_of_nobody").green


def test_other_skips_are_counted_apart() -> None:
    class Skipping(Memory):
        @pytest.fixture
        def filesystem(self) -> FileSystem:
            pytest.skip("the server is down")

    report = run(Skipping, select=RENAME)
    assert {(result.outcome, result.reason) for result in report.results} == {(Outcome.SKIPPED, "the server is down")}
    assert "skipped" in report.text()
    assert "skipped" not in run(Memory, select=RENAME).text()


def test_an_area_stays_with_a_test_that_is_overridden() -> None:
    class Own(Memory):
        """Adds to the contract"""

        def test_rename_keeps_times(self, stocked: FileSystem) -> None: ...

        def test_of_mine(self, files: FileSystem) -> None:
            """Mine."""

    areas = {result.test: result.area for result in run(Own, keyword="keeps_times or of_mine").results}
    assert areas == {"test_rename_keeps_times": "rename", "test_of_mine": "Adds to the contract"}


def test_the_settings_of_others_do_not_disturb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither pytest.ini nor conftest.py of the current directory, nor options and plugins of the environment."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text("raise SystemExit(99)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    before = dict(os.environ)
    assert run(Memory, select=RENAME).green
    # pytest sets the name of the running test itself.
    current = "PYTEST_CURRENT_TEST"
    assert {name: value for name, value in os.environ.items() if name != current} == {
        name: value for name, value in before.items() if name != current
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["conftest.py", "pytest.ini"]


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    """A run only returns its report, whatever the implementation prints."""

    class Noisy(Wrong):
        @pytest.fixture
        def filesystem(self) -> FileSystem:
            os.write(1, b"out")
            os.write(2, b"err")
            return Forgetful()

    assert not run(Noisy, select=RENAME).green
    assert capfd.readouterr() == ("", "")


def test_warnings_stay_inside() -> None:
    """A contract judges by its rules alone, also where warnings are errors."""

    class Warning_(Memory):
        @pytest.fixture
        def filesystem(self) -> FileSystem:
            warnings.warn("this store is old", DeprecationWarning, stacklevel=1)
            return MemoryFileSystem()

    assert run(Warning_, select=RENAME).green


def test_progress_is_told_case_by_case(cases: int) -> None:
    seen: list[Outcome] = []
    report = run(Wrong, select=RENAME, progress=lambda result: seen.append(result.outcome))
    assert seen == [result.outcome for result in report.results] == [Outcome.FAILED] * cases


def test_a_keyword_that_is_none_is_a_usage_error() -> None:
    with pytest.raises(pytest.UsageError, match="expression"):
        run(Memory, keyword="a b c")


def test_a_class_that_cannot_be_collected_is_a_usage_error() -> None:
    class Bad(Memory):
        @pytest.mark.parametrize("missing", [1])
        def test_of_mine(self) -> None: ...

    with pytest.raises(pytest.UsageError, match="Bad can't be collected"):
        run(Bad)


def test_failures_that_are_alike_are_told_once(cases: int) -> None:
    """Where a fixture fails, all tests say the same: they are named, and it is told once."""

    class Unset(FileSystemContract):
        pass

    text = run(Unset, select={RENAME, "test_rename_keeps_times"}).text()
    assert text.count("must override the fixture") == 1
    assert f"FAILED {RENAME}, {cases} cases: file to a new name, " in text
    assert "FAILED test_rename_keeps_times" in text


def test_the_page_has_the_areas_and_the_failures(cases: int) -> None:
    page = run(Wrong, select={RENAME, "test_make_dir_makes_an_empty_directory"}).markdown()
    assert "| directories | 1 | 0 | 0 |  |" in page
    assert f"| rename | 0 | {cases} | 0 |  |" in page
    assert f"### {RENAME}[directory]" in page
    for word in ("expected:", "came:", "rule:", "read:"):
        assert page.count(word) == cases


def test_json_has_everything(cases: int) -> None:
    found = json.loads(run(Wrong, select={RENAME, "test_make_dir_makes_an_empty_directory"}, title="mine").json())
    assert (found["contract"], found["green"]) == ("mine", False)
    assert found["totals"] == {"passed": 1, "failed": cases, "not_offered": 0, "skipped": 0}
    assert found["areas"]["rename"] == {"passed": 0, "failed": cases, "not_offered": 0, "skipped": 0}
    failed = [result for result in found["results"] if result["outcome"] == "failed"]
    assert {result["test"] for result in failed} == {RENAME}
    assert {*failed[0]["failure"]} == {"what", "expected", "came", "rule", "read", "raised"}
