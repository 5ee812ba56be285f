"""The fast engine against the slow one, on three architectures."""

import random

import pytest
import torch
from torch import nn

from corrie.errors import TaskError
from corrie.models.engine import tree_works
from corrie.models.packed import PackedEngine
from corrie.models.reader import ModelReader
from corrie.models.reading import Question, Reading
from corrie.testing.toy_models import Architecture, byte_tokenizer, toy_model, toy_module

ARCHITECTURES: list[Architecture] = ["llama", "gpt2", "qwen2"]


def questions(shared: str, count: int = 10, seed: int = 0) -> list[Question]:
    dice = random.Random(seed)

    def words(low: int, high: int) -> str:
        return "".join(dice.choice("abcdefgh ") for _ in range(dice.randint(low, high)))

    return [
        Question(shared + words(5, 40) + "?", tuple(" " + words(1, 12) for _ in range(dice.randint(1, 5))))
        for _ in range(count)
    ]


def by_hand(model: object, question: Question) -> list[tuple[float, int]]:
    """A plain, unbatched forward pass over each continuation."""
    out = []
    for continuation in question.continuations:
        context = model.tokenizer(question.context).input_ids
        whole = model.tokenizer(question.context + continuation).input_ids
        with torch.no_grad():
            logits = model.module(torch.tensor([whole])).logits[0].float()
        logp = torch.log_softmax(logits, dim=-1)
        scored = range(len(context), len(whole))
        total = sum(float(logp[t - 1, whole[t]]) for t in scored)
        out.append((total, sum(int(logits[t - 1].argmax()) == whole[t] for t in scored)))
    return out


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("shared", ["", "a few shots come first\n\nand then another\n\n"])
def test_log_likelihoods_equal_a_plain_unbatched_forward(architecture: Architecture, shared: str) -> None:
    model = toy_model(architecture)
    assert model.packed
    asked = questions(shared)
    for question, readings in zip(asked, model.reader().read(asked, shared), strict=True):
        for reading, (total, greedy) in zip(readings, by_hand(model, question), strict=True):
            assert reading.log_likelihood == pytest.approx(total, abs=1e-4)
            assert reading.greedy == greedy


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_scores_do_not_depend_on_the_batch(architecture: Architecture) -> None:
    model = toy_model(architecture)
    shared = "shots\n\n"
    asked = questions(shared, 20)
    together = model.reader().read(asked, shared)
    for order in (1, 2):
        shuffled = list(range(20))
        random.Random(order).shuffle(shuffled)
        reader = model.reader()
        for start in range(0, 20, 3):
            part = shuffled[start : start + 3]
            for index, readings in zip(part, reader.read([asked[i] for i in part], shared), strict=True):
                same = zip(readings, together[index], strict=True)
                assert all(a.log_likelihood == pytest.approx(b.log_likelihood, abs=1e-4) for a, b in same)


def test_a_shared_text_that_the_contexts_do_not_begin_with_is_only_slower() -> None:
    model = toy_model()
    asked = questions("one beginning\n")
    wrong = model.reader().read(asked, "quite another beginning, and a longer one\n")
    right = model.reader().read(asked, "one beginning\n")
    for a, b in zip(wrong, right, strict=True):
        assert [r.log_likelihood for r in a] == pytest.approx([r.log_likelihood for r in b], abs=1e-4)


def test_large_blocks_are_cut_into_packs_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    model = toy_model()
    asked = questions("few\n\n")
    whole = model.reader().read(asked, "few\n\n")
    monkeypatch.setattr("corrie.models.packed.TOKENS", 60)
    monkeypatch.setattr("corrie.models.packed.LOGIT_NUMBERS", 264 * 25)
    for a, b in zip(model.reader().read(asked, "few\n\n"), whole, strict=True):
        assert [r.log_likelihood for r in a] == pytest.approx([r.log_likelihood for r in b], abs=1e-4)


def test_what_is_shared_is_computed_once() -> None:
    """The forward pass takes exactly the distinct prefixes, the shared beginning once for all calls."""
    model = toy_model()
    shared = "x" * 50 + "\n\n"
    asked = questions(shared, 10)
    assert model.packed
    seen: list[int] = []
    model.module.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    reader = model.reader()
    reader.read(asked[:5], shared)
    reader.read(asked[5:], shared)
    encode = model.tokenizer

    def prefixes(part: list[Question]) -> int:
        sequences = [tuple(encode(q.context + c).input_ids[:-1]) for q in part for c in q.continuations]
        known = len(encode(shared).input_ids) - 2
        return len({s[: n + 1] for s in sequences for n in range(known, len(s))})

    assert seen == [50, prefixes(asked[:5]), prefixes(asked[5:])]


def test_running_text_is_scored_from_its_first_token() -> None:
    model = toy_model()
    (reading,) = model.reader().read([Question("", ("hello",))])[0]
    ids = [256, *model.tokenizer("hello").input_ids]
    with torch.no_grad():
        logp = torch.log_softmax(model.module(torch.tensor([ids])).logits[0], -1)
    assert reading.tokens == 5
    assert reading.log_likelihood == pytest.approx(sum(float(logp[t - 1, ids[t]]) for t in range(1, 6)), abs=1e-4)


def test_logits_that_are_no_numbers_give_nan_and_nothing_greedy() -> None:
    model = toy_model()
    with torch.no_grad():
        model.module.model.norm.weight.fill_(float("nan"))
    (reading,) = ModelReader(model.module, model._encoder, model.engine, frozenset()).read([Question("ab", ("cd",))])[0]
    assert reading.log_likelihood != reading.log_likelihood
    assert reading.greedy == 0
    (writing,) = ModelReader(model.module, model._encoder, model.engine, frozenset()).write(["ab"], 5)
    assert (writing.text, writing.finite, writing.tokens) == ("", False, 0)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_generation_equals_one_prompt_at_a_time_without_a_cache(architecture: Architecture) -> None:
    model = toy_model(architecture)
    prompts = ["short", "a somewhat longer prompt", "x", "and one more of middling length"]
    for prompt, writing in zip(prompts, model.reader().write(prompts, 12), strict=True):
        ids = model.tokenizer(prompt).input_ids
        start = len(ids)
        for _ in range(12):
            with torch.no_grad():
                token = int(model.module(torch.tensor([ids])).logits[0, -1].argmax())
            if token == 256:
                break
            ids.append(token)
        assert writing.text == model.tokenizer.decode(ids[start:], skip_special_tokens=True)


def test_generation_stops_at_the_end_token() -> None:
    model = toy_model()
    first = model.module(torch.tensor([model.tokenizer("go").input_ids])).logits[0, -1].argmax()
    reader = ModelReader(model.module, model._encoder, model.engine, frozenset([int(first)]))
    (writing,) = reader.write(["go"], 9)
    assert (writing.text, writing.ended, writing.tokens) == ("", True, 0)


class Recurrent(nn.Module):
    """A language model whose state runs along the row: a tree of tokens is not for it."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(264, 16)
        self.cell = nn.GRU(16, 16, batch_first=True)
        self.head = nn.Linear(16, 264)
        self.config = toy_module().config

    def get_output_embeddings(self) -> nn.Module:
        return self.head

    def forward(self, input_ids: torch.Tensor, **_: object) -> object:
        hidden, _state = self.cell(self.embedding(input_ids))
        return type("Output", (), {"logits": self.head(hidden), "past_key_values": None})()


def test_a_model_that_cannot_take_a_tree_is_found_out() -> None:
    torch.manual_seed(0)
    assert not tree_works(Recurrent(), 264)
    assert tree_works(toy_module(), 264)


def test_a_chat_prompt_needs_a_template() -> None:
    prompt = toy_model().reader().chat("hi")
    assert prompt == "<|user|>hi<|end|><|assistant|>"
    with pytest.raises(TaskError, match="no chat template"):
        toy_model(chat=False).reader().chat("hi")


def test_an_example_longer_than_the_model_is_refused() -> None:
    with pytest.raises(TaskError, match=r"1101 tokens.*the model takes 1024 at most"):
        toy_model().reader().read([Question("a" * 1100, ("b",))])


def test_a_continuation_without_tokens_is_refused() -> None:
    with pytest.raises(TaskError, match="no token of its own"):
        toy_model().reader().read([Question("abc", ("",))])


def test_logits_only_where_they_are_read() -> None:
    module = toy_module()
    widths: list[int] = []
    module.get_output_embeddings().register_forward_hook(lambda m, i, o: widths.append(o.shape[1]))
    model = toy_model()
    sequences = [model._encoder.question(Question("question " * 5, (" a", " b")))]
    PackedEngine(module).score(sequences)
    assert widths == [2]


def test_the_answer_is_what_the_model_would_have_said() -> None:
    model = toy_model()
    (reading,) = model.reader().read([Question("ab", ("cd",))])[0]
    logits = model.module(torch.tensor([byte_tokenizer()("abcd").input_ids])).logits[0]
    assert reading.answer == model.tokenizer.decode(logits[1:3].argmax(-1).tolist())
    assert isinstance(reading, Reading)
