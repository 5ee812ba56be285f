"""A draw of noise on inputs as a direction."""

from __future__ import annotations

from corrie.records.input_draw import InputDraw
from corrie.records.point import Point


def draw(**terms: object) -> InputDraw:
    given = {"spec": "3f2a", "part": "draw", "number": 7, "noise": "uniform", "level": 0.5, "examples": 20}
    return InputDraw.model_validate(given | terms)


def test_a_point_of_a_draw_is_written_and_read() -> None:
    point = Point.along(draw(), 1.0)
    assert Point.parse(point.canonical()) == point
    assert str(point) == "θ0 + 1·inputs:3f2a/draw:7@inputs-1"
    assert (
        len({Point.along(draw(**other), 1.0).id for other in ({}, {"number": 8}, {"spec": "b"}, {"part": "selection"})})
        == 4
    )


def test_draws_stand_in_the_order_of_making() -> None:
    made = [draw(part="clean", number=0), draw(part="selection", number=3), draw(number=2), draw(number=10)]
    assert sorted([made[3], made[1], made[0], made[2]], key=lambda d: d.place) == made
    assert [d.draw for d in made] == ["clean", "selection 3", "draw 2", "draw 10"]
