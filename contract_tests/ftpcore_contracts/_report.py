"""What came of running a contract: values, and how a terminal, a page and a program see them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

__all__ = ["Failure", "Outcome", "Report", "Result"]

#: What `needs` begins the reason of a skip with.
_NOT_OFFERED: Final = "not offered: "

#: Cases of one test that failed alike, and are named in a message.
_CASES_SHOWN: Final = 3

_TOTAL: Final = "all"


class Outcome(Enum):
    """How one case of a test ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_OFFERED = "not offered"
    """The implementation does not declare what the rule is about."""
    SKIPPED = "skipped"
    """For any other reason: the author's, or the system's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a `ContractBroken` tells."""

    what: str
    expected: str
    came: str
    rule: str
    read: str
    raised: str = ""
    """File, line and function that raised what came, if an exception came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One case: a test, or one of its parameters."""

    area: str
    test: str
    """Name of the test method."""
    case: str = ""
    """Id of the parameters; "" for a test without."""
    outcome: Outcome
    reason: str = ""
    """Why it was skipped: "not offered: MODE"."""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The results of one contract, in the order of the run."""

    contract: str
    """What was held to it: the name of the class that was run, or of the factory."""
    results: tuple[Result, ...]

    @property
    def green(self) -> bool:
        """Something passed, and nothing failed: a contract of skips alone shows nothing."""
        return bool(self.of(Outcome.PASSED)) and not self.failures

    @property
    def failures(self) -> tuple[Result, ...]:
        return self.of(Outcome.FAILED)

    def of(self, outcome: Outcome) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.outcome is outcome)

    def text(self) -> str:
        """Return what a terminal shows."""
        areas = _areas(self.results)
        width = max(map(len, [*areas, _TOTAL]))
        columns = self._columns()
        lines = [self.contract, "", "  ".join([" " * width, *(outcome.value for outcome in columns)])]
        for area, results in [*areas.items(), (_TOTAL, self.results)]:
            numbers = (f"{_count(results, outcome):>{len(outcome.value)}}" for outcome in columns)
            reasons = _absent(results) if area != _TOTAL else ""
            lines.append("  ".join([f"{area:{width}}", *numbers, reasons]).rstrip())
        for alike in _alike(self.failures):
            lines += ["", *(f"FAILED {name}" for name in _names(alike))]
            lines += [f"  {line}" for line in _told(alike)]
        return "\n".join([*lines, "", self._verdict()])

    def markdown(self) -> str:
        """Return a page: the same as `text`, for a repository or a comment."""
        columns = self._columns()
        lines = [f"# Contract: {_cell(self.contract)}", "", self._verdict(), ""]
        lines += [f"| area | {' | '.join(outcome.value for outcome in columns)} | what is not offered |"]
        lines += ["|---|" + "--:|" * len(columns) + "---|"]
        for area, results in _areas(self.results).items():
            numbers = " | ".join(str(_count(results, outcome)) for outcome in columns)
            lines.append(f"| {_cell(area)} | {numbers} | {_cell(_absent(results))} |")
        if self.failures:
            lines += ["", "## Failures"]
        for alike in _alike(self.failures):
            lines += ["", *(f"### {_cell(name)}" for name in _names(alike)), "", "```text", *_told(alike), "```"]
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        """Return everything as one JSON object."""
        return json.dumps(
            {
                "contract": self.contract,
                "green": self.green,
                "totals": _totals(self.results),
                "areas": {area: _totals(results) for area, results in _areas(self.results).items()},
                "results": [_record(result) for result in self.results],
            },
            indent=2,
        )

    def _columns(self) -> tuple[Outcome, ...]:
        """All outcomes; skips that nobody asked for only where there are some."""
        return tuple(each for each in Outcome if each is not Outcome.SKIPPED or self.of(each))

    def _verdict(self) -> str:
        if self.failures:
            return f"The contract is broken: {_extent(self.failures)}."
        if not self.green:
            return "Nothing passed: what is skipped shows nothing."
        return f"The contract is kept: {_extent(self.of(Outcome.PASSED))}."


def _extent(results: Sequence[Result]) -> str:
    rules = len({result.test for result in results})
    return f"{rules} rule{'s' * (rules != 1)}, {len(results)} case{'s' * (len(results) != 1)}"


def _areas(results: Iterable[Result]) -> dict[str, list[Result]]:
    areas: dict[str, list[Result]] = {}
    for result in results:
        areas.setdefault(result.area, []).append(result)
    return areas


def _count(results: Iterable[Result], outcome: Outcome) -> int:
    return sum(result.outcome is outcome for result in results)


def _totals(results: Iterable[Result]) -> dict[str, int]:
    counted = Counter(result.outcome for result in results)
    return {outcome.value.replace(" ", "_"): counted[outcome] for outcome in Outcome}


def _absent(results: Iterable[Result]) -> str:
    """Return the reasons of skips, with their numbers: "LINKS 12, MODE 3"."""
    reasons = Counter(result.reason.removeprefix(_NOT_OFFERED) for result in results if result.reason)
    return ", ".join(f"{reason} {number}" for reason, number in reasons.most_common())


def _alike(failures: Iterable[Result]) -> Iterable[list[Result]]:
    """Return failures that say the same together: a fixture that fails would else fill the screen with one thing."""
    same: dict[tuple[str, str, str], list[Result]] = {}
    for result in failures:
        failure = _failure(result)
        same.setdefault((failure.what, failure.expected, failure.came), []).append(result)
    return same.values()


def _names(results: Iterable[Result]) -> Iterator[str]:
    """Yield what was run: each test once, with some of its cases if there are many."""
    cases: dict[str, list[str]] = {}
    for result in results:
        cases.setdefault(result.test, []).append(result.case)
    for test, those in cases.items():
        if len(those) == 1:
            yield f"{test}[{those[0]}]" if those[0] else test
        else:
            more = ", ..." if len(those) > _CASES_SHOWN else ""
            yield f"{test}, {len(those)} cases: {', '.join(those[:_CASES_SHOWN])}{more}"


def _told(alike: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of a message; one value of several lines is set in below its name."""
    failure = _failure(alike[0])
    values = {name: getattr(failure, name) for name in ("expected", "came", "raised", "rule", "read")}
    if len({_failure(result).rule for result in alike}) > 1:
        values |= {"rule": "several", "read": "python -m ftpcore_contracts --explain TEST, for each"}
    yield failure.what
    for name, value in values.items():
        if value:
            first, *more = value.splitlines()
            yield f"  {name + ':':9} {first}"
            yield from (f"            {line}" for line in more)


def _failure(result: Result) -> Failure:
    assert result.failure is not None, f"{result.test} failed, and nobody said why"
    return result.failure


def _record(result: Result) -> dict[str, object]:
    failure = result.failure
    return {
        "area": result.area,
        "test": result.test,
        "case": result.case,
        "outcome": result.outcome.value,
        "reason": result.reason,
        "failure": None if failure is None else {name: getattr(failure, name) for name in Failure.__slots__},
    }


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
