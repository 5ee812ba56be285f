import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corrie.models.encoding import Sequenced
from corrie.models.trie import TokenTrie

token_lists = st.lists(st.integers(0, 3), min_size=2, max_size=7)
sequences = st.lists(
    token_lists.flatmap(lambda ids: st.integers(1, len(ids) - 1).map(lambda start: Sequenced(tuple(ids), start))),
    min_size=1,
    max_size=12,
)


@given(sequences)
def test_nodes_are_the_distinct_prefixes(given: list[Sequenced]) -> None:
    trie = TokenTrie()
    for sequence in given:
        trie.add(sequence)
    prefixes = {s.ids[: n + 1] for s in given for n in range(len(s.ids) - 1)}
    assert len(trie) == len(prefixes)


@given(sequences)
def test_a_node_sees_its_own_prefix_and_nothing_else(given: list[Sequenced]) -> None:
    trie = TokenTrie()
    paths = [trie.add(s) for s in given]
    seen = trie.ancestry()
    tokens, depths = np.array(trie.tokens), np.array(trie.depths)
    for sequence, path in zip(given, paths, strict=True):
        assert len(path) == len(sequence.ids) - sequence.start
        for offset, node in enumerate(path):
            before = np.flatnonzero(seen[node])
            order = before[np.argsort(depths[before])]
            assert tuple(tokens[order]) == sequence.ids[: sequence.start + offset]
            assert list(depths[order]) == list(range(sequence.start + offset))


@given(sequences, st.integers(0, 3))
def test_a_known_beginning_needs_no_nodes(given: list[Sequenced], skip: int) -> None:
    beginning = (9,) * skip
    longer = [Sequenced(beginning + s.ids, s.start + skip) for s in given]
    with_skip, without = TokenTrie(skip=skip), TokenTrie()
    for one, two in zip(longer, given, strict=True):
        assert (with_skip.add(one) == without.add(two)).all()
    assert with_skip.tokens == without.tokens
    assert [d - skip for d in with_skip.depths] == without.depths
