"""The statement about changed inputs, from outcomes that are written down."""

from __future__ import annotations

import math

import pytest

from corrie.analysis.input_certificate import InputCertificate
from corrie.errors import InputError
from corrie.records.input_spec import InputSpec, parse_noise
from corrie.records.model import ModelIdentity, SelectionSpec
from corrie.records.scan_spec import TaskRequest
from corrie.records.task import TaskIdentity
from corrie.stats import gaussian_shift

MODEL = ModelIdentity(
    name="a-model", architecture="X", fingerprint="f", dtype="float32", parameters=9, selection=SelectionSpec(),
    dimension=9, norm=1.0,
)  # fmt: skip
TASK = TaskIdentity(name="facts", capability="knowledge", source="s", scoring="choice", chance=0.25, size=9, digest="d")


def certificate(
    noise: str = "absorbing:0.9", columns: str = "1110", change: float = 1, draws: int = 200, **terms: object
) -> InputCertificate:
    """Examples that are right always (1), never (0), or on every other draw (h)."""
    rows = [tuple(float(c == "1" or (c == "h" and i % 2)) for c in columns) for i in range(draws)]
    parsed = parse_noise(noise)
    spec = InputSpec(
        model="f", tokenizer="", dtype="float32", task=TaskRequest(task=TASK.id, limit=len(columns)), noise=parsed,
        vocabulary=100, mask=0 if parsed.kind == "absorbing" else None, before=5, after=2, selection=10, draws=draws,
    )  # fmt: skip
    given: dict[str, object] = {
        "ids": tuple("abcdefgh"[: len(columns)]),
        "lengths": tuple(range(3, 3 + len(columns))),
        "clean": (1.0,) * len(columns),
        "selection": rows[:10],
        "draws": rows,
    }
    return InputCertificate.of(spec, MODEL, TASK, change, **given | terms)


def test_the_bound_is_the_kernels_on_each_group() -> None:
    found = certificate()
    low = (0.05 / 2) ** (1 / 600)
    for change in range(4):
        assert found.bound(change) == pytest.approx(0.75 * (low - 1 + 0.9**change), abs=1e-9)
    assert found.verdict == "informative"
    assert found.bound(6) > 0.25
    assert found.reach == 6, "no prompt has more own tokens"
    assert certificate("absorbing:0.6").reach == 2, "0.75 · (0.994 − 1 + 0.6²) = 0.265, and 0.157 for three"


def test_the_bound_under_gaussian_noise() -> None:
    found = certificate("embedding:0.1", change=0.1)
    low = (0.05 / 2) ** (1 / 600)
    assert found.bound(0.1) == pytest.approx(0.75 * float(gaussian_shift.lower(low, 1.0)), abs=1e-9)
    reach = found.reach
    assert reach is not None
    assert found.bound(reach) > 0.25 >= found.bound(reach * 1.0001)


def test_a_prompt_is_held_by_its_own_limit() -> None:
    found = certificate(columns="1h0")
    low = (0.05 / 3) ** (1 / 200)
    expected = max(d for d in range(50) if low - 1 + 0.9**d >= 0.5)
    assert found.held(1) == (True, False, False)
    examples = found.to_json()["examples"]
    assert examples[0]["held_up_to"] == min(expected, 3), "no more than its own tokens"
    assert examples[1]["held_up_to"] is None
    assert found.held(9)[0] == (low - 1 + 0.9**3 >= 0.5), "a prompt of three tokens cannot lose nine"


@pytest.mark.parametrize(
    ("noise", "columns", "verdict", "says"),
    [
        ("absorbing:0.9", "1110", "informative", "at least 0.67, above chance (0.25): informative"),
        ("absorbing:0.2", "1110", "vacuous", "at least 0.145, not above chance (0.25): vacuous"),
        ("absorbing:0.9", "0000", "abstained", "nothing is certified (abstained)"),
        ("embedding:0.1", "1110", "vacuous", "any change of L2 norm up to 1 (r/σ = 10)"),
    ],
)
def test_the_verdict_is_in_the_sentence(noise: str, columns: str, verdict: str, says: str) -> None:
    found = certificate(noise, columns)
    assert found.verdict == verdict
    assert says in found.sentence
    first = str(found).splitlines()[0]
    assert first.startswith(verdict.upper()) == (verdict != "informative")
    assert (found.reach is None) == (verdict == "abstained")


def test_everything_stands_before_the_figure() -> None:
    said = certificate(sharing=2).sentence
    order = [
        "With confidence 0.95",
        "over 200 noise draws",
        "becomes token 0 with probability 0.9",
        "about a-model in float32 read through this noise, which without it has 1",
        "on the first 4 examples of facts (3 to 6 own tokens each",
        "assuming that the kernel and the examples were chosen before",
        "draws of 2 certificates",
        "after replacing any one own token of every prompt by any others",
        "at least 0.67",
        "3 of 4 prompts are sure to stay right with probability 1/2 or more.",
    ]
    places = [said.index(part) for part in order]
    assert places == sorted(places)


def test_the_table_holds_the_change_that_was_asked_about() -> None:
    found = certificate(change=5)
    rows = {change: (bound, held) for change, bound, held in found.table}
    assert rows[5.0] == (found.bound(5), sum(found.held(5)))
    assert "tokens replaced" in found.rows
    assert found.rows.count("\n") == len(rows)
    assert [c for c, _, _ in certificate("embedding:0.1", change=0.07).table][:4] == [0.0, 0.025, 0.05, 0.07]


@pytest.mark.parametrize(
    ("noise", "change"), [("absorbing:0.9", 0.5), ("absorbing:0.9", -1), ("embedding:1", math.inf)]
)
def test_a_change_that_cannot_be_meant_is_refused(noise: str, change: float) -> None:
    with pytest.raises(InputError, match="a change of"):
        certificate(noise, change=change)


def test_draws_that_are_missing_are_refused() -> None:
    few = {"ids": ("a",), "lengths": (3,), "clean": (1.0,), "selection": [(1.0,)] * 10, "draws": [(1.0,)]}
    with pytest.raises(InputError, match=r"10 \+ 200 draws: 10 \+ 1"):
        InputCertificate.of(certificate().spec, MODEL, TASK, 1, **few)
