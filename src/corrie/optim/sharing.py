"""An optimizer whose groups and state are another's, so that nothing can part the two."""

from __future__ import annotations

from typing import Any

from torch.optim import Optimizer

from corrie.errors import InputError


class Sharing(Optimizer):
    """A torch optimizer around another one: ``param_groups``, ``state`` and ``defaults`` *are* the other's.

    They are properties that read and write the base, because torch's ``load_state_dict`` replaces these objects, and
    accelerate replaces the parameters in them. Nothing else is passed on unasked: a fused base tells ``GradScaler`` by
    an attribute that it divides by the scale itself, which must not be said of the wrapper.

    Subclasses define ``step`` and what happens to a new group.

    Raises:
        InputError: the base is no torch optimizer.
    """

    def __init__(self, base: Optimizer) -> None:
        if not isinstance(base, Optimizer):
            raise InputError(
                f"{type(self).__name__}({type(base).__name__}, …)",
                found="that is no torch optimizer",
                advice=f"{type(self).__name__}(torch.optim.AdamW(model.parameters()), …)",
            )
        self.base = base
        kept = base.param_groups, base.state, base.defaults
        try:  # torch's own set-up fills these three, which here are the base optimizer's
            super().__init__([{"params": list(group["params"])} for group in kept[0]], kept[2])
        finally:
            base.param_groups, base.state, base.defaults = kept

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The base optimizer's."""
        return self.base.param_groups

    @param_groups.setter
    def param_groups(self, groups: list[dict[str, Any]]) -> None:  # type: ignore[override]
        self.base.param_groups = groups

    @property
    def state(self) -> Any:
        """The base optimizer's."""
        return self.base.state

    @state.setter
    def state(self, state: Any) -> None:  # type: ignore[override]
        self.base.state = state

    @property
    def defaults(self) -> dict[str, Any]:
        """The base optimizer's."""
        return self.base.defaults

    @defaults.setter
    def defaults(self, defaults: dict[str, Any]) -> None:
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
