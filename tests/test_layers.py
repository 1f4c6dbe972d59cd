"""The layers hold, and the checks that say so can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.layers import (
    CALLS,
    CHECKS,
    OUTSIDE,
    PUBLIC,
    PURE,
    PURE_TESTING,
    ROOT,
    Check,
    Module,
    impurities,
    intrusions,
    loaded,
    loaded_beyond,
    module_exists,
    read_modules,
    untidiness,
    wrong_arrows,
)


@pytest.fixture(scope="module", name="modules")
def _modules() -> tuple[Module, ...]:
    return tuple(read_modules())


def test_the_walk_finds_the_modules(modules: tuple[Module, ...]) -> None:
    names = {module.name for module in modules}
    assert {"ftpcore", "ftpcore.ports", "tests.test_layers"} <= names


@pytest.mark.parametrize("check", CHECKS)
def test_the_tree_passes(check: Check, modules: tuple[Module, ...]) -> None:
    assert [complaint for module in modules for complaint in check(module)] == []


def test_importing_the_core_loads_pure_modules_only() -> None:
    names = tuple(sorted(name for name in PUBLIC - {"ftpcore.testing"} if module_exists(name)))
    assert loaded_beyond(names, PURE, ROOT) == []
    assert loaded(names, ROOT) & OUTSIDE == frozenset()


def test_importing_the_test_kit_loads_pure_modules_only() -> None:
    assert loaded_beyond(("ftpcore.testing",), PURE | PURE_TESTING, ROOT) == []
    assert loaded(("ftpcore.testing",), ROOT) & OUTSIDE == frozenset()


@pytest.mark.parametrize(
    ("name", "source", "complaint"),
    [
        pytest.param("ftpcore._x", "import socket", "imports socket", id="plain"),
        pytest.param("ftpcore._x", "import re, os.path", "imports os.path", id="second of two"),
        pytest.param("ftpcore._x", "from contextlib import suppress", "imports contextlib", id="from"),
        pytest.param("ftpcore._x", "def f() -> None:\n    import time", "imports time", id="inside a function"),
        pytest.param(
            "ftpcore._x",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import ssl",
            "imports ssl",
            id="for typing",
        ),
        pytest.param("ftpcore._x", "import ftpcore_adapters.log", "imports ftpcore_adapters.log", id="adapter"),
        pytest.param("ftpcore._x", "from .. import ioloop", "imports ", id="relative, out of the package"),
        pytest.param("ftpcore._x", "import hashlib", "imports hashlib", id="hashlib outside of testing"),
        pytest.param(
            "ftpcore._x", "from ftpcore.testing import A", "imports ftpcore.testing.A", id="test kit in the core"
        ),
        pytest.param("ftpcore._x", "from . import testing", "imports ftpcore.testing", id="test kit, relatively"),
        pytest.param("ftpcore.testing", "import os", "imports os", id="os in the test kit"),
        pytest.param(
            "ftpcore._x",
            "from datetime import datetime, UTC\ndatetime.now(UTC)",
            "uses datetime.datetime.now",
            id="clock",
        ),
        pytest.param(
            "ftpcore._x", "import datetime as d\nd.date.today()", "uses datetime.date.today", id="clock alias"
        ),
        pytest.param(
            "ftpcore._x",
            "from datetime import datetime as D\nread = D.utcnow",
            "uses datetime.datetime.utcnow",
            id="clock not called",
        ),
        pytest.param(
            "ftpcore._x", "import posixpath\nposixpath.realpath('/')", "uses posixpath.realpath", id="realpath"
        ),
        pytest.param("ftpcore._x", "from posixpath import os", "uses posixpath.os", id="os by the back door"),
        pytest.param("ftpcore.testing.x", "import random\nrandom.random()", "uses random.random", id="shared random"),
        *(
            pytest.param("ftpcore._x", f"def f():\n    return {call}('x')", f"calls {call}()", id=call)
            for call in sorted(CALLS)
        ),
    ],
)
def test_impurity_is_seen(name: str, source: str, complaint: str) -> None:
    line = source.count("\n") + 1
    assert impurities(Module(name, source)) == [f"{name}:{line} {complaint}"]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        pytest.param("ftpcore._x", "from collections.abc import Mapping\nfrom ftpcore._y import Z", id="allow-list"),
        pytest.param("ftpcore._x", "from . import _y\nfrom ._y import Z", id="relative"),
        pytest.param("ftpcore.testing.x", "import hashlib, json, random\nrandom.Random(1).random()", id="test kit"),
        pytest.param("ftpcore._x", "from datetime import datetime\ndatetime.fromtimestamp(0)", id="no clock"),
        pytest.param("ftpcore._x", "def f(file, now):\n    file.open()\n    return now.now()", id="methods"),
        pytest.param("ftpcore_adapters.x", "import socket\nprint(open('x'))", id="not the core"),
    ],
)
def test_purity_is_left_alone(name: str, source: str) -> None:
    assert impurities(Module(name, source)) == []


def test_relative_imports_are_resolved_from_a_package_too() -> None:
    source = "from . import testing\nfrom .. import x\nfrom .a import b"
    module = Module("ftpcore.commands", source, package=True)
    assert module.imports == ((1, "ftpcore.commands", "testing"), (2, "ftpcore", "x"), (3, "ftpcore.commands.a", "b"))


@pytest.mark.parametrize(
    ("name", "source", "complaint"),
    [
        ("ftpcore._x", "from ftpcore_adapters import log", "imports ftpcore_adapters"),
        ("ftpcore._x", "import ftpcore_contracts", "imports ftpcore_contracts"),
        ("ftpcore_adapters.x", "import tests.conftest", "imports tests"),
        ("ftpcore_adapters.x", "def f():\n    from ftpcore_contracts import A", "imports ftpcore_contracts"),
        ("ftpcore_contracts.x", "from ftpcore_adapters.ioloop import IOLoop", "imports ftpcore_adapters"),
    ],
)
def test_an_arrow_against_the_layers_is_seen(name: str, source: str, complaint: str) -> None:
    line = source.count("\n") + 1
    assert wrong_arrows(Module(name, source)) == [f"{name}:{line} {complaint}"]


@pytest.mark.parametrize("name", ["tests.interop.test_x", "contract_tests.test_x", "examples.x", "benchmarks.x"])
def test_users_import_every_package(name: str) -> None:
    assert wrong_arrows(Module(name, "import ftpcore, ftpcore_adapters, ftpcore_contracts, tests")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import ftpcore._session",
        "from ftpcore._session import Session",
        "from ftpcore import _session",
        "import ftpcore as f\nf._session.Session",
        "from ftpcore import wire\nwire._LIMIT",
        "from ftpcore.ports import _kinds",
    ],
)
@pytest.mark.parametrize(
    "name", ["ftpcore_adapters.x", "ftpcore_contracts.x", "tests.seed.test_x", "examples.x", "benchmarks.x"]
)
def test_reaching_into_the_core_is_seen(name: str, source: str) -> None:
    assert any("reaches into ftpcore" in complaint for complaint in intrusions(Module(name, source)))


def test_modules_of_the_core_that_are_not_public_are_private_without_an_underscore() -> None:
    assert intrusions(Module("examples.x", "from ftpcore.commands.files import x")) == [
        "examples.x:1 reaches into ftpcore.commands.files"
    ]


def test_reaching_into_the_adapters_is_seen() -> None:
    source = "from ftpcore_adapters import _ioloop_host"
    assert intrusions(Module("examples.x", source)) == ["examples.x:1 reaches into ftpcore_adapters._ioloop_host"]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("tests.core.test_x", "from ftpcore._session import Session\nfrom ftpcore.commands import files"),
        ("ftpcore._x", "from ftpcore._y import Z\nfrom ftpcore.commands import files"),
        ("ftpcore_adapters.x", "from ftpcore_adapters._ioloop_host import Host"),
        ("tests.adapters.test_x", "from ftpcore_adapters._ioloop_host import Host"),
        ("examples.x", "from ftpcore import Session, __doc__\nfrom ftpcore.wire import Reply\nimport ftpcore.ports"),
        ("examples.x", "from ftpcore.ports import FileInfo\nFileInfo._fields"),
        ("examples.x", "from ftpcore import wire\nfrom ftpcore_adapters.__main__ import main\nself._x._y"),
    ],
)
def test_those_who_may_reach_in_are_left_alone(name: str, source: str) -> None:
    assert intrusions(Module(name, source)) == []


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("__all__ = []", "1 has no docstring"),
        ('"""  """\n__all__ = []', "1 has no docstring"),
        ('"""What it is."""\ndef f():\n    __all__ = []', "1 has no __all__"),
        ('"""What it is."""\n__all__: list[str] = []\n' + "\n" * 349, "351 is longer than 350 lines"),
    ],
    ids=["no docstring", "blank docstring", "__all__ of a function", "351 lines"],
)
@pytest.mark.parametrize("name", ["ftpcore._x", "ftpcore_adapters.x", "ftpcore_contracts._x"])
def test_untidiness_is_seen(name: str, source: str, complaint: str) -> None:
    assert untidiness(Module(name, source)) == [f"{name}:{complaint}"]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("ftpcore._x", '"""What it is."""\n__all__ = []\n' + "\n" * 348),
        ("tests.core.test_x", "x = 1\n" * 351),
    ],
    ids=["350 lines", "a test"],
)
def test_tidiness_is_left_alone(name: str, source: str) -> None:
    assert untidiness(Module(name, source)) == []


@pytest.mark.parametrize("statement", ["import socket", "import asyncio", "import threading", "import shared"])
def test_loading_something_impure_is_seen(statement: str, tmp_path: Path) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "shared.py").write_text("import ssl", encoding="utf-8")
    (tmp_path / "core" / "__init__.py").write_text("from core import inner", encoding="utf-8")
    (tmp_path / "core" / "inner.py").write_text(f"import re\n{statement}", encoding="utf-8")
    assert statement.removeprefix("import ") in loaded_beyond(("core",), PURE, tmp_path)


def test_loading_pure_modules_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "core.py").write_text("import re, typing, dataclasses, ipaddress", encoding="utf-8")
    assert loaded_beyond(("core",), PURE, tmp_path) == []


def test_no_pure_module_loads_the_outside() -> None:
    assert loaded(tuple(sorted(PURE | PURE_TESTING)), ROOT) & OUTSIDE == frozenset()
