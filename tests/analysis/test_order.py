"""An order is claimed where intervals tell it, and nowhere else."""

from dataclasses import replace

from corrie.analysis.basin import Basin
from corrie.analysis.landscape import Landscape
from corrie.analysis.order import Order
from corrie.records.scan_spec import AlphaGrid
from corrie.testing.cliff_run import KINDS, cliff_run

GRID = AlphaGrid.between(0.002, 0.04, 20)


def basins(*radii: float, directions: int = 8, examples: int = 60, seed: int = 0) -> tuple[Basin, ...]:
    kinds = [KINDS[0]._replace(capability=name, radius=r) for name, r in zip("abc", radii, strict=False)]
    store = cliff_run(kinds=kinds, directions=directions, examples=examples, alphas=GRID, seed=seed)
    return Landscape.from_store(store).basins()


def tasks(some: tuple[Basin, ...]) -> list[str]:
    return [basin.task for basin in some]


def test_basins_far_apart_have_an_order() -> None:
    order = Order.of(basins(0.016, 0.004, 0.008))
    assert tasks(order.basins) == ["b", "c", "a"]
    assert order.before == {("b", "c"), ("b", "a"), ("c", "a")}
    assert tasks(order.first) == ["b"]
    assert tasks(order.last) == ["a"]


def test_equal_basins_have_none() -> None:
    order = Order.of(basins(0.008, 0.008, 0.0085))
    assert order.before == frozenset()
    assert len(order.first) == len(order.last) == 3


def test_pairs_share_the_error() -> None:
    """What is told of two alone is not always told of them among many."""
    near, far = basins(0.008, 0.0099)
    ratio = Order.of([near, far]).before
    assert ratio == {("a", "b")}
    many = [replace(far, task=f"c{i}") for i in range(12)]
    assert ("a", "b") not in Order.of([near, far, *many]).before


def test_one_alone_or_none() -> None:
    (one,) = basins(0.008)
    assert tasks(Order.of([one]).first) == ["a"]
    assert Order.of([]).first == ()
    assert Order.of([replace(one, status="unmeasured", tried=None)]).basins == ()


def test_intervals_without_a_law_between_their_ends_claim_nothing() -> None:
    near, far = basins(0.004, 0.016)
    assert Order.of([replace(near, method="model_free"), far]).before == frozenset()


def test_behaviour_is_in_no_order_with_capabilities() -> None:
    basins = Landscape.from_store(cliff_run()).basins()
    changed = (replace(basins[0], capability="behaviour"), *basins[1:])
    assert changed[0].task not in {basin.task for basin in Order.of(changed).basins}
    assert Order.of(changed[:1]).basins == changed[:1]
