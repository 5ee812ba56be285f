import warnings
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from corrie.errors import ModelError, TaskError
from corrie.models.encoding import Encoder, Sequenced, frame, tokenizer_fingerprint
from corrie.models.load import from_module
from corrie.models.reading import Question
from corrie.testing.toy_models import byte_tokenizer, toy_module

FRAMES = {  # name → (template of the post-processor, tokens before, tokens after)
    "nothing": (None, [], 0),
    "an end": ("$A <|eos|>", [], 1),
    "a beginning": ("<|user|> $A", ["<|user|>"], 0),
    "both": ("<|user|> $A <|eos|>", ["<|user|>"], 1),
    "as BERT": ("<|user|> $A <|end|>", ["<|user|>"], 1),
    "as XLNet": ("$A <|end|> <|assistant|>", [], 2),
}


def framed(template: str | None) -> Any:
    from tokenizers import processors

    tokenizer = byte_tokenizer()
    if template:
        inner = tokenizer.backend_tokenizer
        used = [(t, inner.token_to_id(t)) for t in template.split() if t != "$A"]
        inner.post_processor = processors.TemplateProcessing(single=template, special_tokens=used)
    return tokenizer


@pytest.mark.parametrize(("template", "before", "after"), FRAMES.values(), ids=FRAMES.keys())
def test_only_what_begins_a_text_is_kept(template: str | None, before: list[str], after: int) -> None:
    tokenizer = framed(template)
    first = tuple(tokenizer.convert_tokens_to_ids(before))
    assert (frame(tokenizer)[0], len(frame(tokenizer)[1])) == (first, after)
    encoder = Encoder(tokenizer, None)
    prompt, answer = (tuple(tokenizer(t, add_special_tokens=False).input_ids) for t in ("two and two is", " four"))
    assert encoder.encode("two and two is") == first + prompt
    assert encoder.encode("two and two is", templated=True) == prompt
    assert encoder.prompt("two and two is", False, 4) == first + prompt
    (scored,) = encoder.question(Question("two and two is", (" four",)))
    assert (scored.ids, scored.start) == (first + prompt + answer, len(first + prompt))
    (text,) = encoder.question(Question("", ("two and two is",)))
    alone = first or (tokenizer.eos_token_id,)
    assert (text.ids, text.start) == (alone + prompt, 1)


@pytest.mark.parametrize("template", [t for t, *_ in FRAMES.values()], ids=FRAMES.keys())
def test_losses_are_those_of_a_bare_forward_pass(template: str | None) -> None:
    tokenizer, module = framed(template), toy_module("gpt2")
    model = from_module(module, tokenizer, name="framed")
    (readings,) = model.reader().read([Question("two and two", (" is four",))])
    before, _ = frame(tokenizer)
    ids = [*before, *tokenizer("two and two is four", add_special_tokens=False).input_ids]
    with torch.no_grad():
        rows = module(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
    wanted = -sum(float(rows[i - 1, ids[i]]) for i in range(len(ids) - 8, len(ids))) / 8
    assert readings[0].tokens == 8
    assert readings[0].loss == pytest.approx(wanted, abs=1e-5)


def test_a_text_that_ends_with_the_end_token_itself_keeps_it() -> None:
    encoder = Encoder(framed("$A <|eos|>"), None)
    assert encoder.encode("a<|eos|>")[-1] == encoder.tokenizer.eos_token_id
    assert len(encoder.encode("a<|eos|>")) == 2


def test_a_second_beginning_is_said() -> None:
    encoder = Encoder(framed("<|user|> $A"), None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder.encode("abc")
        with pytest.warns(UserWarning, match="beginning token"):
            encoder.encode("<|user|>abc")


def test_only_changed_laws_change_the_fingerprint() -> None:
    from corrie.records.canonical import content_hash

    def before(tokenizer: Any) -> str:
        parts = [tokenizer.backend_tokenizer.to_str(), str(tokenizer.chat_template), str(tokenizer.special_tokens_map)]
        return content_hash(parts)

    same = {name: tokenizer_fingerprint(t) == before(t) for name, (s, *_) in FRAMES.items() for t in [framed(s)]}
    assert same == {
        "nothing": True, "an end": True, "a beginning": True, "both": True, "as BERT": False, "as XLNet": False
    }  # fmt: skip


def test_a_tokenizer_that_draws_at_random_is_refused() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.backend_tokenizer.model.dropout = 0.1
    with pytest.raises(ModelError, match=r"dropout 0\.1\): the same text is not the same tokens twice"):
        from_module(toy_module(), tokenizer, name="random")


@pytest.mark.parametrize("question", [Question("a <|new|>", (" b",)), Question("a", (" b", " <|new|>"))])
def test_a_token_without_a_row_is_named(question: Question) -> None:
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens([f"<|x{i}|>" for i in range(4)] + ["<|new|>"])
    model = from_module(toy_module(), tokenizer, name="small")
    assert model.encoder.vocabulary == 264
    assert len(tokenizer) > 264
    assert model.encoder.encode("fine")
    with pytest.raises(TaskError, match=r"'<\|new\|>' is number 264, and the model knows 0 to 263"):
        model.reader().read([question])


class Panic(BaseException):
    """What tokenizers raises when its Rust code gives up."""


Panic.__name__ = "PanicException"


@pytest.mark.parametrize("problem", [TypeError("argument 'ids'"), Panic("index out of bounds"), KeyError("x")])
def test_whatever_a_tokenizer_raises_is_said_in_a_sentence(problem: BaseException) -> None:
    class Damaged:
        chat_template = None
        eos_token_id = 256
        broken = False

        def __call__(self, text: str, **_: Any) -> Any:
            if self.broken:
                raise problem
            return byte_tokenizer()(text)

        def decode(self, *_: Any, **__: Any) -> str:
            raise problem

    encoder = Encoder(Damaged(), None)
    encoder.tokenizer.broken = True
    with pytest.raises(ModelError, match="tokenizer, asked to encode 'hello'"):
        encoder.encode("hello")
    with pytest.raises(ModelError, match="asked to decode 2 tokens"):
        encoder.decode([1, 2], special=True)


def test_an_interrupt_is_none_of_the_tokenizers() -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Encoder(interrupted, None)


def spelled(encoder: Encoder, sequence: Sequenced) -> tuple[str, str]:
    """What is given and what is scored, as text."""
    return encoder.decode(sequence.ids[: sequence.start], special=True), encoder.decode(
        sequence.ids[sequence.start :], special=True
    )


@pytest.mark.parametrize(
    ("context", "continuation", "given", "scored"),
    [
        ("two and", " two", "two and", " two"),
        ("two and  ", "two", "two and", "  two"),  # white space belongs to what follows
        ("", "two", "<|eos|>", "two"),
        ("", "<|eos|>two", "<|eos|>", "two"),
        ("<|eos|>a", "b", "<|eos|>a", "b"),
    ],
)
def test_a_continuation_by_the_harness_law(context: str, continuation: str, given: str, scored: str) -> None:
    encoder = Encoder(byte_tokenizer(), None)
    (sequence,) = encoder.question(Question(context, (continuation,), encoding="harness"))
    assert spelled(encoder, sequence) == (given, scored)


def test_a_merge_across_the_border_is_lost_by_the_harness_law_alone() -> None:
    tokenizer = Tokenizer(models.BPE(vocab={"a": 0, "b": 1, "c": 2, "ab": 3}, merges=[("a", "b")]))
    encoder = Encoder(PreTrainedTokenizerFast(tokenizer_object=tokenizer), None)
    (ours,) = encoder.question(Question("ca", ("bc",)))
    (theirs,) = encoder.question(Question("ca", ("bc",), encoding="harness"))
    assert ours == Sequenced(ids=(2, 3, 2), start=1)
    assert theirs == Sequenced(ids=(2, 3, 2), start=2)


@pytest.mark.parametrize(("longest", "windows"), [(None, 1), (4, 4), (5, 3), (10, 2), (11, 1)])
def test_windows_score_every_token_once(longest: int | None, windows: int) -> None:
    encoder = Encoder(byte_tokenizer(), longest)
    found = encoder.question(Question("", ("0123456789",), encoding="rolling"))
    assert len(found) == windows
    assert "".join(spelled(encoder, s)[1] for s in found) == "0123456789"
    assert spelled(encoder, found[0])[0] == "<|eos|>"
    assert all(len(s.ids) <= (longest or 11) and s.start >= 1 for s in found)
    if windows > 1:  # the last one is given as much as fits
        assert len(found[-1].ids) == longest
