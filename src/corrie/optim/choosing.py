"""Which of a model's tensors: by name."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from corrie.errors import InputError
from corrie.optim.module import Trainable, module_of


def choose(model: Trainable, *include: str, exclude: str | Sequence[str] = ()) -> tuple[nn.Parameter, ...]:
    """The parameters whose names match one of ``include`` and none of ``exclude``, each tied one once.

    Patterns are the shell's: ``*`` any text, ``?`` one character, ``[ab]`` one of these. Names are those of
    ``model.named_parameters()``.

    Raises:
        InputError: a pattern matches nothing or is none, or nothing is left.

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))
    >>> [tuple(p.shape) for p in choose(model, "*.weight")]
    [(3, 2), (3,)]
    >>> [tuple(p.shape) for p in choose(model, "*.weight", exclude=["1.*"])]
    [(3, 2)]
    """
    model = module_of(model, "choose(model, …)")
    exclude = (exclude,) if isinstance(exclude, str) else tuple(exclude)
    named = dict(model.named_parameters())
    for pattern in (*(include or ("",)), *exclude):
        if not isinstance(pattern, str):
            raise InputError(f"tensors {pattern!r}", found="that is no pattern", advice='choose(model, "*q*", "*k*")')
        if not any(fnmatchcase(name, pattern) for name in named):
            some = ", ".join(list(named)[:3])
            raise InputError(
                f"tensors {pattern!r}",
                found=f"no parameter of {type(model).__name__} has such a name (the first are {some})",
                advice='choose(model, "*.weight")',
            )
    chosen = tuple(
        parameter
        for name, parameter in named.items()
        if any(fnmatchcase(name, p) for p in include) and not any(fnmatchcase(name, p) for p in exclude)
    )
    if not chosen:
        raise InputError(
            f"tensors {', '.join(include)} without {', '.join(exclude)}",
            found="nothing is left",
            advice="fewer patterns in exclude",
        )
    return chosen
