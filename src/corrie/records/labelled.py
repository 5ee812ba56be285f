"""What a direction is called where it stands among others: in a legend, a table, on an axis."""

from __future__ import annotations

from corrie.records.canonical import Record


class LabelledDirection(Record):
    """Base of the kinds of directions. Each has an ``id``, readable and complete; a label is what people call it."""

    @property
    def id(self) -> str:
        """Readable and complete, with the version of the law that makes its tensors."""
        raise NotImplementedError

    @property
    def given_name(self) -> str:
        """What it, or what it leads to, was called where it came from; empty where it has no name."""
        return str(getattr(self, "name", ""))

    @property
    def label(self) -> str:
        """What a legend or a table calls it: its name, or its id.

        >>> from corrie.records.paths import Adapter, Quantised
        >>> Adapter(content="c" * 64, name="my-adapter").label, Quantised(bits=8).label
        ('my-adapter', 'quantised:int8/row@rtn-1')
        """
        return self.given_name or self.id

    @property
    def axis(self) -> str:
        """What an axis calls it, which has little room: its name, or its id without the law.

        >>> from corrie.records.direction import Gaussian
        >>> from corrie.records.paths import Difference
        >>> Gaussian(seed=3).axis, Difference(base="a" * 64, tuned="b" * 64, tuned_name="chat").axis
        ('gaussian:3', 'toward chat')
        """
        return self.given_name or self.id.partition("@")[0]

    @property
    def way(self) -> str:
        """The same after a step size: 0.3 ``along gaussian:3``, 0.3 ``toward chat``."""
        return f"along {self.axis}"
