"""An optimizer whose groups and state are another's, so that nothing can part the two."""

from __future__ import annotations

from typing import Any

from torch.optim import Optimizer

from corrie.errors import InputError

_WHAT_MAKES_ONE = ("param_groups", "state", "defaults", "_optimizer_step_pre_hooks")


class Sharing(Optimizer):
    """A torch optimizer around another one: ``param_groups``, ``state`` and ``defaults`` *are* the other's.

    They are properties that read and write the base, because torch's ``load_state_dict`` replaces these objects, and
    accelerate replaces the parameters in them. A base may be a wrapper itself that shows another's groups and cannot be
    given others (Lookahead, schedule-free wrappers): they are then replaced in place. Nothing else is passed on
    unasked: a fused base tells ``GradScaler`` by an attribute that it divides by the scale itself, which must not be
    said of the wrapper.

    Subclasses define ``step`` and what happens to a new group.

    Raises:
        InputError: the base is no torch optimizer, or one that has no groups, no state or no hooks of its own.
    """

    _set_up_by_torch = False

    def __init__(self, base: Optimizer) -> None:
        if not isinstance(base, Optimizer):
            raise InputError(
                f"{type(self).__name__}({type(base).__name__}, …)",
                found="that is no torch optimizer",
                advice=f"{type(self).__name__}(torch.optim.AdamW(model.parameters()), …)",
            )
        lacks = [name for name in _WHAT_MAKES_ONE if not hasattr(base, name)]
        if lacks:
            raise InputError(
                f"{type(self).__name__}({type(base).__name__}, …)",
                found=f"it is no whole torch optimizer: it has no {lacks[0].lstrip('_')}",
                advice=f"{type(self).__name__} around the optimizer inside of it",
            )
        self.base = base
        self._set_up_by_torch = True
        self.add_param_group = lambda _: None  # type: ignore[method-assign]
        try:  # torch's own set-up fills what here is the base optimizer's, and stays as it is
            super().__init__([{"params": list(group["params"])} for group in base.param_groups], base.defaults)
        finally:
            del self.add_param_group
            self._set_up_by_torch = False

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The base optimizer's."""
        return self.base.param_groups

    @param_groups.setter
    def param_groups(self, groups: list[dict[str, Any]]) -> None:  # type: ignore[override]
        if not self._set_up_by_torch:
            try:
                self.base.param_groups = groups
            except AttributeError:
                self.base.param_groups[:] = groups

    @property
    def state(self) -> Any:
        """The base optimizer's."""
        return self.base.state

    @state.setter
    def state(self, state: Any) -> None:  # type: ignore[override]
        if not self._set_up_by_torch:
            try:
                self.base.state = state
            except AttributeError:
                kept = dict(state)
                self.base.state.clear()
                self.base.state.update(kept)

    @property
    def defaults(self) -> dict[str, Any]:
        """The base optimizer's."""
        return self.base.defaults

    @defaults.setter
    def defaults(self, defaults: dict[str, Any]) -> None:
        if not self._set_up_by_torch:
            self.base.defaults = defaults

    def state_dict(self) -> dict[str, Any]:
        """The base optimizer's."""
        return self.base.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Into the base optimizer."""
        self.base.load_state_dict(state_dict)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """To the base optimizer."""
        self.base.add_param_group(param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """The base optimizer's."""
        self.base.zero_grad(set_to_none=set_to_none)

    def train(self) -> None:
        """Passed on to a base optimizer that has modes (schedule-free ones)."""
        self._pass_on("train")

    def eval(self) -> None:
        """Passed on to a base optimizer that has modes (schedule-free ones)."""
        self._pass_on("eval")

    def _pass_on(self, mode: str) -> None:
        method = getattr(self.base, mode, None)
        if callable(method):
            method()


def that_loads(optimizer: Optimizer) -> Optimizer:
    """The optimizer whose ``load_state_dict`` calls its hooks: itself, or the one that a wrapper without such hooks
    hands its state on to.

    Raises:
        InputError: there is none.

    >>> base = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))])
    >>> that_loads(base) is base
    True
    """
    found: Any = optimizer
    while not hasattr(found, "_optimizer_load_state_dict_pre_hooks"):
        found = getattr(found, "optimizer", None)
        if not isinstance(found, Optimizer):
            raise InputError(
                f"an optimizer {type(optimizer).__name__}",
                found="its load_state_dict has no hooks: where its state is replaced cannot be noticed",
                advice="the optimizer inside of it",
            )
    return found
