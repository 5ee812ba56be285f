"""Floor 0: where models and benchmark data come from. Pinned registry packages, fetched once, verified, never run.

manifest.json    what is pinned: packages, files, sizes, hashes, licences
pinned.py        the manifest as plain data
manifest.py      the manifest as frozen records
cache.py         the folder in which fetched things are kept
lock.py          one process fetches, the others wait
packages.py      from a file of the manifest to a verified path
unpack.py        from a wheel to its pinned files, whole or not at all

Each name is resolved at its first use, so what only lists loads no records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from corrie.lazy_names import lazily

if TYPE_CHECKING:
    from corrie.sources.cache import cache_folder
    from corrie.sources.manifest import EmbeddedModel, Package, PackagedFile, embedded_models
    from corrie.sources.packages import packaged_file, packaged_model

_HOME = {
    "EmbeddedModel": "manifest",
    "Package": "manifest",
    "PackagedFile": "manifest",
    "cache_folder": "cache",
    "embedded_models": "manifest",
    "packaged_file": "packages",
    "packaged_model": "packages",
}

__all__ = [
    "EmbeddedModel",
    "Package",
    "PackagedFile",
    "cache_folder",
    "embedded_models",
    "packaged_file",
    "packaged_model",
]


__getattr__, __dir__ = lazily(__name__, _HOME)
