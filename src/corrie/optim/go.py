"""GO, the Gaussian-augmented optimizer: training that makes a basin wider."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from numbers import Real
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from corrie.errors import InputError
from corrie.optim.attaching import Attachment, inside_backward
from corrie.optim.distance import root_mean_square
from corrie.optim.module import Trainable, module_of
from corrie.optim.placing import Placement, place, restore, warn_of_swallowed_noise
from corrie.optim.schedules import Constant
from corrie.optim.sharing import Sharing, that_loads
from corrie.weights.claims import Claim
from corrie.weights.shard import forget_gathered, is_sharded
from corrie.weights.uninterrupted import Lent, Uninterrupted

DEFAULT_SIGMA = 0.1
"""Of each tensor's root mean square: where nothing is known yet of a model. Measured in ``docs/go-study.md``."""


class GO(Sharing):
    r"""Any optimizer, fed with gradients taken at weights moved by fresh Gaussian noise.

    **Idea.** A basin is wide when the loss stays low *around* the weights. So train the smoothed loss

    .. math:: \bar L_σ(θ) = E_{ε ∼ N(0, σ²I)} L(θ + ε), \qquad ∇\bar L_σ(θ) = E_ε ∇L(θ + ε):

    each backward pass draws ε, takes the gradient at θ + ε, and restores θ to the bit; then the base optimizer updates
    θ with it. One forward and one backward a step, as without GO. The mean of these gradients is the gradient of the
    smoothed loss exactly (up to the sampler's law, :mod:`corrie.optim.noise`); L + (σ²/2) tr H is its second-order
    approximation. Clipping, and Adam's square root, act on the *noisy* gradient and are not linear: with them the mean
    update is not the update of the mean.

    A base optimizer whose groups an earlier GO has made keeps that one's σ, with a warning where another is asked for;
    so does a loaded state. Copies and pickles of a GO hold a copy of its base and are attached to nothing.

    **Order of a step**: θ → θ + ε, forward, backward, θ back, (other micro-batches, each with its own ε), unscale,
    clip, base optimizer's step. Learning-rate schedulers, ``GradScaler`` and gradient clipping take a GO as they take
    any optimizer. ``param_groups`` and ``state`` *are* the base optimizer's; each group has besides ``sigma`` and
    ``relative`` where the noise stands, as plain numbers: ``go_seed``, ``go_draws``, ``go_steps``.

    Args:
        base: the optimizer that updates θ.
        sigma: standard deviation σ of the noise, in units of the weights. A group with a key ``"sigma"`` keeps its own;
            it may be changed at any time. σ = 0 is the base optimizer, bit for bit. None: :data:`DEFAULT_SIGMA`,
            relative (a group's own sigma stays in units of the weights).
        relative: σ counts in units of each tensor's root mean square at the time of the draw (a tensor of zeros then
            stays where it is). Groups may set ``"relative"``. None: only the default σ does.
        schedule: a factor on every σ as a function of the number of finished steps (:mod:`corrie.optim.schedules`).
        tensors: the parameters that move; None for all in the groups that require a gradient. Groups added later move
            unless their sigma is 0.
        frozen: tensors in the groups that require no gradient move, too: the noise of weights that low-rank adapters
            are added to, while the adapters alone are trained.
        antithetic: draws come in pairs ε, −ε. Over two micro-batches of one step the gradient's errors of odd order in
            σ cancel; take an even number of micro-batches.
        seed: of the noise. The noise is a function of (seed, replica, number of the draw, position in the optimizer).
        replica: which data-parallel copy of the model this process trains: each has noise of its own. None: the rank
            where ``torch.distributed`` runs and no parameter is a DTensor, else 0 (shards of one model share one ε,
            each its part: the noise is the unsharded model's).
        in_place: True keeps every parameter at its address, for captured CUDA graphs
            (``torch.compile(mode="reduce-overhead")``); costs a copy more. None: wherever it is needed.

    Memory: one buffer of the size of the tensors that move, nothing else.

    Raises:
        InputError: σ is negative or no number, or left out and wanted absolute; ``tensors`` names one that the base
            optimizer does not have, or a tensor to be moved is not real and floating-point; the base is a GO itself,
            no whole torch optimizer, or has a setting of its own called sigma or relative.

    Source: arXiv 2505.17646, section on the GO optimizer.

    >>> weight = nn.Parameter(torch.zeros(2))
    >>> go = GO(torch.optim.SGD([weight], lr=0.5), sigma=0.1)
    >>> with go.perturbed():
    ...     loss = (weight - 1).square().sum()
    ...     loss.backward()
    >>> weight.data                                  # θ again, and the gradient is that of θ + ε
    tensor([0., 0.])
    >>> go.step()
    >>> bool((weight > 0).all() and (weight != 1).all())
    True
    """

    def __init__(
        self,
        base: Optimizer,
        sigma: float | None = None,
        *,
        relative: bool | None = None,
        schedule: Callable[[int], float] | None = None,
        tensors: Iterable[Tensor] | None = None,
        frozen: bool = False,
        antithetic: bool = False,
        seed: int = 0,
        replica: int | None = None,
        in_place: bool | None = None,
    ) -> None:
        self._default_sigma = sigma is None
        if sigma is None:
            if relative is False:
                raise InputError(
                    "GO without a sigma, relative=False", found="the default is relative", advice="sigma=0.01"
                )
            sigma, relative = DEFAULT_SIGMA, True
        _check_sigma(sigma)
        if seed < 0:
            raise InputError(f"seed {seed}", found="it is negative", advice="seed=0")
        if not (schedule is None or callable(schedule)):
            raise InputError(f"schedule {schedule!r}", found="it is no function of the step", advice="Ramp(1000)")
        if isinstance(base, GO):
            raise InputError("GO(GO(…))", found="the base is a GO already", advice="GO(base.base, sigma=…)")
        taken = sorted({"sigma", "relative"} & getattr(base, "defaults", {}).keys())
        if taken:
            raise InputError(
                f"GO({type(base).__name__}, …)",
                found=f"it has a setting {taken[0]!r} of its own, the name by which a group says how far GO moves it",
                advice="another base optimizer",
            )
        self._schedule = schedule or Constant()
        self._antithetic = antithetic
        self._frozen = frozen
        self._replica = replica
        self._in_place = in_place
        self._own = {"sigma": float(sigma), "relative": bool(relative), "go_seed": seed, "go_draws": 0, "go_steps": 0}
        super().__init__(base)
        left = [(group["sigma"], group["relative"]) for group in self.param_groups if "go_seed" in group]
        if not self._default_sigma and left and (self._own["sigma"], self._own["relative"]) not in left:
            _warn_of_another_sigma("an earlier GO has left its groups with", *left[0], self._own, stacklevel=3)
        self._still = _positions_left_out(self._groups(), tensors)
        self._set_up()

    def _set_up(self) -> None:
        """At θ, attached to nothing, and told of what is done to the base."""
        self._placements: dict[Tensor, Placement] = {}
        self._moved: list[Placement] = []
        self._claim: Claim | None = None
        self._attachments: list[Attachment] = []
        self._models: set[nn.Module] = set()
        self._before_loading: list[dict[str, Any]] = []
        self._gathered_noise = False
        self._held = False
        self._drawn = self._warned_of_no_draw = self._checked_precision = False
        self.base.register_step_pre_hook(lambda *_: self.restore())
        loads = that_loads(self.base)
        loads.register_load_state_dict_pre_hook(lambda *_: self._before_load())
        loads.register_load_state_dict_post_hook(lambda *_: self._after_load())

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle holds: the base optimizer, and the options. Taken at θ."""
        if self._held:
            raise InputError("a copy of a GO", found="the weights are at θ + ε", advice="after `with go.perturbed()`")
        self.restore()
        options = ("_schedule", "_antithetic", "_frozen", "_replica", "_in_place")
        kept = ("base", "_default_sigma", *options, "_own", "_still")
        return {name: self.__dict__[name] for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._set_up()

    # -- a torch optimizer -----------------------------------------------------------------------------------------

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where ``state_dict`` was taken, noise included, bit for bit. Its σ counts, with a warning if another.

        A state of the base optimizer alone is taken too: then σ and the noise are this GO's.
        """
        super().load_state_dict(state_dict)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As of any optimizer; ``param_group`` may have a sigma of its own."""
        super().add_param_group(param_group)
        self._groups()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """The base optimizer's; weights that an unfinished pass left at θ + ε are restored first."""
        self.restore_unless_held()
        self._come_first()
        super().zero_grad(set_to_none)

    # -- three ways in ---------------------------------------------------------------------------------------------

    def perturbed(self, model: Trainable | None = None) -> Lent[None]:
        """Inside, the weights are θ + ε with a fresh ε; afterwards θ again, to the bit, also when the body raises.

        Put the forward *and* the backward pass inside: one ``with`` for each micro-batch.

        Args:
            model: needed where parameters are DTensors, and not attached: what FSDP2 gathered at other weights (its
                root keeps them after an evaluation) has to be dropped on both ways.

        Raises:
            InputError: this is the inside of another ``perturbed()``, another thread has moved the weights, or the
                model is needed.
        """
        entered: list[Claim] = []

        def enter() -> None:
            with Uninterrupted():
                claim = Claim(parameter for group in self.param_groups for parameter in group["params"])
                try:
                    self._refuse_to_move(model)
                except BaseException:
                    claim.release()
                    raise
                entered.append(claim)
            self._held = True
            self.perturb()

        def leave() -> None:
            if entered:
                self._held = False
                self.restore()
                entered[0].release()
                entered.clear()

        return Lent(enter, leave)

    def _refuse_to_move(self, model: Trainable | None) -> None:
        if self._held:
            raise InputError(
                "GO.perturbed()",
                found="the weights are at θ + ε already",
                advice="one perturbed() after another, none inside another",
            )
        if model is not None:
            self._models.add(module_of(model, "GO.perturbed(model)"))
        elif not self._models and self._is_sharded():
            raise InputError(
                "GO.perturbed()",
                found="the parameters are sharded, and what the model has gathered of them must be dropped",
                advice="go.perturbed(model), or go.attach(model)",
            )

    def attach(self, model: Trainable) -> Self:
        """Let ``model`` perturb and restore itself around each pass, for loops that are not yours.

        One backward pass for each forward pass (several forward passes before one backward share their ε); for more,
        use :meth:`perturbed`. Attach the model after ``fully_shard``, and before its first compiled pass (or attach the
        compiled model). Returns this GO.

        Raises:
            InputError: the model holds none of the optimizer's parameters.

        >>> model = nn.Linear(4, 1)
        >>> go = GO(torch.optim.AdamW(model.parameters()), sigma=0.01).attach(model)
        >>> for _ in range(2):                     # this loop knows nothing of GO
        ...     go.zero_grad()
        ...     model(torch.ones(8, 4)).mean().backward()
        ...     go.step()
        >>> go.draws, go.is_perturbed
        (2, False)
        """
        model = module_of(model, "GO.attach(model)")
        ours = {parameter for group in self.param_groups for parameter in group["params"]}
        if ours.isdisjoint(model.parameters()):
            raise InputError(
                "GO.attach(model)",
                found="none of the optimizer's parameters is in this model",
                advice="the model whose parameters the base optimizer was made with",
            )
        self._attachments.append(Attachment(self, model))
        self._models.add(model)
        return self

    def detach(self) -> None:
        """Undo every :meth:`attach`."""
        self.restore()
        for attachment in self._attachments:
            attachment.remove()
        self._attachments = []
        self._models = set()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Restore θ if need be, then let the base optimizer update it.

        With a ``closure``, each call of it happens at θ + ε: the third way in, for loops that pass one.

        Raises:
            InputError: the base optimizer differentiates a second time (Sophia-H, AdaHessian), when the weights are θ.
        """
        self.restore()
        try:
            result = self.base.step() if closure is None else self.base.step(self._at_noise(closure))
        except RuntimeError as problem:
            if "modified by an inplace operation" not in str(problem):
                raise
            raise InputError(
                f"GO({type(self.base).__name__}, …)",
                found="it differentiates once more in its step, and there the weights are not those of the loss",
                advice="another base optimizer",
            ) from problem
        self._warn_of_no_draw()
        self._drawn = False
        for group in self._groups():
            group["go_steps"] += 1
        self._own["go_steps"] = self.param_groups[0]["go_steps"]
        return result

    # -- what they are made of -------------------------------------------------------------------------------------

    @property
    def is_perturbed(self) -> bool:
        """Whether the weights are at θ + ε now."""
        return bool(self._moved) or self._held

    @property
    def is_held(self) -> bool:
        """Whether this is the inside of a ``with go.perturbed()``."""
        return self._held

    @property
    def draws(self) -> int:
        """How many ε have been drawn so far, earlier runs that were resumed included."""
        return self._groups()[0]["go_draws"]

    @property
    def buffer_bytes(self) -> int:
        """Memory that GO holds beside the model and the base optimizer."""
        return sum(placement.buffer_bytes for placement in self._placements.values())

    def sigmas(self) -> list[float]:
        """The σ of each group for the next draw, schedule included."""
        return [group["sigma"] * self._schedule(group["go_steps"]) for group in self._groups()]

    @torch.no_grad()
    def perturb(self) -> None:
        """Draw a fresh ε and go to θ + ε. :meth:`perturbed` and :meth:`attach` call it and see to the way back."""
        self.restore()
        for model in self._models:
            forget_gathered(model)
        first = self._groups()[0]
        draw, sign = first["go_draws"], 1
        if self._antithetic:
            draw, sign = draw // 2, -1 if draw % 2 else 1
        key = (first["go_seed"], self._replica_here(), draw)
        moves = [(placement, sign * sigma, key) for placement, sigma in self._tensors_that_move()]
        with Uninterrupted():
            if moves:
                self._claim = Claim(parameter for placement, _, _ in moves for parameter in placement.parameters)
            self._moved = [placement for placement, _, _ in moves]  # first, so that a failure is put right too
            try:
                place(moves)
            except BaseException:
                self.restore()
                raise
        self._drawn = self._gathered_noise = True
        self._own["go_draws"] = first["go_draws"] + 1
        for group in self.param_groups:
            group["go_draws"] += 1
        torch.clear_autocast_cache()  # autocast keeps low-precision copies of weights: those are of the old ε
        if self._moved and not self._checked_precision:
            self._checked_precision = True
            warn_of_swallowed_noise(self._moved)

    def restore(self) -> None:
        """θ, to the bit, if the weights are anywhere else."""
        if self._moved:
            with Uninterrupted():
                restore(self._moved)
                torch.clear_autocast_cache()
                if not inside_backward():  # there FSDP2 itself still works with them
                    self.forget_gathered()
                self._moved = []  # last: whatever stops this, the next call finishes it
                if self._claim is not None:
                    self._claim.release()

    def forget_gathered(self) -> None:
        """Let FSDP2 drop weights that it gathered at θ + ε, if any are left."""
        if self._gathered_noise:
            self._gathered_noise = False
            for model in self._models:
                forget_gathered(model)

    def restore_unless_held(self) -> None:
        """As :meth:`restore`, but inside a ``with go.perturbed()`` the end of the ``with`` decides."""
        if not self._held:
            self.restore()

    def _tensors_that_move(self) -> Iterator[tuple[Placement, float]]:
        """Every tensor with its σ; tied ones once, those with σ = 0 never."""
        known, self._placements = self._placements, {}
        by_memory: dict[object, Placement] = {}
        position = -1
        for group, sigma in zip(self.param_groups, self.sigmas(), strict=True):
            _check_sigma(sigma)
            for parameter in group["params"]:
                position += 1
                still = position in self._still or not (parameter.requires_grad or self._frozen)
                if sigma == 0 or still:
                    continue
                placement = known.get(parameter) or Placement(parameter, position, self._in_place)
                self._placements[parameter] = placement
                placement.parameters = [parameter]
                twin = by_memory.setdefault(placement.memory, placement)
                if twin is not placement:
                    twin.parameters.append(parameter)
                    continue
                scale = root_mean_square(parameter) if group["relative"] else 1.0
                if scale > 0:
                    yield placement, sigma * scale

    def _at_noise(self, closure: Callable[[], Any]) -> Callable[[], Any]:
        def noisy() -> Any:
            with self.perturbed():
                return closure()

        return noisy

    def _groups(self) -> list[dict[str, Any]]:
        """The groups, each with every key of GO: the base's own methods may have made some without.

        The noise of a new one stands where the first group's does.
        """
        first = self.param_groups[0]
        for group in self.param_groups:
            if all(key in group for key in self._own):
                continue
            if self._default_sigma and "sigma" in group:
                group.setdefault("relative", False)
            for key, value in self._own.items():
                group.setdefault(key, first.get(key, value) if key.startswith("go_") else value)
            _check_sigma(group["sigma"])
        return self.param_groups

    def _before_load(self) -> None:
        self.restore()
        self._before_loading = [{key: group[key] for key in self._own} for group in self._groups()]

    def _after_load(self) -> None:
        said = False
        for group, before in zip(self.param_groups, self._before_loading, strict=True):
            for key, value in before.items():
                group.setdefault(key, value)
            if not said and (group["sigma"], group["relative"]) != (before["sigma"], before["relative"]):
                said = True
                _warn_of_another_sigma("the loaded state has", group["sigma"], group["relative"], before, stacklevel=7)
        self._own |= {key: value for key, value in self.param_groups[0].items() if key.startswith("go_")}

    def _replica_here(self) -> int:
        if self._replica is not None:
            return self._replica
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        return torch.distributed.get_rank() if distributed and not self._is_sharded() else 0

    def _is_sharded(self) -> bool:
        return any(is_sharded(parameter) for group in self.param_groups for parameter in group["params"])

    def _warn_of_no_draw(self) -> None:
        if not self._drawn and not self._warned_of_no_draw and any(self.sigmas()):
            self._warned_of_no_draw = True
            warnings.warn(
                "GO.step() without any draw since the last one: this gradient is that of θ, as without GO. Run the "
                "backward pass inside `with go.perturbed():`, or go.attach(the model whose forward is called).",
                stacklevel=3,
            )

    def _come_first(self) -> None:
        for attachment in self._attachments:
            attachment.come_first()

    def _pass_on(self, mode: str) -> None:
        self._come_first()
        self.restore_unless_held()
        super()._pass_on(mode)


def _warn_of_another_sigma(who: str, sigma: float, relative: bool, wanted: dict[str, Any], stacklevel: int) -> None:
    found, asked = (
        f"σ {value:g}{' relative' if unit else ''}"
        for value, unit in ((sigma, relative), (wanted["sigma"], wanted["relative"]))
    )
    warnings.warn(
        f'GO: {who} {found}, not the {asked} of this GO, and {found} is used. To change it, set group["sigma"] and '
        'group["relative"] of its param_groups.',
        stacklevel=stacklevel,
    )


def _check_sigma(sigma: float) -> None:
    if not (isinstance(sigma, Real) and math.isfinite(sigma) and sigma >= 0):
        raise InputError(f"sigma {sigma!r}", found="it is no standard deviation", advice="sigma=0.001")


def _positions_left_out(groups: Sequence[dict[str, Any]], tensors: Iterable[Tensor] | None) -> frozenset[int]:
    """Positions in the optimizer that do not move. Positions, for sharding replaces the tensors themselves."""
    if tensors is None:
        return frozenset()
    here = {parameter: n for n, parameter in enumerate(p for group in groups for p in group["params"])}
    wanted = list(tensors)
    if not all(isinstance(tensor, Tensor) for tensor in wanted):
        raise InputError(f"tensors={tensors!r}", found="they are no tensors", advice='choose(model, "*proj.weight")')
    strangers = [tuple(t.shape) for t in wanted if t not in here]
    if strangers or not wanted:
        raise InputError(
            f"tensors={len(wanted)} of them",
            found=f"one of shape {strangers[0]} is not in the base optimizer" if strangers else "there is none",
            advice="choose(model, …) with parameters that the base optimizer holds",
        )
    chosen = {here[t] for t in wanted}
    return frozenset(n for n in here.values() if n not in chosen)
