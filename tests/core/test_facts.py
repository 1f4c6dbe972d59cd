"""The facts of MLSx: which are shown, and how OPTS chooses them.  Checklist section 8.

Their texts: test_listing_format.py.
"""

from __future__ import annotations

import pytest

from ftpcore import DEFAULT_FACTS, FACTS, LaneName, NextEntries, VirtualPath
from ftpcore.testing import ScriptedHost
from ftpcore_adapters.memory import MemoryFileSystem


@pytest.fixture
def fs() -> MemoryFileSystem:
    files = MemoryFileSystem(now=lambda: 1_700_000_000.0)
    files.write_bytes("/file", b"data")
    return files


def facts_of(host: ScriptedHost, path: str = "file") -> dict[str, str]:
    """Return the facts that MLST tells."""
    host.take()
    (reply,) = host.feed(f"MLST {path}\r\n".encode()).replies()
    facts, _, _ = reply.lines[1].partition(" ")
    return dict(fact.split("=") for fact in facts.split(";") if fact)


def mlst_features(host: ScriptedHost) -> list[str]:
    host.take()
    (reply,) = host.feed(b"FEAT\r\n").replies()
    return [line for line in reply.lines if line.startswith(("MLST", "MLSD"))]


def test_M_21_feat_has_one_line_with_a_star_behind_each_fact_that_is_on(host: ScriptedHost) -> None:
    facts = "".join(f"{fact}*;" if fact in DEFAULT_FACTS else f"{fact};" for fact in FACTS)
    assert mlst_features(host) == [f"MLST {facts}"]


def test_M_22_the_stars_follow_the_choice(host: ScriptedHost) -> None:
    host.feed(b"OPTS MLST size;\r\n")
    assert mlst_features(host) == ["MLST " + "".join(f"{fact}*;" if fact == "size" else f"{fact};" for fact in FACTS)]


@pytest.mark.parametrize(
    ("options", "answer", "facts"),
    [
        pytest.param("size;frogs;", "MLST OPTS size;", {"size"}, id="M-22 unknown facts are left out"),
        pytest.param("size;size;", "MLST OPTS size;", {"size"}, id="M-22 a fact twice is one"),
        pytest.param("", "MLST OPTS", set(), id="M-23 none"),
        pytest.param("frogs;", "MLST OPTS", set(), id="M-23 none that is known"),
        pytest.param("Type;MODIFY;", "MLST OPTS type;modify;", {"type", "modify"}, id="M-25 in any case"),
    ],
)
def test_the_choice_of_facts(host: ScriptedHost, options: str, answer: str, facts: set[str]) -> None:
    assert host.feed(f"OPTS MLST {options}".strip().encode() + b"\r\n").replies()[0].lines == (answer,)
    assert set(facts_of(host)) == facts


@pytest.mark.parametrize("options", ["unique type;", "unique", "size;type", " ", " size;"], ids="M-24 {!r}".format)
def test_M_24_a_malformed_choice_changes_nothing(host: ScriptedHost, options: str) -> None:
    assert host.feed(f"OPTS MLST {options}\r\n".encode()).codes() == [501]
    assert set(facts_of(host)) == set(DEFAULT_FACTS)


def test_M_25_the_choice_holds_for_mlsd_too_and_until_rein(host: ScriptedHost) -> None:
    host.feed(b"OPTS MLST size;\r\nUSER ann\r\nPASS pw\r\nPASV\r\n").connect().feed(b"MLSD\r\n")
    assert host.downloads[-1] == b"size=4; file\r\n"
    host.feed(b"REIN\r\nUSER ann\r\nPASS pw\r\n")
    assert set(facts_of(host)) == set(DEFAULT_FACTS)


def test_M_17_modify_is_what_mdtm_tells(host: ScriptedHost) -> None:
    (reply,) = host.feed(b"MDTM file\r\n").replies()
    assert facts_of(host)["modify"] == reply.lines[0]


def test_M_18_there_is_no_fact_create(host: ScriptedHost) -> None:
    assert "create" not in FACTS
    host.feed(b"OPTS MLST create;size;\r\n")
    assert set(facts_of(host)) == {"size"}


@pytest.mark.parametrize("command", [b"LIST many", b"NLST many", b"MLSD many"], ids="M-28 {!r}".format)
def test_M_28_an_entry_that_vanishes_is_left_out(host: ScriptedHost, fs: MemoryFileSystem, command: bytes) -> None:
    for number in range(2_500):
        fs.write_bytes(f"/many/{number}", b"")
    host.hold = (NextEntries,)
    host.feed(b"PASV\r\n").connect().feed(command + b"\r\n")
    assert isinstance(host.pending[LaneName.DATA].effect, NextEntries)
    fs.remove_file(VirtualPath("/many/2499"))
    assert host.release().codes() == [227, 125, 226]
    assert len(host.downloads[-1].splitlines()) == 2_499
