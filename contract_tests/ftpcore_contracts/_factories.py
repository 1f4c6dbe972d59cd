"""Finds what the command line names, "module:factory", and puts it under the contract that is meant for it."""

from __future__ import annotations

import inspect
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final, NamedTuple

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from ftpcore import VirtualPath
from ftpcore.ports import AnyFileSystem, AsyncAuthorizer, AsyncFileSystem, Authorizer, FileSystem
from ftpcore_contracts._async import AsyncFileSystemContract
from ftpcore_contracts._async_authorizer import AsyncAuthorizerContract
from ftpcore_contracts._authorizer import AuthorizerContract
from ftpcore_contracts._filesystem import FileSystemContract, FileSystemRules
from ftpcore_contracts._seed import SeedFileSystemContract, SeedStyleFileSystem
from ftpcore_contracts._server import ServerContract

__all__ = ["CONTRACTS", "contract_for"]

#: All contracts, by name.
CONTRACTS: Final[Mapping[str, type]] = {
    contract.__name__: contract
    for contract in (
        FileSystemContract,
        AsyncFileSystemContract,
        SeedFileSystemContract,
        AuthorizerContract,
        AsyncAuthorizerContract,
        ServerContract,
    )
}


def contract_for(target: str, name: str | None) -> type:
    """Return the contract to run for `target`, "module:factory".

    Args:
        target: A subclass of one of `CONTRACTS`, which is run as it is, or a callable that returns a filesystem, fresh
            and empty.
        name: Which of `CONTRACTS` the filesystem is held to; None: the one whose methods it has.

    Raises:
        pytest.UsageError: There is no such thing, it fails, or it is nothing that a contract is for.
    """
    found = _find(target)
    if isinstance(found, type) and issubclass(found, tuple(CONTRACTS.values())):
        if found in CONTRACTS.values():
            raise pytest.UsageError(f"{target} is a contract with nothing in it: name a factory")
        return found
    if not callable(found):
        kind = type(found).__name__
        raise pytest.UsageError(f"{target} is one {kind}: name a callable that returns a fresh one for each test")
    if inspect.iscoroutinefunction(found):
        raise pytest.UsageError(f"{target} is a coroutine function: make it an asynccontextmanager, or a plain one")
    factory = _Factory(target, found)
    with ExitStack() as stack:
        root = stack.enter_context(tempfile.TemporaryDirectory(prefix="ftpcore-contract-"))
        try:
            product = factory.make(stack, root, lambda: stack.enter_context(start_blocking_portal()))
        except Exception as error:
            raise pytest.UsageError(f"{target} raised {type(error).__name__}: {error}") from error
        contract = CONTRACTS[_port_of(target, product, name).contract]
    made = _MADE.get(contract)
    if made is None:
        raise pytest.UsageError(f"{target} makes no filesystem: name a subclass of {contract.__name__}")
    return type(target, (made, contract), {"factory": factory, "__doc__": f"{target} under contract."})


class _Port(NamedTuple):
    protocol: type
    contract: str
    asynchronous: bool = False

    @property
    def members(self) -> list[str]:
        members = {**inspect.get_annotations(self.protocol), **vars(self.protocol)}
        return [name for name in members if not name.startswith("_")]

    def missing(self, product: object) -> list[str]:
        """Return the members that `product` does not have."""
        return [name for name in self.members if not hasattr(product, name)]

    def fits(self, product: object) -> bool:
        members = (getattr(product, name, None) for name in self.members)
        return not self.missing(product) and self.asynchronous is any(map(inspect.iscoroutinefunction, members))


_PORTS: Final = (
    _Port(FileSystem, "FileSystemContract"),
    _Port(AsyncFileSystem, "AsyncFileSystemContract", asynchronous=True),
    _Port(SeedStyleFileSystem, "SeedFileSystemContract"),
    _Port(Authorizer, "AuthorizerContract"),
    _Port(AsyncAuthorizer, "AsyncAuthorizerContract", asynchronous=True),
)


class _Factory:
    """A callable, and which of the things that it may be told it takes."""

    #: Told to whoever has a parameter of the name, or only to whoever needs one: with a default it may mean another
    #: thing by "root".
    _OPTIONAL: Final = frozenset({"contents", "room"})
    _NEEDED: Final = frozenset({"root", "cmd_channel"})

    def __init__(self, target: str, function: Callable[..., object]) -> None:
        self._function = function
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):  # some builtins don't tell
            parameters = []
        variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        needed = [each.name for each in parameters if each.default is each.empty and each.kind not in variadic]
        if unknown := [name for name in needed if name not in self._OPTIONAL | self._NEEDED]:
            raise pytest.UsageError(f"{target} needs {', '.join(unknown)}: name a callable that can be called without")
        self._takes = {*needed, *({each.name for each in parameters} & self._OPTIONAL)}

    def takes(self, parameter: str) -> bool:
        return parameter in self._takes

    def make(
        self,
        stack: ExitStack,
        root: str,
        portal: Callable[[], BlockingPortal],
        *,
        contents: Mapping[str, bytes] = MappingProxyType({}),
        room: int | None = None,
    ) -> object:
        """Return a product, which lasts as long as `stack`; what begins on a loop does so on that of `portal`."""
        told = {"contents": contents, "room": room, "root": root, "cmd_channel": None}
        product = self._function(**{name: value for name, value in told.items() if self.takes(name)})
        if isinstance(product, AbstractAsyncContextManager):
            return stack.enter_context(portal().wrap_async_context_manager(product))
        return stack.enter_context(product) if isinstance(product, AbstractContextManager) else product


class _Made(FileSystemRules[Any]):
    """A contract set up by a factory, and by what the filesystem itself offers."""

    factory: ClassVar[_Factory]
    _root: Path
    _stack: ExitStack

    @pytest.fixture
    def filesystem(self, tmp_path: Path) -> Iterator[object]:
        self._root = tmp_path
        with ExitStack() as self._stack:
            yield self._product()

    def stock(self, filesystem: AnyFileSystem, contents: Mapping[str, bytes]) -> object:
        if not self.factory.takes("contents"):
            return super().stock(filesystem, contents)
        return self._product(contents=contents)

    def make_link(self, filesystem: AnyFileSystem, path: VirtualPath, target: str) -> None:
        if hasattr(filesystem, "make_link") or not self.factory.takes("root"):
            super().make_link(filesystem, path, target)
        else:
            os.symlink(target, f"{self._root}{path}")

    def limited(self, filesystem: AnyFileSystem, room: int) -> object:
        if not self.factory.takes("room"):
            return super().limited(filesystem, room)
        return self._product(room=room)

    def open_handles(self, filesystem: AnyFileSystem) -> int:
        count = getattr(filesystem, "open_handles", None)
        return super().open_handles(filesystem) if count is None else count()

    def _product(self, *, contents: Mapping[str, bytes] = MappingProxyType({}), room: int | None = None) -> object:
        return self.factory.make(self._stack, str(self._root), self._loop, contents=contents, room=room)

    def _loop(self) -> BlockingPortal:
        return self._stack.enter_context(start_blocking_portal())


class _MadeAsync(_Made):
    """The same on the loop of the contract, which is not over before the filesystem is."""

    @pytest.fixture
    def filesystem(self, tmp_path: Path, portal: BlockingPortal) -> Iterator[object]:
        self._root = tmp_path
        self._of_contract = portal
        with ExitStack() as self._stack:
            yield self._product()

    def _loop(self) -> BlockingPortal:
        return self._of_contract


class _MadeSeed(SeedFileSystemContract):
    """The same for a class of the seed API, below a directory of the disk."""

    factory: ClassVar[_Factory]

    @pytest.fixture
    def filesystem(self, tmp_path: Path) -> Iterator[object]:
        with ExitStack() as stack:
            yield self.factory.make(stack, str(tmp_path), lambda: stack.enter_context(start_blocking_portal()))


_MADE: Final[Mapping[type, type]] = {
    FileSystemContract: _Made,
    AsyncFileSystemContract: _MadeAsync,
    SeedFileSystemContract: _MadeSeed,
}


def _find(target: str) -> object:
    module_name, colon, path = target.partition(":")
    if not (module_name and colon and path):
        raise pytest.UsageError(f"{target!r} is not of the form module:factory, such as storage.testing:make_empty")
    try:
        found: object = import_module(module_name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{module_name}.".startswith(f"{error.name}."):
            raise pytest.UsageError(f"there is no module {error.name}") from error
        raise pytest.UsageError(f"importing {module_name} raised {type(error).__name__}: {error}") from error
    for step in path.split("."):
        if not hasattr(found, step):
            raise pytest.UsageError(f"{target}: {getattr(found, '__name__', module_name)} has no {step}")
        found = getattr(found, step)
    return found


def _port_of(target: str, product: object, contract: str | None) -> _Port:
    """Return the port whose methods `product` has, or the one of `contract`, if it has them."""
    ports = [port for port in _PORTS if contract in (None, port.contract)]
    for port in ports:
        if port.fits(product) or (contract and not port.missing(product)):
            return port
    nearest = max(ports, key=lambda port: len(port.members) - len(port.missing(product)))
    raise pytest.UsageError(
        f"{target} returned a {type(product).__name__}, which lacks these of {nearest.protocol.__name__}: "
        f"{', '.join(nearest.missing(product))}"
    )
