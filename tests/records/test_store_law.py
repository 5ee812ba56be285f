import pytest

from corrie.errors import RunError
from corrie.records.model import SelectionSpec
from corrie.records.store import RunIdentity
from corrie.records.store_law import completed, refuse_other_cards, refuse_other_identity, refuse_other_task
from corrie.testing.check_store import CARDS, IDENTITY, TASK


def of_function(function: str) -> RunIdentity:
    return IDENTITY.model_copy(update={"model": IDENTITY.model.model_copy(update={"function": function})})


@pytest.mark.parametrize(
    ("model", "run", "words"),
    [
        ({"tokenizer": "t1"}, {}, ["the tokenizer's fingerprint is  there and t1 here"]),
        ({"fingerprint": "f" * 64}, {}, ["fingerprint is 0000000000000000 there and ffffffffffffffff here"]),
        ({"function": "e" * 64}, {}, ["configuration) is dddddddddddddddd there and eeeeeeeeeeeeeeee here"]),
        ({"dtype": "bfloat16"}, {}, ["precision is float32 there and bfloat16 here"]),
        ({"selection": SelectionSpec(exclude=("lm_head*",))}, {}, ["tensors is * there and * without lm_head* here"]),
        ({}, {"laws": ("philox-2",)}, ["noise law is philox-1 there and philox-2 here"]),
        ({}, {"block": 7}, ["block size is 2 there and 7 here"]),
        ({}, {"engine": "vllm 1.0, eager"}, ["the engine is corrie's own there and vllm 1.0, eager here"]),
        ({"dtype": "float16"}, {"block": 7}, ["precision is float32 there and float16 here; the block size is 2"]),
    ],
)
def test_every_field_that_differs_is_named_with_both_values(model: dict, run: dict, words: list[str]) -> None:
    kept = of_function("d" * 64)
    asked = kept.model_copy(update={"model": kept.model.model_copy(update=model), **run})
    with pytest.raises(RunError) as caught:
        refuse_other_identity("RUN", kept, asked)
    for word in words:
        assert word in str(caught.value)
    assert str(caught.value).count(" there and ") == len(model) + len(run)


def test_what_follows_from_the_rest_is_not_compared() -> None:
    model = IDENTITY.model.model_copy(update={"norm": 10.000001, "notes": ("reworded",)})
    refuse_other_identity("RUN", IDENTITY, IDENTITY.model_copy(update={"model": model}))


def test_a_run_that_does_not_know_its_function_takes_on_the_one_it_goes_on_with() -> None:
    old, new = of_function(""), of_function("d" * 64)
    refuse_other_identity("RUN", old, new)
    refuse_other_identity("RUN", new, old)
    assert completed(old, new) == new
    assert completed(new, new) is completed(new, old) is completed(old, old) is None


def test_what_was_written_before_functions_were_recorded_keeps_its_text() -> None:
    old = of_function("").model
    assert "function" not in old.canonical()
    assert type(old).parse(old.canonical()) == old
    new = of_function("d" * 64).model
    assert type(new).parse(new.canonical()) == new


def test_a_task_may_move_but_not_change() -> None:
    refuse_other_task("RUN", TASK, TASK.model_copy(update={"source": "elsewhere"}))
    with pytest.raises(RunError, match="size is 5 there and 6 here"):
        refuse_other_task("RUN", TASK, TASK.model_copy(update={"size": 6}))


def test_cards_may_be_reworded_and_be_more_or_fewer_but_not_change_place() -> None:
    reworded = [card.model_copy(update={"prompt": "…"}) for card in CARDS]
    refuse_other_cards("RUN", "sums", CARDS[:2], reworded)
    refuse_other_cards("RUN", "sums", CARDS, reworded[:2])
    with pytest.raises(RunError, match="example 1 is 'sums-1' there and 'sums-2' here"):
        refuse_other_cards("RUN", "sums", CARDS, [CARDS[0], CARDS[2]])


def test_a_run_goes_on_with_its_own_batches_whatever_another_would_choose() -> None:
    in_batches = IDENTITY.model_copy(update={"batch": 40})
    refuse_other_identity("RUN", IDENTITY, in_batches)
    refuse_other_identity("RUN", in_batches, IDENTITY)
    assert IDENTITY.composition == f"blocks of {IDENTITY.block} examples"
    assert in_batches.composition.endswith("answers written 40 at a time")
    assert RunIdentity.parse(in_batches.canonical()) == in_batches
    assert "batch" not in IDENTITY.canonical()


def test_an_engine_of_its_own_arithmetic_is_part_of_a_run_and_corries_own_is_not_mentioned() -> None:
    other = IDENTITY.scored_by("vllm 1.0, eager")
    assert "engine" not in IDENTITY.canonical()
    assert RunIdentity.parse(other.canonical()) == other != IDENTITY
    assert other.scored_by("") == IDENTITY
    assert other.composition == f"{IDENTITY.composition}, by vllm 1.0, eager"
    with pytest.raises(RunError, match=r"vllm 1\.0, eager there and vllm 1\.1, eager here"):
        refuse_other_identity("RUN", other, IDENTITY.scored_by("vllm 1.1, eager"))
