"""The fixtures of servers on real sockets, for the tests of the old API."""

from __future__ import annotations

from tests.adapters.conftest import calls, directory, serve, tls_certificates, tls_serve

__all__ = ["calls", "directory", "serve", "tls_certificates", "tls_serve"]
