"""Of whom TLS is demanded, where both the options of a handler and its authorizer say so."""

from __future__ import annotations

from collections.abc import Container

__all__ = ["either"]


def either(option: bool | Container[str], users: Container[str]) -> bool | Container[str]:
    """Return an option that demands it of whomever `option` does, and of `users`.

    >>> demand = either({"ann"}, ["bob"])
    >>> [name in demand for name in ("ann", "bob", "eve")]
    [True, True, False]
    """
    if not isinstance(option, Container):
        return True if option else users
    return _Either(option, users)


class _Either:
    def __init__(self, *containers: Container[str]) -> None:
        self._containers = containers

    def __contains__(self, name: object) -> bool:
        return any(name in container for container in self._containers)
