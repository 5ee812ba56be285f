"""Tests of the engine vllm, in an environment that has it (``make vllm``); elsewhere nothing here is collected."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

collect_ignore_glob = [] if find_spec("vllm") is not None else ["test_*"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them bear the mark."""
    for item in items:
        if "tests/vllm/" in item.path.as_posix():
            item.add_marker("vllm")
