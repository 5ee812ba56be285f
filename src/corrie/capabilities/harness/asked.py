"""How a harness task is asked: ``lm_eval:NAME`` or ``lm_eval:FILE.yaml``, with ``@METRIC`` if not by the first."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from corrie.sources.harness_names import HARNESS

HARNESS_PREFIX = f"{HARNESS}:"
_SUFFIXES = (".yaml", ".yml")


class HarnessAsked(NamedTuple):
    """A harness task as it is asked for.

    name      of a task, group or tag of the harness, or the path of a YAML file
    wanted    which of its scores: ``METRIC``, ``FILTER`` or ``METRIC,FILTER``; empty: the first that is a mean
    """

    name: str
    wanted: str = ""

    @classmethod
    def parse(cls, text: str) -> HarnessAsked:
        """Without the limit, which :func:`corrie.capabilities.registry.parse_task` took off.

        >>> HarnessAsked.parse("lm_eval:gsm8k@flexible-extract")
        HarnessAsked(name='gsm8k', wanted='flexible-extract')
        >>> HarnessAsked.parse("lm_eval:my@home/sums.yaml").name
        'my@home/sums.yaml'
        """
        whole = text.removeprefix(HARNESS_PREFIX)
        name, _, wanted = whole.rpartition("@")
        return cls(name, wanted) if name and "/" not in wanted else cls(whole)

    @property
    def file(self) -> Path | None:
        """The user's own file, if it is one.

        >>> HarnessAsked("gsm8k").file, str(HarnessAsked("mine/task.yaml").file)
        (None, 'mine/task.yaml')
        """
        return Path(self.name).expanduser() if self.name.endswith(_SUFFIXES) else None

    def __str__(self) -> str:
        return HARNESS_PREFIX + self.name + (f"@{self.wanted}" if self.wanted else "")


def is_harness(name: str) -> bool:
    """Whether a task's name is one of the harness's.

    >>> is_harness("lm_eval:gsm8k"), is_harness("gsm8k")
    (True, False)
    """
    return name.startswith(HARNESS_PREFIX)
