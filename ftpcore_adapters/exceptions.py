"""Exceptions that users of the adapters raise and catch."""

from ftpcore import AuthenticationFailed, FilesystemError

__all__ = ["AuthenticationFailed", "AuthorizerError", "FilesystemError"]


class AuthorizerError(Exception):
    """An authorizer is misconfigured, or a system user does not exist.

    >>> raise AuthorizerError("no such user 'ann'")
    Traceback (most recent call last):
    ...
    ftpcore_adapters.exceptions.AuthorizerError: no such user 'ann'
    """
