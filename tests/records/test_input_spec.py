from __future__ import annotations

import pytest
from pydantic import ValidationError

from corrie.errors import InputError, UnknownName
from corrie.records.input_spec import InputSpec, check_change, check_terms, parse_noise
from corrie.records.scan_spec import TaskRequest
from corrie.stats import AbsorbingKernel, GaussianKernel, UniformKernel


def spec(noise: str, **terms: object) -> InputSpec:
    given: dict[str, object] = {"model": "m", "tokenizer": "t", "dtype": "float32", "vocabulary": 9, "draws": 5}
    given |= {"before": 1, "after": 0, "task": TaskRequest(task="a", limit=2), "noise": parse_noise(noise)}
    return InputSpec.model_validate(given | terms)


def test_each_noise_has_its_kernel() -> None:
    assert spec("absorbing:0.7", mask=3).kernel == AbsorbingKernel(0.7)
    assert spec("uniform:0.7").kernel == UniformKernel(0.7, 9)
    assert spec("embedding:2").kernel == GaussianKernel(2.0)


def test_what_is_fixed_names_it() -> None:
    one = spec("uniform:0.7")
    assert 0 <= one.seed < 2**60
    assert InputSpec.parse(one.canonical()) == one
    others = [
        spec("uniform:0.6"), spec("absorbing:0.7", mask=3), spec("uniform:0.7", draws=6),
        spec("uniform:0.7", confidence=0.9), spec("uniform:0.7", after=1), spec("uniform:0.7", selection=9),
    ]  # fmt: skip
    assert len({one.id, *(o.id for o in others)}) == 7


@pytest.mark.parametrize(
    "text", ["uniform:0", "absorbing:1.5", "embedding:-1", "embedding:inf", "uniform:", "uniform:x"]
)
def test_noise_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_noise(text)


def test_an_unknown_kernel_has_a_neighbour() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'absorbing'"):
        parse_noise("absorbin:0.7")


def test_a_mask_is_for_absorbing_alone() -> None:
    for noise, mask in (("absorbing:0.7", None), ("uniform:0.7", 3)):
        with pytest.raises((InputError, ValidationError), match="mask token"):
            spec(noise, mask=mask)


def test_numbers_that_cannot_be_meant_are_refused() -> None:
    for draws, selection, confidence in ((0, 1, 0.9), (1, 0, 0.9), (1, 1, 1.0)):
        with pytest.raises(InputError):
            check_terms(draws, selection, confidence)
    for noise, change in (("uniform:0.5", 0.5), ("uniform:0.5", -1.0), ("embedding:1", float("nan"))):
        with pytest.raises(InputError, match="a change of"):
            check_change(parse_noise(noise), change)
    check_change(parse_noise("embedding:1"), 0.5)
