"""Many token sequences as one tree, so that what they share is computed once.

Few-shot context, question and options overlap almost wholly. Laid out as a tree (one node for each distinct prefix)
they run as **one** row of tokens: a node attends to its ancestors only, and its position is its depth. The forward
pass then costs exactly the distinct tokens, without padding, and a node's keys and values depend on nothing but its
own prefix, so a score does not depend on what else is in the row.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from corrie.models.encoding import Sequenced


@dataclass
class TokenTrie:
    """A growing tree of prefixes below a common beginning that is already known (``skip`` tokens).

    tokens, parents, depths   one entry for each node, parents before children (−1: the known beginning)
    """

    skip: int = 0
    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    _children: dict[tuple[int, int], int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.tokens)

    def add(self, sequence: Sequenced) -> NDArray[np.int64]:
        """Insert a sequence; the nodes whose output predicts its scored tokens, in order.

        The last token predicts nothing that is asked for, so it needs no node.
        """
        node, path, children = -1, [], self._children
        for depth, token in enumerate(sequence.ids[self.skip : -1], self.skip):
            child = children.get((node, token))
            if child is None:
                child = children[node, token] = len(self.tokens)
                self.tokens.append(token)
                self.parents.append(node)
                self.depths.append(depth)
            node = child
            path.append(child)
        return np.asarray(path[sequence.start - 1 - self.skip :], dtype=np.int64)

    def cut(self, size: int) -> None:
        """Take back all nodes but so many: those that were added last. It grows no further then."""
        del self.tokens[size:], self.parents[size:], self.depths[size:]

    def ancestry(self) -> NDArray[np.bool_]:
        """(T, T): row t is true at t and at all its ancestors.

        >>> trie = TokenTrie()
        >>> _ = trie.add(Sequenced((5, 6, 7), 1)), trie.add(Sequenced((5, 8, 7), 1))
        >>> trie.ancestry().astype(int).tolist()
        [[1, 0, 0], [1, 1, 0], [1, 0, 1]]
        """
        seen = np.zeros((len(self), len(self)), dtype=np.bool_)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                seen[node, :node] = seen[parent, :node]
            seen[node, node] = True
        return seen
