"""Checks of the layers: who imports what, and that the core touches nothing outside of itself.

They read syntax trees, so they also see imports inside functions and under TYPE_CHECKING.  Each check is a function
from a module to complaints, "name:line what is wrong".
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

__all__ = [
    "CALLS",
    "CHECKS",
    "OUTSIDE",
    "PUBLIC",
    "PURE",
    "PURE_TESTING",
    "ROOT",
    "Check",
    "Module",
    "impurities",
    "intrusions",
    "loaded",
    "loaded_beyond",
    "module_exists",
    "read_modules",
    "untidiness",
    "wrong_arrows",
]

ROOT: Final = Path(__file__).resolve().parent.parent

#: All that the core imports besides itself.
PURE: Final = frozenset(
    {
        "__future__",
        "collections",
        "dataclasses",
        "datetime",
        "enum",
        "errno",
        "functools",
        "ipaddress",
        "itertools",
        "posixpath",
        "re",
        "stat",
        "string",
        "types",
        "typing",
        "zlib",
    }
)

#: What `ftpcore.testing` may import beyond that.
PURE_TESTING: Final = frozenset({"hashlib", "json", "random"})

#: These modules are pure in part: the rest asks the real filesystem, or shares state.
PURE_PARTS: Final = {
    "posixpath": frozenset(
        {"basename", "commonpath", "commonprefix", "dirname", "isabs", "join", "normpath", "sep", "split", "splitext"}
    ),
    "random": frozenset({"Random"}),
}

#: The clock.
CLOCK: Final = frozenset(
    {"datetime.date.today", "datetime.datetime.now", "datetime.datetime.today", "datetime.datetime.utcnow"}
)

#: Builtins that reach outside or around these checks.
CALLS: Final = frozenset({"__import__", "breakpoint", "eval", "exec", "input", "open", "print"})

#: Modules of the core that others import.
PUBLIC: Final = frozenset({"ftpcore", "ftpcore.ports", "ftpcore.testing", "ftpcore.wire"})

#: Package -> the packages of this project that it may import.  Those not listed are users: they may import all.
ARROWS: Final = {
    "ftpcore": frozenset({"ftpcore"}),
    "ftpcore_adapters": frozenset({"ftpcore", "ftpcore_adapters"}),
    "ftpcore_contracts": frozenset({"ftpcore", "ftpcore_contracts"}),
}

OURS: Final = frozenset({*ARROWS, "benchmarks", "contract_tests", "examples", "tests"})

#: The tests of a package's inside see that inside.
INSIDERS: Final = {"ftpcore": "tests.core", "ftpcore_adapters": "tests.adapters"}

#: What every NamedTuple offers, for all its underscores.
NAMED_TUPLE: Final = frozenset({"_asdict", "_field_defaults", "_fields", "_make", "_replace"})

#: Loaded by nothing in the core, however indirectly.
OUTSIDE: Final = frozenset(
    {
        "anyio",
        "asyncio",
        "ftpcore_adapters",
        "ftpcore_contracts",
        "logging",
        "multiprocessing",
        "sched",
        "select",
        "selectors",
        "signal",
        "socket",
        "socketserver",
        "ssl",
        "subprocess",
        "tempfile",
        "threading",
        "trio",
    }
)

#: A module that is longer has more than one subject.
MOST_LINES: Final = 350


@dataclass(frozen=True)
class Module:
    """The source of one module under its dotted name."""

    name: str
    source: str
    package: bool = False
    """It is an `__init__.py`."""

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]

    @cached_property
    def imports(self) -> tuple[tuple[int, str, str], ...]:
        """Line, module, and the name taken from it ("" for the module itself), of every import anywhere."""
        return tuple(self._imports())

    def _imports(self) -> Iterator[tuple[int, str, str]]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node.lineno, alias.name, ""
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node.module or "", node.level)
                for alias in node.names:
                    yield node.lineno, base, alias.name

    def _absolute(self, module: str, level: int) -> str:
        if level == 0:
            return module
        parts = self.name.split(".")
        kept = parts[: len(parts) - level + self.package]
        return ".".join([*kept, module] if module else kept)

    @cached_property
    def mentions(self) -> frozenset[tuple[int, str]]:
        """Line and dotted origin of whatever is imported, or reached by attributes of what is imported."""
        found = {(line, f"{module}.{name}" if name else module) for line, module, name in self.imports}
        origins = self._origins()
        for node in ast.walk(self.tree):
            chain: list[str] = []
            inner: ast.expr | ast.AST = node
            while isinstance(inner, ast.Attribute):
                chain.append(inner.attr)
                inner = inner.value
            if chain and isinstance(inner, ast.Name) and inner.id in origins:
                found.add((inner.lineno, ".".join([origins[inner.id], *reversed(chain)])))
        return frozenset(found)

    def _origins(self) -> dict[str, str]:
        """Name in this module -> what it was imported from."""
        origins: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    top = alias.name.partition(".")[0]
                    origins[alias.asname or top] = alias.name if alias.asname else top
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node.module or "", node.level)
                for alias in node.names:
                    origins[alias.asname or alias.name] = f"{base}.{alias.name}"
        return origins


Check = Callable[[Module], list[str]]


def impurities(module: Module) -> list[str]:
    """Complain of whatever lets a module of the core depend on more than its arguments."""
    if module.top != "ftpcore":
        return []
    for_tests = _within(module.name, "ftpcore.testing")
    allowed = PURE | PURE_TESTING | {"ftpcore"} if for_tests else PURE | {"ftpcore"}
    found = [(line, f"imports {name}") for line, name, _ in module.imports if name.partition(".")[0] not in allowed]
    if not for_tests:
        found += [(line, f"imports {name}") for line, name in module.mentions if _within(name, "ftpcore.testing")]
    found += [(line, f"uses {name}") for line, name in module.mentions if _impure(name)]
    found += [
        (node.lineno, f"calls {node.func.id}()")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS
    ]
    return _complaints(module, found)


def _impure(name: str) -> bool:
    top, _, rest = name.partition(".")
    return name in CLOCK or (bool(rest) and top in PURE_PARTS and rest.partition(".")[0] not in PURE_PARTS[top])


def wrong_arrows(module: Module) -> list[str]:
    """Complain of imports against the direction of the layers."""
    allowed = ARROWS.get(module.top, OURS)
    tops = [(line, name.partition(".")[0]) for line, name, _ in module.imports]
    return _complaints(module, [(line, f"imports {top}") for line, top in tops if top in OURS - allowed])


def intrusions(module: Module) -> list[str]:
    """Complain of users that reach behind the public modules of a package."""
    found = []
    for line, name in module.mentions:
        top, *rest = name.split(".")
        if top not in ARROWS or top == module.top or _is_insider(module, top):
            continue
        if any(_is_private(part) for part in rest):
            found.append((line, f"reaches into {name}"))
    for line, base, name in module.imports:
        if base.partition(".")[0] != "ftpcore" or module.top == "ftpcore" or _is_insider(module, "ftpcore"):
            continue
        # What is taken from the package may be one of its modules.
        target = f"{base}.{name}" if name and module_exists(f"{base}.{name}") else base
        if target not in PUBLIC:
            found.append((line, f"reaches into {target}"))
    return _complaints(module, found)


def _is_insider(module: Module, package: str) -> bool:
    return package in INSIDERS and _within(module.name, INSIDERS[package])


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name not in NAMED_TUPLE


def untidiness(module: Module) -> list[str]:
    """Complain of modules of the packages without a docstring or `__all__`, and of long ones."""
    if module.top not in ARROWS:
        return []
    found = []
    if not (ast.get_docstring(module.tree) or "").strip():
        found.append((1, "has no docstring"))
    if not any(_assigns_all(node) for node in module.tree.body):
        found.append((1, "has no __all__"))
    lines = len(module.source.splitlines())
    if lines > MOST_LINES:
        found.append((lines, f"is longer than {MOST_LINES} lines"))
    return _complaints(module, found)


CHECKS: Final[tuple[Check, ...]] = (impurities, wrong_arrows, intrusions, untidiness)


def loaded_beyond(names: tuple[str, ...], allowed: frozenset[str], root: Path) -> list[str]:
    """Return the modules that importing `names` loads in a bare interpreter, besides `allowed` and what those load.

    `root` is where `names` are found.  Modules inside of their own packages are not listed.
    """
    baseline = loaded(tuple(sorted(allowed)), root)
    tops = {name.partition(".")[0] for name in names}
    return sorted(name for name in loaded(names, root) - baseline if name.partition(".")[0] not in tops)


def loaded(names: tuple[str, ...], root: Path) -> frozenset[str]:
    """Return the modules that are loaded in a bare interpreter once it has imported `names`, found in `root`."""
    code = "import sys\nsys.path.insert(0, sys.argv[1])\n" + "".join(f"import {name}\n" for name in names)
    code += "print(*sys.modules)"
    # -S: what site and the .pth files of the environment load would hide what we load.
    command = [sys.executable, "-I", "-S", "-B", "-c", code, str(root)]
    return frozenset(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def _complaints(module: Module, found: list[tuple[int, str]]) -> list[str]:
    return [f"{module.name}:{line} {text}" for line, text in sorted(set(found))]


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def module_exists(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def _assigns_all(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)


def read_modules() -> Iterator[Module]:
    """Every module of the project, under the name by which it is imported."""
    for directory in ("ftpcore", "ftpcore_adapters", "contract_tests", "tests", "examples", "benchmarks"):
        for path in sorted((ROOT / directory).rglob("*.py")):
            parts = list(path.relative_to(ROOT).with_suffix("").parts)
            if parts[:2] == ["contract_tests", "ftpcore_contracts"]:
                del parts[0]
            package = parts[-1] == "__init__"
            yield Module(".".join(parts[:-1] if package else parts), path.read_text(encoding="utf-8"), package)
