"""Adapters for `ftpcore`: I/O loop, servers, handlers, authorizers and filesystems.

The modules carry the names that users of this API family know; see each of them for what it offers.
"""

__all__ = ["__author__", "__ver__", "__web__"]

__ver__ = "0.1.0"
__author__ = "ftpcore contributors"
__web__ = "https://example.org/ftpcore"
