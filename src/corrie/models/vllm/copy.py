"""The copy of a model that vLLM holds: laid down, asked to write, put back and compared.

It is made once for a model and goes with it: a scan takes it up where the last one left it, at the unmoved weights.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from corrie.errors import ModelError, RestoreError, RunError, TaskError
from corrie.models.greedy import Written
from corrie.models.load import locate
from corrie.models.model import Model
from corrie.models.quiet import quiet
from corrie.models.vllm.room import copy_bytes, room_for_keys, share_of_device
from corrie.models.vllm.serving import SERIAL, checkpoint_names, held_tensors, import_vllm, restore_preload
from corrie.models.vllm.worker import PointWorker
from corrie.records.direction import Gaussian
from corrie.records.point import Point
from corrie.weights.available import available_memory
from corrie.weights.perturbed import perturbed

Reached = Callable[[Sequence[int]], bool]
"""Whether tokens that were written need no more after them (:func:`corrie.models.stops.stopping`)."""

_PROMPT = 24
"""Tokens of the prompt by which both functions are compared."""

_SOMEWHERE = Point.along(Gaussian(seed=0, normalisation="layer"), 0.1)
"""A point at which every tensor is moved by a tenth of its norm: a kernel that has kept something shows it."""

_COPIES_AT_A_POINT = 3
"""Copies of the weights, beside the model, that standing there may take for a moment."""

_APART, _APART_IN_HALF = 1e-3, 0.3
"""Nats that rounding may make there, in float32 and in 16 bits."""

WORKER = f"{PointWorker.__module__}.{PointWorker.__qualname__}"


class VllmCopy:
    """vLLM with a model of ours in it.

    When it is made, this is proven of the way by which points come into it:

    1.  every number that vLLM computes with comes by that way: ones are laid down, and ones are found;
    2.  what is laid down is what is computed with: at the unmoved weights, and where memory allows at a point to which
        the model itself is moved for the time, a token is written, and is as likely as the model says;
    3.  our own weights, laid down, are what vLLM reads from the files itself, to the bit.

    Args:
        model: loaded, at its unmoved weights.
        mixed: the model itself moves too, which takes a pristine copy of it.

    Raises:
        ModelError: vLLM cannot hold this model, or not all of it can be moved.
    """

    def __init__(self, model: Model, mixed: bool = False) -> None:
        self._name = f"engine vllm for {model.identity.name}"
        self._own: Mapping[str, Tensor] = held_tensors(model.module)
        self._names = checkpoint_names(model)
        vllm = import_vllm(model.device)
        self._params: Any = vllm.SamplingParams
        self._kinds: Any = import_module("vllm.sampling_params").RequestOutputKind
        self._llm: Any = self._loaded(vllm, model, mixed)
        self._longest = int(self._llm.llm_engine.model_config.max_model_len)
        self._vocabulary = int(self._llm.llm_engine.model_config.get_vocab_size())
        self._digests: dict[str, str] = self._ask("digests")
        self._prove(model)

    def lay(self, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Set the copy's weights, and forget what it has read with others.

        Args:
            tensors: (name in memory, tensor), in the model's order; what is not among them is at its unmoved place.

        Raises:
            CorrieError: whatever making them raises; the copy is then somewhere between.
        """
        self._forget()
        passing = _Passing(tensors, self._own, self._names)
        self._ask("lay_down", passing)
        if passing.problem is not None:
            raise passing.problem

    def home(self) -> None:
        """Lay down the model's own weights."""
        self.lay(())

    def verify(self) -> None:
        """Compare what the copy computes with to what it was loaded with, bit for bit.

        Raises:
            RestoreError: it differs.
        """
        now: dict[str, str] = self._ask("digests")
        other = sorted(name for name, digest in self._digests.items() if now.get(name) != digest)
        if other:
            raise RestoreError(
                f"{self._name}: weights put back",
                found=f"{len(other)} tensors differ from what they were, first {other[0]}",
                advice="the scan again; please report",
            )

    def weight(self, name: str) -> Tensor:
        """One weight by its name in vLLM, as it computes with it."""
        return self._ask("weight", name)

    @property
    def names(self) -> tuple[str, ...]:
        """Of its weights, in vLLM."""
        return tuple(self._digests)

    def write(
        self,
        prompts: Sequence[tuple[int, ...]],
        max_tokens: int,
        end_tokens: frozenset[int],
        reached: Reached | None = None,
    ) -> list[Written]:
        """The most likely token after each prompt, again and again, until an end token, the limit or ``reached``, which
        is asked after every token whether a row needs no more; such a row leaves the batch and is not *ended*.

        Nothing that was read before is used: what is written is a function of the weights and of these prompts in
        their order. What they begin with alike is read once among them.

        A row is *finite* if every token that was written had a likelihood that is a number, which no logit that is
        NaN or +∞ leaves it.

        Raises:
            TaskError: prompts that there is no room for.
            ModelError: vLLM cannot run this model on this device.
        """
        longest = max((len(prompt) for prompt in prompts), default=0)
        if longest + max_tokens > self._longest:
            raise TaskError(
                f"writing {max_tokens} tokens after a prompt of {longest}",
                found=f"vLLM has room for {self._longest} in all",
                advice=f"VLLM_CPU_KVCACHE_SPACE (GiB) set to more, a shorter prompt, or {SERIAL}",
            )
        return [_written(answer) for answer in self._answers(prompts, max_tokens, end_tokens, reached)]

    def _answers(
        self,
        prompts: Sequence[tuple[int, ...]],
        max_tokens: int,
        end_tokens: frozenset[int] = frozenset(),
        reached: Reached | None = None,
    ) -> list[_Answer]:
        """What vLLM gives: token ids, their log-likelihoods, why it ended."""
        self._forget()
        how = self._params(
            temperature=0.0,
            max_tokens=max_tokens,
            ignore_eos=True,
            stop_token_ids=sorted(token for token in end_tokens if token < self._vocabulary),
            detokenize=False,
            logprobs=0,
        )
        asked = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        try:
            if reached is not None:
                return self._answers_until(asked, how, reached)
            answers = self._llm.generate(asked, how, use_tqdm=False)
        except Exception as problem:  # whatever its many parts raise
            raise ModelError(
                self._name, found=f"vLLM cannot write with it ({_said(problem)})", advice=SERIAL
            ) from problem
        found = (answer.outputs[0] for answer in answers)
        return [_Answer(list(one.token_ids), list(one.logprobs), one.finish_reason) for one in found]

    def _answers_until(self, asked: list[Any], how: Any, reached: Reached) -> list[_Answer]:
        """Step by step, as vLLM's own ``generate`` does: a row that needs no more is taken out of the batch."""
        engine: Any = self._llm.llm_engine
        how.output_kind = self._kinds.DELTA
        found = {f"corrie-{number}": _Answer() for number in range(len(asked))}
        writing = set(found)
        try:
            for name, prompt in zip(found, engine.renderer.render_cmpl(asked), strict=True):
                engine.add_request(name, prompt, how)
            while engine.has_unfinished_requests():
                for output in engine.step():
                    answer = found[output.request_id]
                    answer.add(output.outputs[0])
                    if output.finished:
                        writing.discard(output.request_id)
                    elif reached(answer.token_ids):
                        writing.discard(output.request_id)
                        engine.abort_request([output.request_id])
        finally:
            engine.abort_request(sorted(writing))
        return list(found.values())

    def _loaded(self, vllm: Any, model: Model, mixed: bool) -> Any:
        recipe = model.recipe_for("vllm", "vLLM")
        keys = room_for_keys(model, mixed)
        on_cpu = model.device == "cpu"
        try:
            with _own_state(), quiet():
                return vllm.LLM(
                    model=str(locate(recipe.name)[0]),
                    dtype=recipe.dtype,
                    skip_tokenizer_init=True,
                    generation_config="vllm",
                    max_model_len=-1,
                    kv_cache_memory_bytes=keys,
                    gpu_memory_utilization=share_of_device(model, keys),
                    enforce_eager=on_cpu,
                    enable_prefix_caching=True,
                    async_scheduling=False,
                    worker_extension_cls=WORKER,
                    disable_log_stats=True,
                    use_tqdm_on_load=False,
                )
        except Exception as problem:  # whatever its many parts raise
            raise ModelError(self._name, found=f"vLLM does not take it ({_said(problem)})", advice=SERIAL) from problem

    def _prove(self, model: Model) -> None:
        """See the class."""
        self.lay((name, torch.ones_like(tensor)) for name, tensor in self._own.items())
        still: list[str] = self._ask("unlike", 1.0)
        if still:
            raise ModelError(
                self._name,
                found=f"{len(still)} of the tensors that vLLM computes with cannot be set to a point, first {still[0]}",
                advice=SERIAL,
            )
        there = available_memory(next(model.module.parameters()).device)
        if there is None or there > _COPIES_AT_A_POINT * copy_bytes(model):
            with perturbed(model, _SOMEWHERE):
                self.home()  # where the model itself is
                self._prove_function(model)
        self.home()
        self._prove_function(model)
        try:
            self.verify()
        except RestoreError as problem:
            raise ModelError(
                self._name,
                found=f"vLLM reads other weights from its files: {problem.found}",
                advice=f"the files as they were when the model was loaded, or {SERIAL}",
            ) from None

    def _prove_function(self, model: Model) -> None:
        """The same weights are the same function: vLLM reads the same settings."""
        prompt = tuple(3 + 7 * place % (self._vocabulary - 4) for place in range(_PROMPT))
        (answer,) = self._answers([prompt], 1)
        (token,) = answer.token_ids
        module: Any = model.module
        with torch.no_grad():
            out = module(input_ids=torch.tensor([prompt], device=module.device), use_cache=False)
        logits: Tensor = out.logits[0, -1]
        apart = abs(float(logits.float().log_softmax(-1)[token]) - answer.logprobs[0][token].logprob)
        if not apart <= (_APART if logits.dtype.itemsize >= 4 else _APART_IN_HALF):
            raise ModelError(
                self._name,
                found=f"the same weights are another function there: a log-likelihood differs by {apart:.1e} nats",
                advice=SERIAL,
            )

    def _ask(self, method: str, *args: Any) -> Any:
        (found,) = self._llm.collective_rpc(method, args=args)
        return found

    def _forget(self) -> None:
        if not self._llm.reset_prefix_cache():
            raise RunError(self._name, found="what vLLM has read with other weights cannot be dropped", advice=SERIAL)


_COPIES: WeakKeyDictionary[nn.Module, VllmCopy] = WeakKeyDictionary()


def copy_of(model: Model, mixed: bool = False) -> VllmCopy:
    """The copy that goes with a model; made when it is first asked for, dropped with the model.

    Raises:
        ModelError: as of :class:`VllmCopy`.
    """
    if model.module not in _COPIES:
        _COPIES[model.module] = VllmCopy(model, mixed)
    return _COPIES[model.module]


def has_copy(model: Model) -> bool:
    """Whether a model's copy is there already."""
    return model.module in _COPIES


def drop_copy(model: Model) -> None:
    """Let a model's copy go, such as one that was left in the midst of being laid down."""
    _COPIES.pop(model.module, None)


class _Passing:
    """All tensors of a model as vLLM's loaders want them: every one, under its name in the checkpoint, layer by layer.

    Whatever making one raises is kept, and the rest stay unmoved: loaders that are left in the midst of a layer would
    never be whole again.
    """

    def __init__(
        self, tensors: Iterable[tuple[str, Tensor]], own: Mapping[str, Tensor], names: Mapping[str, str]
    ) -> None:
        self._tensors = iter(tensors)
        self._own, self._names = own, names
        self.problem: Exception | None = None

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        coming = self._next()
        for name, tensor in self._own.items():
            if coming is not None and coming[0] == name:
                tensor, coming = coming[1], None
            if name in self._names:
                yield self._names[name], tensor
            del tensor
            if coming is None:
                coming = self._next()
        if coming is not None and self.problem is None:
            self.problem = RuntimeError(f"{coming[0]} comes where the model has no such tensor")

    def _next(self) -> tuple[str, Tensor] | None:
        if self.problem is None:
            try:
                return next(self._tensors, None)
            except Exception as problem:
                self.problem = problem
        return None


@dataclass(slots=True)
class _Answer:
    """One continuation, as it comes from vLLM: its tokens, a mapping of log-likelihoods for each, and why it ended."""

    token_ids: list[int] = field(default_factory=list[int])
    logprobs: list[Any] = field(default_factory=list[Any])
    finish_reason: str | None = None

    def add(self, output: Any) -> None:
        """What has come since."""
        self.token_ids += output.token_ids
        self.logprobs += output.logprobs
        self.finish_reason = output.finish_reason


def _said(problem: Exception) -> str:
    """The first line of an error."""
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0][:300]


def _written(output: _Answer) -> Written:
    """One continuation, as of :func:`corrie.models.greedy.write_greedily`."""
    ids, ended = tuple(output.token_ids), output.finish_reason == "stop"
    for place, (token, likely) in enumerate(zip(ids, output.logprobs, strict=True)):
        if not math.isfinite(likely[token].logprob):
            return Written(ids[:place], False, False)
    return Written(ids[:-1] if ended else ids, ended, True)


@contextmanager
def _own_state() -> Iterator[None]:
    """A block in which vLLM is made, and that leaves this process as it was: its random generators, the number of its
    threads and who may set it, what programs that it starts load first."""
    dice, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 (vLLM seeds that one)
    preload = os.environ.get("LD_PRELOAD")
    threads, setter = torch.get_num_threads(), torch.set_num_threads
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(dice)
        np.random.set_state(legacy)  # noqa: NPY002
        torch.set_num_threads = setter
        torch.set_num_threads(threads)
        restore_preload(preload)
