"""What the engine on Ray asks of Ray, done in this process: what is sent is packed and unpacked, and a worker loads a
model of its own. Quick, and without a network."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from corrie.scanning import ray_executor


class RayInProcess:
    """Two processors; ``sent`` holds how many pieces each load had and its size in bytes."""

    exceptions = SimpleNamespace(RayActorError=ConnectionResetError)

    def __init__(self) -> None:
        self.sent: list[tuple[int, int]] = []

    def __enter__(self) -> RayInProcess:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def nodes(self) -> list[dict[str, Any]]:
        return []

    def get_runtime_context(self) -> Any:
        return SimpleNamespace(get_node_id=lambda: "here")

    def put(self, value: object) -> Any:
        return copy.deepcopy(value)  # Ray's own pickling takes more than that of the standard library

    def remote(self, **_: object) -> Any:
        return lambda kind: SimpleNamespace(remote=lambda part: self._actor(kind(copy.deepcopy(part))))

    def _actor(self, player: Any) -> Any:
        def score(pieces: Any) -> Iterator[bytes]:
            packed = pickle.dumps(pieces)
            self.sent.append((len(pieces), len(packed)))
            return (pickle.dumps(news) for news in player.score(pickle.loads(packed)))

        streaming = SimpleNamespace(remote=score)
        return SimpleNamespace(score=SimpleNamespace(options=lambda **_: streaming))

    def wait(self, streams: list[Any], num_returns: int) -> tuple[list[Any], list[Any]]:
        return streams[-num_returns:], streams[:-num_returns]

    def get(self, packed: bytes) -> Any:
        return pickle.loads(packed)

    def kill(self, actor: Any) -> None:
        pass


def ray_in_process(patch: pytest.MonkeyPatch) -> RayInProcess:
    """Put it in Ray's place."""
    made = RayInProcess()
    patch.setattr(ray_executor, "_Connection", lambda address, workers: made)
    patch.setattr(ray_executor, "_devices_here", lambda kind: 2)
    patch.setattr("corrie.scanning.executors.find_spec", lambda name: True)
    return made
