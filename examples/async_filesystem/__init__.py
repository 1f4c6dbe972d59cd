"""An asynchronous filesystem: files in a blob store on the network, by anyio on asyncio and on trio."""

from __future__ import annotations

from examples.async_filesystem.filesystem import BlobFileSystem, blob_filesystem
from examples.async_filesystem.store import BlobStore, serve_store

__all__ = ["BlobFileSystem", "BlobStore", "blob_filesystem", "serve_store"]
