"""Every setting of PEFT's LoraConfig is known; a damaged value is one sentence that names it."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from corrie.errors import ModelError
from corrie.weights.adapter_config import ADAPTER_CONFIG, KNOWN, WITHOUT_EFFECT, AdapterConfig

peft = pytest.importorskip("peft")

GOOD: dict[str, Any] = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"]}


def test_every_setting_of_peft_is_one_of_ours() -> None:
    theirs = {field.name for field in dataclasses.fields(peft.LoraConfig)}
    assert theirs <= WITHOUT_EFFECT | KNOWN
    assert not WITHOUT_EFFECT & KNOWN


def test_what_peft_writes_by_default_is_read(tmp_path: Path) -> None:
    peft.LoraConfig(target_modules=["q_proj"], r=4, alpha_pattern={"q_proj": 3}).save_pretrained(tmp_path)
    found = AdapterConfig.read(tmp_path)
    assert (found.rank, found.alpha, found.scale_of("layers.0.q_proj")) == (4, 8.0, 0.75)


@pytest.mark.parametrize(
    ("setting", "value"),
    [(n, v) for n in ("r", "lora_alpha") for v in (None, True, "8", [8], 10**30, 10**400, float("nan"), float("inf"))]
    + [("r", 0), ("r", -1), ("r", 2.5)]
    + [(n, v) for n in ("use_rslora", "fan_in_fan_out", "ensure_weight_tying") for v in (1, "true", [True])]
    + [(n, v) for n in ("rank_pattern", "alpha_pattern") for v in (["q"], "q", {"q": "x"}, {"(": 1}, {"(a+)+$": 1})]
    + [("rank_pattern", {"q": 0}), ("alpha_pattern", {"q": {"r": 1}}), ("alpha_pattern", {"(?i)q": 1})]
    + [(n, v) for n in ("target_modules", "exclude_modules") for v in (3, [3], {"q": 1}, "(", "(a|a)*b")]
    + [("modules_to_save", "lm_head"), ("modules_to_save", [None]), ("layers_to_transform", ["1"])]
    + [("bias", "some"), ("bias", []), ("init_lora_weights", "pissa_niter_4"), ("init_lora_weights", 3)]
    + [("base_model_name_or_path", ["a"]), ("a_new_setting", 1), ("trainable_token_indices", [0]), ("use_dora", "yes")],
    ids=lambda value: str(value)[:30],
)
def test_a_damaged_value_is_named(setting: str, value: Any) -> None:
    with pytest.raises(ModelError, match=setting) as refused:
        AdapterConfig.of({**GOOD, setting: value})
    assert len(str(refused.value)) < 500
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "[" * 100_000, '{"r": ' + "9" * 5000 + "}"], ids=lambda t: t[:9])
def test_what_is_no_configuration(tmp_path: Path, text: str) -> None:
    (tmp_path / ADAPTER_CONFIG).write_text(text)
    with pytest.raises(ModelError, match=rf"{ADAPTER_CONFIG} cannot be read"):
        AdapterConfig.read(tmp_path)


def test_empty_values_of_unknown_settings_are_fine() -> None:
    more = {"a_new_setting": None, "another": False, "a_third": {}, "use_dora": False, "alpha_pattern": None}
    assert AdapterConfig.of({**GOOD, **more}).scale_of("q_proj") == 2
    assert json.dumps(dict(AdapterConfig.of(GOOD).raw)) == json.dumps(GOOD)
