"""One tensor's way to θ + σε and back to exactly θ.

Two ways, both with one buffer of the tensor's size, both bit-exact because θ itself is never computed back:

- *swap*: θ + σε is written into the buffer, and the parameter points to it until it is put back. θ's memory is never
  written. One pass over the weights, and nothing to do on the way back.
- *in place*: θ is copied into the buffer, θ + σε is written over it, and the copy is copied back. For whatever must
  keep its memory: shards, tensors in shared memory, views of a larger one, captured CUDA graphs.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from corrie.errors import InputError, PrecisionWarning
from corrie.optim.noise import Key, block_size, noise_of_block, noise_of_tensor, run_lengths
from corrie.weights.shard import Stretch, cut_like, is_sharded, local_part, span_of


class Placement:
    """A parameter, its buffer, and where its values are at the moment.

    Args:
        parameter: the tensor that moves.
        position: its number in the optimizer, which its noise is a function of.
        in_place: True for *in place*, None for *swap* wherever that is safe.

    Raises:
        InputError: the parameter is not made of real floating-point numbers.

    >>> weight = torch.nn.Parameter(torch.zeros(3))
    >>> placement = Placement(weight, position=0)
    >>> place([(placement, 0.1, (0, 0, 0))])
    >>> bool((weight != 0).all())
    True
    >>> placement.restore()
    >>> weight.data
    tensor([0., 0., 0.])
    """

    def __init__(self, parameter: Tensor, position: int, in_place: bool | None = None) -> None:
        if not parameter.is_floating_point() or parameter.layout != torch.strided:
            raise InputError(
                f"noise on a {parameter.dtype} tensor of shape {tuple(parameter.shape)}",
                found="GO moves dense real floating-point tensors only",
                advice="GO(..., tensors=choose(model, ...)) without it, or sigma=0 in its group",
            )
        self.parameters = [parameter]
        self.position = position
        self.swaps = not in_place and _may_swap(parameter)
        self.moved = False
        self._buffer: Tensor | None = None
        self._clean = self._noisy = local_part(parameter)
        self._span = span_of(parameter)

    @property
    def memory(self) -> object:
        """Equal for parameters that are one tensor in memory, hence tied."""
        local = local_part(self.parameters[0])
        if local.numel() == 0:
            return id(self.parameters[0])
        return local.data_ptr(), local.dtype, tuple(local.shape), local.stride()

    @property
    def buffer_bytes(self) -> int:
        """Memory held beside the parameter."""
        return 0 if self._buffer is None else self._buffer.untyped_storage().nbytes()

    def prepare(self) -> None:
        """Find room. *In place*, θ is saved here."""
        local = local_part(self.parameters[0])
        self._span = span_of(self.parameters[0])
        held = self._buffer
        if held is None or (held.shape, held.dtype, held.device) != (local.shape, local.dtype, local.device):
            held = self._buffer = torch.empty_like(local)
        if self.swaps:
            self._clean, self._noisy = local, held
        else:
            held.copy_(local)
            self._clean, self._noisy = held, local
            self.moved = True

    def blocks(self) -> range | None:
        """The noise blocks that this process needs, or None where they cannot be written one by one."""
        span = self._span
        if span is None or not (self._clean.is_contiguous() and self._noisy.is_contiguous()):
            return None
        size = block_size(self._clean.device)
        return range(span.begin // size, -(-span.end // size)) if span.end > span.begin else range(0)

    def write_block(self, block: int, sigma: float, key: Key) -> None:
        """θ + σε for the elements of one of :meth:`blocks`: drawn, added and written while they are in the cache."""
        clean, noisy = self._clean.view(-1), self._noisy.view(-1)
        size, span = block_size(clean.device), self._span or Stretch(0, clean.numel(), clean.numel())
        begin, end = max(block * size, span.begin), min((block + 1) * size, span.end)
        here = slice(begin - span.begin, end - span.begin)
        lengths = run_lengths(block * size, begin, end, clean.device)
        noise = noise_of_block(key, span.numel, block, begin, end, clean.device)
        for old, new, drawn in zip(clean[here].split(lengths), noisy[here].split(lengths), noise, strict=True):
            torch.add(old, drawn, alpha=sigma, out=new)

    def write_whole(self, sigma: float, key: Key) -> None:
        """θ + σε at once, by way of the whole tensor's noise: for memory that is not one run of elements."""
        tensor = self.parameters[0]
        noise = noise_of_tensor(key, tensor.numel(), self._clean.device).view(tensor.shape)
        if is_sharded(tensor):
            noise = cut_like(noise, tensor)
        torch.add(self._clean, noise, alpha=sigma, out=self._noisy)

    def enter(self) -> None:
        """From here on the parameter is θ + σε."""
        if self.swaps:
            self.moved = True
            for parameter in self.parameters:
                parameter.data = self._noisy
        self._mark_changed()

    def restore(self) -> None:
        """From here on the parameter is θ, bit for bit. Graphs recorded at θ + σε refuse to run backward."""
        if not self.moved:
            return
        if self.swaps:
            for parameter in self.parameters:
                parameter.data = self._clean
        else:
            self._noisy.copy_(self._clean)
        self._mark_changed()
        self.moved = False

    def _mark_changed(self) -> None:
        """Autograd then refuses to run backward through a graph that was recorded at other weights."""
        for parameter in self.parameters:
            torch.autograd.graph.increment_version(parameter)

    def unmoved_share(self) -> float:
        """The share of elements that are where they were, though noise was added (1 is all)."""
        if self._clean.numel() == 0:
            return 0.0
        return float((self._noisy == self._clean).float().mean())


def _may_swap(parameter: Tensor) -> bool:
    """Whether nobody is likely to hold this tensor's memory by its address."""
    if type(parameter) not in (torch.nn.Parameter, Tensor):
        return False
    storage = parameter.untyped_storage()
    owns_all = storage.nbytes() == parameter.numel() * parameter.element_size()
    return owns_all and not (parameter.device.type == "cpu" and parameter.is_shared())


@torch.no_grad()
def place(moves: Sequence[tuple[Placement, float, Key]]) -> None:
    """Move every tensor to θ + σε, all or none.

    Args:
        moves: (tensor, σ, (seed, replica, draw)); the tensor's position completes the key.

    The blocks of tensors on the CPU are shared among ``torch.get_num_threads()`` threads; who makes which does not
    change what is made.
    """
    try:
        for placement, _, _ in moves:
            placement.prepare()
        jobs: list[tuple[Placement, int, float, Key]] = []
        for placement, sigma, key in moves:
            full_key = (*key, placement.position)
            blocks = placement.blocks()
            if blocks is None:
                placement.write_whole(sigma, full_key)
            else:
                jobs.extend((placement, block, sigma, full_key) for block in blocks)
        _run(jobs)
        for placement, _, _ in moves:
            placement.enter()
    except BaseException:
        restore(placement for placement, _, _ in moves)
        raise


@torch.no_grad()
def restore(placements: Iterable[Placement]) -> None:
    """Put every tensor back."""
    for placement in placements:
        placement.restore()


def _run(jobs: Sequence[tuple[Placement, int, float, Key]]) -> None:
    threads = min(torch.get_num_threads(), len(jobs))
    if threads > 1 and sum(placement.parameters[0].numel() for placement, *_ in jobs) > 2**20:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(_write, jobs))
    else:
        list(map(_write, jobs))


@torch.no_grad()
def _write(job: tuple[Placement, int, float, Key]) -> None:
    placement, block, sigma, key = job
    placement.write_block(block, sigma, key)


def warn_of_swallowed_noise(placements: Iterable[Placement]) -> None:
    """Say so when low-precision weights round a good part of the noise away."""
    low = [p for p in placements if p.parameters[0].element_size() < 4]
    elements = sum(p.parameters[0].numel() for p in low)
    still = sum(p.unmoved_share() * p.parameters[0].numel() for p in low)
    if still > 0.1 * elements:
        warnings.warn(
            f"GO's noise leaves {still / elements:.0%} of the {elements:,} low-precision weights where they were: "
            "their precision swallows this sigma. Keep the weights in float32 (autocast runs the layers in low "
            "precision), or take a larger sigma.",
            PrecisionWarning,
            stacklevel=4,
        )
