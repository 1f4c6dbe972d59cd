"""The names that users of this API family know, as data: what a row says, and whether the package agrees.

Modules `names_*.py` beside this one hold the rows, as `NAMES`; `test_names` walks all of them, and the table of names
in the documentation is made from them.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pkgutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Final, Literal

__all__ = ["UNCHECKED", "Name", "all_names", "walk"]

PACKAGE: Final = "ftpcore_adapters"

#: What has no fixed value or signature that could be compared.
UNCHECKED: Final = object()

Kind = Literal["module", "class", "exception", "function", "method", "callback", "attribute", "instance attribute"]
How = Literal["same", "fixed", "left out"]
Platform = Literal["any", "posix", "linux", "bsd", "windows"]


@dataclass(frozen=True, slots=True)
class Name:
    """One public name, and what became of it."""

    module: str
    """Below the package: "ioloop"; "" is the package itself."""
    name: str
    """Dotted below a class: "IOLoop.close"; "" is the module itself."""
    kind: Kind
    """An "attribute" is one of a module or of a class; an "instance attribute" may be set in `__init__` only."""
    default_or_signature: object
    """Of an attribute its value.  Of what can be called its signature as text, without self: "(seconds, *args)"; names
    in it are those of the module.  Of an exception its nearest base, by name.  Or UNCHECKED."""
    text: str
    """What it is or does, in a sentence or two; where it was fixed or left out, what is different, and why."""
    how: How = "same"
    platform: Platform = "any"
    """Where it exists; elsewhere the row is not checked."""

    def __str__(self) -> str:
        return ".".join(filter(None, (self.module, self.name))) or PACKAGE


def all_names() -> list[Name]:
    """Return the rows of all `names_*` modules."""
    here = Path(__file__).parent
    modules = sorted(each.name for each in pkgutil.iter_modules([str(here)]) if each.name.startswith("names_"))
    return [row for module in modules for row in importlib.import_module(f"{__package__}.{module}").NAMES]


def walk(rows: Iterable[Name]) -> Iterator[str]:
    """Yield in what the package differs from the rows.

    >>> list(walk([Name("ioloop", "IOLoop.fileno", "method", "(self)", "Return the descriptor of the poller.")]))
    ['ioloop.IOLoop.fileno: expected (self), not () -> int']
    """
    for row in rows:
        if _is_here(row.platform):
            for fault in _faults(row):
                yield f"{row}: {fault}"


def _is_here(platform: Platform) -> bool:
    match platform:
        case "any":
            return True
        case "posix":
            return os.name == "posix"
        case "linux":
            return sys.platform == "linux"
        case "bsd":
            return sys.platform == "darwin" or "bsd" in sys.platform
        case "windows":
            return sys.platform == "win32"


def _faults(row: Name) -> Iterator[str]:
    path = f"{PACKAGE}.{row.module}" if row.module else PACKAGE
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError:
        if row.how != "left out":
            yield "there is no such module"
        return
    if row.kind == "instance attribute" and row.how != "left out":
        owner, _, name = row.name.rpartition(".")
        if not _instances_have(_find(module, owner), name):
            yield "no instance has it"
        return
    try:
        static, found = _static(module, row.name), _find(module, row.name)
    except AttributeError:
        if row.how != "left out":
            yield "it is missing"
        return
    if row.how == "left out":
        yield "it is there, but said to be left out"
        return
    if not _is_a(row.kind, found):
        yield f"expected a {row.kind}, not {found!r}"
        return
    if row.default_or_signature is UNCHECKED:
        return
    match row.kind:
        case "attribute":
            if found != row.default_or_signature or type(found) is not type(row.default_or_signature):
                yield f"expected {row.default_or_signature!r}, not {found!r}"
        case "exception":
            assert isinstance(found, type)
            bases = [base.__name__ for base in found.__bases__]
            if row.default_or_signature not in bases:
                yield f"expected the base {row.default_or_signature}, not {', '.join(bases)}"
        case "class" | "function" | "method" | "callback":
            is_method = isinstance(static, FunctionType) and "." in row.name
            fault = _signature_fault(str(row.default_or_signature), found, is_method, module)
            if fault:
                yield fault
        case "module" | "instance attribute":
            pass  # nothing to compare


def _find(module: ModuleType, name: str) -> object:
    found: object = module
    for part in filter(None, name.split(".")):
        found = getattr(found, part)
    return found


def _static(module: ModuleType, name: str) -> object:
    owner, _, last = name.rpartition(".")
    return inspect.getattr_static(_find(module, owner), last) if last else module


def _is_a(kind: Kind, found: object) -> bool:
    match kind:
        case "class" | "exception":
            return isinstance(found, type) and issubclass(found, BaseException) == (kind == "exception")
        case "function" | "method" | "callback":
            return callable(found) and not isinstance(found, type)
        case "module":
            return isinstance(found, ModuleType)
        case "attribute" | "instance attribute":
            return True


def _instances_have(owner: object, name: str) -> bool:
    """Tell whether instances have an attribute: by the class, an annotation, or an assignment in a method."""
    assert isinstance(owner, type)
    if hasattr(owner, name):
        return True
    for cls in owner.__mro__[:-1]:
        if name in inspect.get_annotations(cls):
            return True
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(cls)))):
            match node:
                case ast.Attribute(value=ast.Name(id="self"), attr=attr, ctx=ast.Store()) if attr == name:
                    return True
    return False


def _signature_fault(expected: str, found: object, is_method: bool, module: ModuleType) -> str | None:
    """Tell whether something can't be called in each way that the expected signature allows."""
    assert callable(found)
    here = inspect.signature(found)
    if is_method:
        here = here.replace(parameters=list(here.parameters.values())[1:])
    scope: dict[str, object] = dict(vars(module))
    exec(f"def expected{expected}: ...", scope)
    function = scope["expected"]
    assert callable(function)
    if not _takes(inspect.signature(function), here):
        return f"expected {expected}, not {here}"
    return None


def _takes(wanted: inspect.Signature, here: inspect.Signature) -> bool:
    empty = inspect.Parameter.empty
    named = [each for each in here.parameters.values() if each.kind not in _VARIABLE]
    for position, parameter in enumerate(wanted.parameters.values()):
        if parameter.kind in _VARIABLE:
            if not any(each.kind == parameter.kind for each in here.parameters.values()):
                return False
            continue
        actual = here.parameters.get(parameter.name)
        if actual is None or (actual.kind == actual.KEYWORD_ONLY) != (parameter.kind == actual.KEYWORD_ONLY):
            return False
        if actual.kind != actual.KEYWORD_ONLY and named[position].name != parameter.name:
            return False
        # Both without a default, or both with the same; a parameter that was required may have got one.
        if parameter.default is not empty and actual.default != parameter.default:
            return False
    return all(each.default is not empty for each in named if each.name not in wanted.parameters)


_VARIABLE: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
