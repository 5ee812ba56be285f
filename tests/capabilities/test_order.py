import hashlib
import random

from hypothesis import given
from hypothesis import strategies as st

from corrie.capabilities.examples import Target
from corrie.capabilities.order import fixed_order


def numbered(ids) -> list[Target]:
    return [Target(str(i), "", "x") for i in ids]


def ids(examples) -> list[str]:
    return [e.id for e in examples]


def test_the_law_by_hand() -> None:
    """Version sha256-1, written out: whoever changes it changes every stored run's meaning."""
    expected = sorted(map(str, range(50)), key=lambda i: hashlib.sha256(f"sha256-1\0arc/rc\0{i}".encode()).hexdigest())
    assert ids(fixed_order(numbered(range(50)), "arc/rc")) == expected


@given(st.sets(st.text(), min_size=1, max_size=30), st.randoms())
def test_it_does_not_matter_how_they_came(names: set[str], dice: random.Random) -> None:
    came = list(names)
    dice.shuffle(came)
    assert ids(fixed_order(numbered(came), "s")) == ids(fixed_order(numbered(sorted(names)), "s"))


@given(st.sets(st.integers(0, 1000), min_size=2, max_size=40), st.data())
def test_others_do_not_change_the_order_of_two(numbers: set[int], data: st.DataObject) -> None:
    some = data.draw(st.sets(st.sampled_from(sorted(numbers)), min_size=1))
    whole = ids(fixed_order(numbered(numbers), "s"))
    assert ids(fixed_order(numbered(some), "s")) == [i for i in whole if int(i) in some]


def test_the_salt_shuffles_anew_and_the_order_is_mixed() -> None:
    one, two = ids(fixed_order(numbered(range(400)), "one")), ids(fixed_order(numbered(range(400)), "two"))
    assert one != two
    first_half = sum(int(i) < 200 for i in one[:200])
    assert 70 < first_half < 130  # 100 ± 3 standard deviations (5) of a random half, with room
