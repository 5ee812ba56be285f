"""Whatever serves a model, its numbers are those of every sequence alone: on tiny models of every kind of attention."""

import random
from functools import cache
from typing import Any

import pytest
import torch
from torch import nn

from corrie.errors import ModelError
from corrie.models.encoding import Sequenced
from corrie.models.engine import choose_engine, tree_works
from corrie.models.load import from_module
from corrie.models.miniature import build_miniature, miniature
from corrie.models.model import Model
from corrie.models.packed import PackedEngine
from corrie.models.reading import Question
from corrie.models.rope import reach_of
from corrie.testing.families import tiny_module
from corrie.testing.toy_models import byte_tokenizer

EVERYDAY = {
    *("mistral", "gemma3_text", "gpt_oss", "llama4_text", "phi3", "bloom"),
    *("gpt_neo", "falcon_mamba", "recurrent_gemma"),
}
"""One of each kind; the others are asked in ``make coverage``."""

TREES = [
    *("mistral", "gemma2", "gemma3_text", "gpt_oss", "olmo3", "qwen2", "cohere2", "phi3"),  # windows of eight tokens
    *("llama4_text", "bloom", "falcon", "mpt", "opt", "gpt2"),  # chunks, biases by distance, learned positions
]
ALONE = ["gpt_neo", "mamba", "falcon_mamba", "recurrent_gemma", "jamba", "rwkv", "lfm2_moe", "openai-gpt"]
FAMILIES = [
    pytest.param(family, marks=() if family in EVERYDAY else pytest.mark.coverage) for family in (*TREES, *ALONE)
]


@cache
def loaded(family: str) -> Model:
    return from_module(tiny_module(family), byte_tokenizer(), name=f"tiny-{family}")


def some_questions(count: int = 10) -> tuple[str, list[Question]]:
    """A shared beginning and questions of 30 to 90 tokens, whose options are of unequal length."""
    dice = random.Random(3)

    def words(length: int) -> str:
        return "".join(dice.choice("abcdefgh ") for _ in range(length))

    shared = words(20) + "\n\n"
    return shared, [Question(shared + words(4 + 6 * k) + ":", (" " + words(3), " " + words(9))) for k in range(count)]


@torch.no_grad()
def by_transformers(module: Any, ids: tuple[int, ...], start: int) -> float:
    """Log-likelihood of ids[start:], one pass of a module that has seen nothing else."""
    rows = module(input_ids=torch.tensor([ids]), use_cache=False).logits[0].double().log_softmax(-1)
    return sum(float(rows[i - 1, ids[i]]) for i in range(start, len(ids)))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_block_of_ten_scores_what_each_scores_alone(family: str) -> None:
    model = loaded(family)
    assert model.packed == (family in TREES), str(model.engine)
    shared, asked = some_questions()
    found = model.reader().read(asked, shared)
    for question, readings in zip(asked, found, strict=True):
        for sequence, reading in zip(model.sequences(question), readings, strict=True):
            wanted = by_transformers(model.module, sequence.ids, sequence.start)
            assert reading.log_likelihood == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_text_does_not_depend_on_its_neighbours(family: str) -> None:
    model = loaded(family)
    prompts = ["ab", "abc" * 5, "a question of some length " * 2, "h" * 36]
    together = [w.text for w in model.reader().write(prompts, 8)]
    module: Any = model.module
    for prompt, text in zip(prompts, together, strict=True):
        ids = list(byte_tokenizer()(prompt).input_ids)
        start = len(ids)
        while len(ids) < start + 8:  # the slow obvious way: the whole row again at every token
            with torch.no_grad():
                token = int(module(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax())
            if token == 256:
                break
            ids.append(token)
        if len(ids) <= 40 or family != "phi3":  # past its switch-over a kept key stays as it was
            assert text == byte_tokenizer().decode(ids[start:], skip_special_tokens=True)


@pytest.mark.parametrize("family", ["falcon_mamba", "recurrent_gemma"])
def test_a_state_that_sees_padding_is_found_out(family: str) -> None:
    assert not choose_engine(tiny_module(family)).together


def test_a_window_that_counts_the_row_is_found_out_although_a_short_question_does_not_reach_it() -> None:
    from transformers import GPTNeoConfig, GPTNeoForCausalLM

    module = GPTNeoForCausalLM(
        GPTNeoConfig(vocab_size=264, hidden_size=32, num_layers=2, num_heads=4, attention_types=[[["local"], 2]])
    ).eval()
    assert module.config.window_size == 256
    assert tree_works(module, 264)
    engine = choose_engine(module)
    assert not engine.tree
    assert engine.equal
    assert str(engine).startswith("likelihoods by sequences of one length together, what they begin with read once (no")


def test_a_rope_that_changes_keeps_long_neighbours_apart() -> None:
    model = loaded("phi3")
    assert model.engine.tree
    assert model.engine.reach.depth == 40
    assert "alone beyond 40 tokens" in str(model.engine)


def dynamic() -> nn.Module:
    from transformers import LlamaConfig, LlamaForCausalLM

    rope: Any = {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10000.0}
    sizes: Any = {"vocab_size": 264, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    config = LlamaConfig(
        **sizes, num_attention_heads=4, max_position_embeddings=40, rope_parameters=rope, initializer_range=0.2
    )
    torch.manual_seed(0)
    return LlamaForCausalLM(config).eval()


def test_a_rope_that_grows_with_the_row_forgets_what_ran_before() -> None:
    model = from_module(dynamic(), byte_tokenizer(), name="dynamic")
    assert model.engine.tree
    shared, asked = some_questions()
    for questions in (asked, asked[::-1]):
        for question, readings in zip(questions, model.reader().read(questions, shared), strict=True):
            for sequence, reading in zip(model.sequences(question), readings, strict=True):
                wanted = by_transformers(dynamic(), sequence.ids, sequence.start)
                assert reading.log_likelihood == pytest.approx(wanted, abs=1e-4)


def test_texts_of_a_rope_that_grows_are_those_of_generate() -> None:
    model = from_module(dynamic(), byte_tokenizer(), name="dynamic")
    prompts = ["ab", "c" * 45, "abc" * 12]
    for prompt, writing in zip(prompts, model.reader().write(prompts, 12), strict=True):
        fresh: Any = dynamic()
        ids = torch.tensor([byte_tokenizer()(prompt).input_ids])
        mask = torch.ones_like(ids)
        out = fresh.generate(ids, attention_mask=mask, max_new_tokens=12, do_sample=False, pad_token_id=0)
        assert writing.text == byte_tokenizer().decode(out[0, ids.shape[1] :].tolist(), skip_special_tokens=True)


def test_a_tree_beyond_the_reach_of_its_row_runs_alone() -> None:
    module: Any = tiny_module("llama4_text")
    assert reach_of(module.config).row == 8191
    scaled = type(module.config)(**{**module.config.to_dict(), "floor_scale": 16, "attn_scale": 0.5})
    assert reach_of(scaled).row == 15
    questions = [[Sequenced(tuple(range(30 + k)), 20) for k in range(3)]]
    torch.manual_seed(0)
    other = type(module)(scaled).eval()
    fast = PackedEngine(other, reach=reach_of(scaled)).score(questions)
    for sequence, scores in zip(questions[0], fast[0], strict=True):
        wanted = by_transformers(other, sequence.ids, sequence.start)
        assert float(scores.log_likelihood.sum()) == pytest.approx(wanted, abs=1e-4)


def test_a_miniature_is_asked_once_for_each_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    choose_engine(tiny_module("olmo"))
    monkeypatch.setattr("corrie.models.engine.build_miniature", lambda *_: pytest.fail("asked again"))
    assert choose_engine(tiny_module("olmo", seed=1)).tree


@pytest.mark.parametrize("heads", [4, 16])
def test_texts_of_a_model_that_selects_tokens_are_those_of_whole_rows(heads: int) -> None:
    """With four heads its selector ties, and which token it takes depends on the row: one by one, then."""
    from transformers import GlmMoeDsaConfig, GlmMoeDsaForCausalLM

    config = miniature(GlmMoeDsaConfig(), index_n_heads=heads, eos_token_id=256)
    model = from_module(build_miniature(GlmMoeDsaForCausalLM, config), byte_tokenizer(), name="selects")
    assert (model.engine.tree, model.engine.together) == (heads == 16,) * 2, str(model.engine)
    prompts = ["ab", "abc" * 5, "a question of some length ", "h" * 31]
    for prompt, writing in zip(prompts, model.reader().write(prompts, 8), strict=True):
        assert writing.text == by_whole_rows(model, prompt, 8)


@torch.no_grad()
def by_whole_rows(model: Model, prompt: str, tokens: int) -> str:
    """The text after a prompt, the whole row read again at every token."""
    module: Any = model.module
    ids = list(byte_tokenizer()(prompt).input_ids)
    start = len(ids)
    while len(ids) < start + tokens:
        token = int(module(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax())
        if token in model.end_tokens:
            break
        ids.append(token)
    return byte_tokenizer().decode(ids[start:], skip_special_tokens=True)


@pytest.mark.parametrize(("family", "own"), [("bert", {"is_decoder": True}), ("xlm", {"causal": True})])
def test_a_model_that_sees_what_comes_after_is_refused_and_one_that_does_not_is_served(
    family: str, own: dict[str, Any]
) -> None:
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

    def model(**settings: Any) -> Model:
        config = miniature(CONFIG_MAPPING[family](), **settings)
        kind: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
        return from_module(build_miniature(kind, config), byte_tokenizer(), name=family)

    assert "every" in str(model(**own).engine) or "tree" in str(model(**own).engine)
    with pytest.raises(ModelError, match="tokens that come after it"):
        model().reader().read([Question("ab", ("c", "d"))])
