"""Certificates about changed prompts against everything an attacker could do, on a model small enough to try it all."""

from __future__ import annotations

import itertools
import json
import math
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import corrie
from corrie.analysis.every_cell import EveryCell
from corrie.analysis.input_certificate import InputCertificate
from corrie.capabilities.choice import ChoiceTask
from corrie.errors import InputError, RunError, TaskError
from corrie.inputs.noised_reader import NoisedReader
from corrie.inputs.untied import embedding_of
from corrie.models.encoding import Sequenced
from corrie.models.model import Model
from corrie.models.packed import PackedEngine
from corrie.records.canonical import canonical_json, content_hash
from corrie.records.direction import gaussian
from corrie.records.input_draw import InputDraw
from corrie.records.input_draws import InputDraws
from corrie.records.input_spec import InputSpec, parse_noise
from corrie.records.point import Point
from corrie.records.run_folder import RunFolder
from corrie.records.run_lock import RunLock
from corrie.records.sqlite_store import SqliteStore
from corrie.records.store import Realised
from corrie.scanning.input_trial import InputTrial
from corrie.scanning.watch import Nobody
from corrie.testing.toy_models import toy_model
from corrie.testing.toy_tasks import short_choice

MASK = 256


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


@pytest.fixture(scope="module")
def task(model: Model) -> ChoiceTask:
    return short_choice(model)


def trial(model: Model, task: ChoiceTask, noise: str = "absorbing:0.7", **terms: object) -> InputTrial:
    return InputTrial.of(model, task, 4, parse_noise(noise), **{"draws": 20, "selection": 4, "block": 3, **terms})


def right(model: Model, some: InputTrial, task: ChoiceTask, index: int, owns: list[tuple[int, ...]]) -> np.ndarray:
    """Whether the model chooses right when the own tokens of one prompt are those: by hand, from the engine up."""
    ids, prompts = some.prompts.ids[index], some.prompts
    after = ids[len(ids) - prompts.after :]
    options = [model.tokenizer(o.continuation).input_ids for o in task.examples[index].options]
    asked = [[Sequenced((*prompts.kept, *own, *after, *o), len(ids)) for o in options] for own in owns]
    scores = PackedEngine(model.module).score(asked)
    best = [int(np.argmax([float(s.log_likelihood.sum()) for s in q])) for q in scores]
    return np.array(best) == task.examples[index].gold


def smoothed(model: Model, some: InputTrial, task: ChoiceTask, index: int, owns: list[tuple[int, ...]]) -> np.ndarray:
    """The exact smoothed success of each own-token sequence under the absorbing kernel: every pattern of masks."""
    level = some.spec.noise.level
    patterns = list(itertools.product((0, 1), repeat=3))
    weight = np.array([math.prod(level if m else 1 - level for m in p) for p in patterns])
    shown = [tuple(MASK if m else t for t, m in zip(own, p, strict=True)) for own in owns for p in patterns]
    distinct = sorted(set(shown))
    known = dict(zip(distinct, right(model, some, task, index, distinct), strict=True))
    return np.array([known[s] for s in shown]).reshape(len(owns), len(patterns)) @ weight


def test_noised_outcomes_have_the_exact_smoothed_mean(model: Model, task: ChoiceTask) -> None:
    some = trial(model, task, draws=300)
    found = some.answer()
    for index in range(4):
        exact = float(smoothed(model, some, task, index, [some.prompts.own(index)])[0])
        error = math.sqrt(max(exact * (1 - exact), 1e-4) / 300)
        assert abs(found.each.successes[index] / 300 - exact) <= 4 * error
        assert found.each.low[index] <= exact
    assert sum(found.clean) == 4


def test_no_replacement_of_a_token_brings_it_below_the_bound(model: Model, task: ChoiceTask) -> None:
    """Every token at every place, also the mask itself, with exact probabilities before and after."""
    some = trial(model, task)
    worst = []
    for index in range(2):
        own = some.prompts.own(index)
        before = float(smoothed(model, some, task, index, [own])[0])
        attacks = [(*own[:i], t, *own[i + 1 :]) for i in range(3) for t in range(0, 264, 3)] + [
            (*own[:i], MASK, *own[i + 1 :]) for i in range(3)
        ]
        after = smoothed(model, some, task, index, attacks)
        assert after.min() >= some.spec.kernel.lower(before, 1)
        assert after.min() < before
        worst.append(float(after.min()))
    found = some.answer()
    assert found.bound(1) <= np.mean([*worst, 1, 1]), "the other two may keep everything"


def test_no_move_of_the_vectors_brings_it_below_the_bound(model: Model, task: ChoiceTask) -> None:
    """Embedding noise: the gradient's direction, with many draws on each side."""
    some = trial(model, task, "embedding:0.4", draws=200, block=4)
    found = some.answer(change=0.4)
    embedding = embedding_of(model.module)
    rng = torch.Generator().manual_seed(0)
    after = []
    for index in range(4):
        ids = some.prompts.ids[index]
        part = slice(some.prompts.before, len(ids) - some.prompts.after)
        gold = task.examples[index].gold
        options = torch.tensor([model.tokenizer(o.continuation).input_ids for o in task.examples[index].options])

        def margin(vectors: torch.Tensor, options: torch.Tensor = options, gold: int = gold) -> torch.Tensor:
            """Log-likelihood of the right option minus the other's, for each row of vectors, shape (rows, T, n)."""
            total = []
            for option in options:
                tail = embedding(option[:-1]).expand(len(vectors), -1, -1)
                logits = model.module(inputs_embeds=torch.cat([vectors, tail], dim=1)).logits[:, -len(option) :]
                total.append(
                    torch.log_softmax(logits, -1).gather(2, option.expand(len(vectors), -1)[..., None]).sum((1, 2))
                )
            return total[gold] - total[1 - gold]

        vectors = embedding(torch.tensor([ids])).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(margin(vectors).sum(), vectors)
        direction = torch.zeros_like(gradient)
        direction[:, part] = gradient[:, part]
        moved = vectors.detach() - 0.4 * direction / direction.norm()
        noise = torch.zeros(400, *moved.shape[1:])
        noise[:, part] = 0.4 * torch.randn(400, 3, 32, generator=rng)
        with torch.no_grad():
            before = float((margin(vectors.detach() + noise) > 0).float().mean())
            after.append(float((margin(moved + noise) > 0).float().mean()))
        assert abs(found.each.successes[index] / 200 - before) < 0.13, "the reader draws the same law"
    assert found.bound(0.4) <= np.mean(after) + 0.03


class Seen(Nobody):
    """Who notes how much was there, and which draws were made."""

    def __init__(self) -> None:
        self.began: list[tuple[int, int]] = []
        self.draws: list[str] = []

    def begins(self, done: int, expected: int) -> None:
        self.began.append((done, expected))

    def arrives(self, point: Point, realised: Realised) -> None:
        assert realised.norm == 0.0
        (step,) = point.steps
        assert isinstance(step.direction, InputDraw)
        self.draws.append(step.direction.draw)


def log_of(run: Path, some: InputTrial) -> Path:
    """The draws of a run as the version before the store kept them."""
    with SqliteStore.open(run) as store:
        drawn = InputDraws.from_store(store, some.spec)
    lines = []
    for draw, outcomes in drawn.made.items():
        content = {"draw": draw.draw, "ids": list(drawn.ids), "outcomes": list(outcomes or ())}
        content["function"] = some.model.identity.function
        lines.append(canonical_json({**content, "hash": content_hash(content)[:16]}) + "\n")
    (run / "run.db").unlink()
    file = run / f"draws-{some.spec.id}.jsonl"
    file.write_text("".join(lines))
    return file


def test_the_same_spec_is_never_drawn_twice(model: Model, task: ChoiceTask, tmp_path: Path) -> None:
    some = trial(model, task, draws=6)
    first, whole = Seen(), Seen()
    found = some.answer(tmp_path, watch=first)
    assert first.draws == [draw.draw for draw in some.spec.every_draw]
    assert first.began == [(0, 22)], "two blocks of 3 at each of 1 + 4 + 6 draws"
    with sqlite3.connect(tmp_path / "run.db") as database:
        database.execute("DELETE FROM cell WHERE rowid > 15")
    again = Seen()
    assert trial(model, task, draws=6).answer(tmp_path, watch=again) == found
    assert (again.draws, again.began) == (["draw 2", "draw 3", "draw 4", "draw 5"], [(15, 22)])
    assert trial(model, task, draws=6).answer(tmp_path, watch=whole) == found
    assert whole.draws == []


def test_the_log_of_an_earlier_version_is_taken_over(model: Model, task: ChoiceTask, tmp_path: Path) -> None:
    some = trial(model, task, draws=6)
    found = some.answer(tmp_path)
    (kept,) = tmp_path.glob("inputs-*.json")
    log = log_of(tmp_path, some)
    assert InputCertificate.found_in(RunFolder(tmp_path)) == (found,)
    lines = log.read_text().splitlines(keepends=True)
    assert len(lines) == 1 + 4 + 6
    log.write_text("".join(lines[:7]) + lines[7][:20])
    cut = log.read_bytes()
    kept.unlink()
    seen = Seen()
    assert some.answer(tmp_path, watch=seen) == found
    assert seen.draws == ["draw 2", "draw 3", "draw 4", "draw 5"]
    assert log.read_bytes() == cut, "it is only read"
    assert InputCertificate.found_in(RunFolder(tmp_path)) == (found,)


def test_a_log_of_another_function_is_refused(model: Model, task: ChoiceTask, tmp_path: Path) -> None:
    some = trial(model, task, draws=2)
    some.answer(tmp_path)
    log = log_of(tmp_path, some)
    content = {k: v for k, v in json.loads(log.read_text().splitlines()[0]).items() if k != "hash"}
    content["function"] = "e" * 64
    log.write_text(canonical_json({**content, "hash": content_hash(content)[:16]}) + "\n")
    with pytest.raises(RunError, match="the same weights under other settings"):
        some.answer(tmp_path)
    assert not (tmp_path / "run.db").exists(), "the model that the log is of can still go on here"


def test_it_shares_a_run_with_a_scan(model: Model, task: ChoiceTask, tmp_path: Path) -> None:
    """Neither sees the other's points; examples beyond the limit are unscored, and a longer question is another's."""
    scan = {"directions": gaussian(1), "alpha": "0:0.1:2", "block": 3}
    alone = corrie.scan(model, [(task, 8)], **scan).curve(task.identity.name)
    found = trial(model, task, draws=2).answer(tmp_path)
    assert str(corrie.scan(model, [(task, 8)], to=tmp_path, **scan).curve(task.identity.name)) == str(alone)
    longer = InputTrial.of(model, task, 8, parse_noise("absorbing:0.7"), draws=2, selection=4, block=3)
    assert longer.answer(tmp_path).sharing == 2
    assert replace(trial(model, task, draws=2).answer(tmp_path), sharing=1) == found
    every = EveryCell.open(RunFolder(tmp_path)).rows[task.identity.name]
    assert len(every) == 2 * 8 + (1 + 4 + 2) * (4 + 8), "the unmoved model and one place, and two specs' draws"


def test_what_is_written_is_canonical_and_holds_no_text(model: Model, task: ChoiceTask, tmp_path: Path) -> None:
    found = trial(model, task, draws=6).answer(tmp_path, change=2)
    (file,) = tmp_path.glob("inputs-*-at-2.json")
    written = json.loads(file.read_text())
    assert written["hash"] == content_hash(written["certificate"])
    assert written["provenance"]["device"] == "cpu"
    assert written["certificate"] == json.loads(json.dumps(found.to_json()))
    assert "to: " not in file.read_text()


def test_another_change_uses_the_same_draws_and_another_kernel_others(
    model: Model, task: ChoiceTask, tmp_path: Path
) -> None:
    one = trial(model, task, draws=6).answer(tmp_path, change=1)
    two = trial(model, task, draws=6).answer(tmp_path, change=2)
    assert one.grouped == two.grouped
    assert one.bound(2) == two.bound(2)
    assert (one.sharing, two.sharing) == (1, 1)
    other = trial(model, task, "absorbing:0.8", draws=6).answer(tmp_path)
    assert other.sharing == 2
    assert "this folder holds the draws of 2 certificates" in str(other)


def test_one_writer_at_a_time(model: Model, task: ChoiceTask, tmp_path: Path) -> None:
    lock = RunLock(tmp_path)
    with pytest.raises(RunError, match="is writing to it"):
        trial(model, task).answer(tmp_path)
    lock.release()


def test_blocks_change_nothing(model: Model, task: ChoiceTask) -> None:
    """Alone or together, packed or plain: the same outcomes for the same noise."""
    for noise in ("absorbing:0.7", "uniform:0.7", "embedding:0.4"):
        some = trial(model, task, noise)
        reader = NoisedReader(model, some.prompts, some.spec)
        reader.draw = "draw 3"
        together = [o.success for o in task.score(reader, 0, 4)]
        assert [o.success for i in range(4) for o in task.score(reader, i, i + 1)] == together


def test_the_seed_is_the_content() -> None:
    terms = {"model": "m", "tokenizer": "t", "dtype": "float32", "vocabulary": 9, "before": 0, "after": 0, "draws": 5}
    one = InputSpec(task={"task": "a", "limit": 2}, noise=parse_noise("uniform:0.5"), **terms)
    two = one.model_copy(update={"draws": 6})
    assert one.seed != two.seed
    assert InputSpec.parse(one.canonical()) == one


def test_what_cannot_be_meant_is_refused(model: Model, task: ChoiceTask) -> None:
    with pytest.raises(InputError, match=r"the kernel uniform:0\.5 puts none"):
        trial(model, task, "uniform:0.5", mask="7")
    with pytest.raises(InputError, match="the task has 8 examples"):
        InputTrial.of(model, task, 9, parse_noise("uniform:0.5"))
    with pytest.raises(InputError, match="no number of tokens"):
        trial(model, task, draws=1, selection=1).answer(change=1.5)
    with pytest.raises(InputError, match="0 draws"):
        trial(model, task, draws=0)


def test_a_task_that_is_not_right_or_wrong_is_refused(model: Model) -> None:
    from corrie.capabilities.examples import Target
    from corrie.capabilities.text import TextTask

    task = TextTask("t", [Target("1", "a", "ab"), Target("2", "b", "cd")], capability="toys", source="a test")
    with pytest.raises(TaskError, match="scored by text"):
        InputTrial.of(model, task, 2, parse_noise("uniform:0.5"))


def test_ids_that_act_in_another_way_are_refused_for_embedding_noise(task: ChoiceTask) -> None:
    from corrie.errors import ModelError

    other = toy_model()
    embedding_of(other.module).register_forward_hook(lambda module, args, out: out * 2)
    with pytest.raises(ModelError, match="in another way"):
        InputTrial.of(other, task, 4, parse_noise("embedding:0.1"))
