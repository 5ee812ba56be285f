"""Tests in processes of their own, forked from this one: the libraries are loaded already, and what is done to a
process ends with it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import wait


def forked(*jobs: Callable[[], object], seconds: float = 240) -> None:
    """Run each job in a process of its own, all at once; a traceback goes to stderr.

    A forked process has no threads but its own, so torch computes with one. No job may go backward: on a machine with
    graphics processors the threads of autograd stay behind.

    Raises:
        AssertionError: one of them failed, or they took too long; the others are ended, as they may wait for it.
    """
    fork = multiprocessing.get_context("fork")
    started = [fork.Process(target=_alone, args=(job,), daemon=True) for job in jobs]
    for process in started:
        process.start()
    left = {process.sentinel: process for process in started}
    while left:
        ended = [left.pop(sentinel) for sentinel in wait(list(left), seconds)]  # type: ignore[arg-type]
        for process in ended:
            process.join()
        if not ended or any(process.exitcode for process in ended):
            for process in left.values():
                process.kill()
                process.join()
            left = {}
    assert [process.exitcode for process in started] == [0] * len(jobs), "see stderr"


def _alone(job: Callable[[], object]) -> None:
    import torch

    torch.set_num_threads(1)
    job()
