"""What is known from the loop, from logging and from the small modules."""

from __future__ import annotations

from typing import Final

from tests.seed.names import UNCHECKED, Name

__all__ = ["NAMES"]

NAMES: Final = (
    Name("exceptions", "AuthorizerError", "exception", "Exception", "An authorizer is misconfigured."),
    Name("ioloop", "IOLoop", "class", "()", "The loop on the best poller of the platform."),
    Name("log", "logger", "attribute", UNCHECKED, "The logger of the package."),
)
