"""Patterns against PEFT's own matching, and the ones that would run for years."""

import time

import pytest

from corrie.weights.module_patterns import fault, fits, in_layers, named

other = pytest.importorskip("peft.utils.other")

NAMES = [f"model.layers.{n}.{m}" for n in (0, 1, 11) for m in ("self_attn.q_proj", "mlp.up_proj", "mlp.experts.3.w1")]
NAMES += ["lm_head", "model.embed_tokens", "transformer.h.1.attn.c_attn"]


@pytest.mark.parametrize(
    "pattern", ["q_proj", r"layers\.1\..*", "^model.layers.0.mlp.up_proj", "1.mlp.up_proj", "(q|up)_proj", "proj", ".*"]
)
def test_ends_of_names_are_pefts(pattern: str) -> None:
    assert [fits(pattern, n) for n in NAMES] == [other.get_pattern_key([pattern], n) == pattern for n in NAMES]
    assert not fault(pattern, ending=True)


def test_modules_and_layers_are_pefts() -> None:
    from peft import LoraConfig
    from peft.tuners.tuners_utils import check_target_module_exists

    for targets, layers, containers in (
        (["q_proj", "w1"], [1], []),
        (["up_proj", "c_attn"], [0, 1], ["layers", "h"]),
        (r".*\.(q|up)_proj", [], []),
    ):
        config = LoraConfig(
            target_modules=targets, layers_to_transform=layers or None, layers_pattern=containers or None
        )
        wanted = [bool(check_target_module_exists(config, n)) for n in NAMES]
        ours = [named(targets, n) and (not layers or in_layers(n, layers, containers)) for n in NAMES]
        assert ours == wanted
        assert any(wanted)
        assert not all(wanted)


TANGLED = ("(a+)+$", "((a|a)*)*b", "(x|.)*y", ".*.*.*.*z", r"(.*\w)*b", "(?:(?:a?){50}){50}", ".*a" * 9)
BROKEN = (r"(?P<x>a)(?P=x)", r"(a)\1", "a{99999}", "(", "[", "*", "a" * 5000)


@pytest.mark.parametrize("pattern", [*TANGLED, *BROKEN])
def test_what_could_take_long_or_is_no_pattern_is_not_matched(pattern: str) -> None:
    assert fault(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?:.*?(?:language|text).*?(?:self_attn|mlp).*?(?:q_proj|k_proj).*?)|(?:\bmodel\.layers\.[\d]{1,}\.(?:mlp)\.(?:up))",
        r".*\.layers\.\d+\.(self_attn|mlp)\.(q|k|v|o|up)_proj",
        r"^(?!.*vision).*(?:q_proj|v_proj)$",
    ],
)
def test_what_people_write_is_matched_quickly(pattern: str) -> None:
    assert not fault(pattern)
    start = time.process_time()
    for name in NAMES:
        named(pattern, name * 3)
    assert time.process_time() - start < 1
