"""What stands while the harness's code runs: its generators where it expects them, its templates in a sandbox."""

from __future__ import annotations

import contextlib
import io
import logging
import random
from collections.abc import Iterator
from typing import Any

SEED, NUMPY_SEED, FEWSHOT_SEED = 0, 1234, 1234
"""What the harness seeds Python's generator, NumPy's and its few-shot samplers with, where it is told nothing else."""


@contextlib.contextmanager
def standing() -> Iterator[None]:
    """The harness's code, or a task folder's, runs inside; outside, nothing has changed.

    Tasks may draw from the global generators (some shuffle their options). The harness seeds them at the start of an
    evaluation; here they are put there, and put back afterwards, so that a task is the same task in every process and
    nobody else's numbers change. Progress bars and log lines below an error are left out. Templates (Jinja) are
    rendered by a sandboxed environment: a task file's text cannot reach Python through them.
    """
    import numpy as np
    import torch
    from jinja2.sandbox import SandboxedEnvironment
    from lm_eval import utils

    python, tensors = random.getstate(), torch.get_rng_state()
    numbers = np.random.get_state()  # noqa: NPY002 – the global one is what tasks draw from
    logger, outer = logging.getLogger("lm_eval"), utils.env
    level = logger.level
    sandbox: Any = SandboxedEnvironment(
        loader=outer.loader, undefined=outer.undefined, keep_trailing_newline=outer.keep_trailing_newline
    )
    sandbox.filters.update(outer.filters)
    try:
        random.seed(SEED)
        np.random.seed(NUMPY_SEED)  # noqa: NPY002
        logger.setLevel(logging.ERROR)
        utils.env = sandbox
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        utils.env = outer
        logger.setLevel(level)
        random.setstate(python)
        np.random.set_state(numbers)  # noqa: NPY002
        torch.set_rng_state(tensors)
