"""Diffs and retractions on toy models whose fine-tunes are random steps of known size."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import corrie
from corrie.analysis.landscape import Landscape
from corrie.analysis.retraction import Retraction
from corrie.analysis.together import Together
from corrie.capabilities.choice import ChoiceTask
from corrie.errors import InputError, ModelError, RunError
from corrie.models.directions import toward
from corrie.models.model import Model
from corrie.records.cell import Cell
from corrie.records.memory_store import MemoryStore
from corrie.records.model import SelectionSpec
from corrie.records.point import Point
from corrie.records.run_folder import RunFolder
from corrie.records.scan_spec import AlphaGrid
from corrie.records.sqlite_store import SqliteStore
from corrie.scanning.fine_tune_scan import FineTuneScan
from corrie.scanning.retraction_scan import RetractionScan
from corrie.scanning.scan import Scan
from corrie.scanning.search import FoundDirection
from corrie.scanning.watch import Nobody
from corrie.testing.toy_models import byte_tokenizer, toy_model, toy_module
from corrie.testing.toy_tasks import toy_choice
from corrie.weights.adapter import WEIGHTS
from corrie.weights.fingerprint import model_fingerprint
from corrie.weights.noise import gaussian_noise
from corrie.weights.realise import realise
from corrie.weights.saved import save_direction
from corrie.weights.selection import named_parameters

NEAR, FAR = 1e-4, 0.3
"""σ of steps that a toy does not notice, and that leave nothing of it."""


@pytest.fixture(scope="module")
def model() -> Model:
    return toy_model()


@pytest.fixture(scope="module")
def task(model: Model) -> ChoiceTask:
    return toy_choice(model)


def save_step(place: Path, sigma: float, seed: int = 99) -> Path:
    """The toy moved by noise of a known size, as a checkpoint."""
    module: Any = toy_module()
    for name, parameter in named_parameters(module).items():
        noise = torch.from_numpy(gaussian_noise(seed, name, parameter.numel())).reshape(parameter.shape)
        parameter.data += sigma * noise
    module.save_pretrained(place)
    byte_tokenizer().save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_step(tmp_path_factory.mktemp("near") / "near", NEAR)


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_step(tmp_path_factory.mktemp("far") / "far", FAR)


ENDS = AlphaGrid.between(0.0, 1.0, 2)


def test_an_innocuous_and_a_destructive_fine_tune(model: Model, task: ChoiceTask, near: Path, far: Path) -> None:
    before = model_fingerprint(model.module)
    for place, verdict, sigma in ((near, "kept", NEAR), (far, "lost", FAR)):
        found = corrie.diff(model, place, tasks=[(task, 40)], alpha="0:1:2", directions=0, tolerance=0.3)
        card = found.capability("toy")
        assert card.verdict == verdict
        assert found.move.sigma == pytest.approx(sigma, rel=0.02)
        assert found.move.realised == pytest.approx(found.move.distance, rel=1e-3)
        assert (card.basin, card.sharpness) == (None, None)
    assert model_fingerprint(model.module) == before


def test_the_landscape_is_made_once_and_shared(
    model: Model, task: ChoiceTask, near: Path, far: Path, tmp_path: Path
) -> None:
    terms: dict[str, Any] = {
        "tasks": [(task, 10)],
        "alpha": "1",
        "directions": 2,
        "to": tmp_path / "run",
        "tolerance": 0.05,
    }
    first = corrie.diff(model, far, **terms)
    basin = first.capability("toy").basin
    assert basin is not None
    assert (basin.directions, basin.retention, basin.indicative) == (2, 0.95, True)
    assert (basin.share or 0) > 1
    assert first.capability("toy").sharpness is not None
    with SqliteStore.open(tmp_path / "run") as store:
        cells = len(store.keys())
    second = corrie.diff(model, near, **terms)
    with SqliteStore.open(tmp_path / "run") as store:
        assert len(store.keys()) == cells + 1, "one point of one block: neither the base nor the landscape again"
    assert corrie.diff(model, far, **terms) == first
    assert {d.tuned for d in type(first).found_in(RunFolder(tmp_path / "run"))} == {"near", "far"}
    given = corrie.diff(model, near, tmp_path / "run", tasks=[(task, 10)], alpha="1", tolerance=0.05)
    assert given.capability("toy").basin == second.capability("toy").basin


class Scored(Nobody):
    """Counts the cells that are made, at the base and away from it."""

    def __init__(self) -> None:
        self.base = self.tuned = 0

    def acknowledges(self, cell: Cell) -> None:
        at_base = cell.point == Point.origin().id
        self.base, self.tuned = self.base + at_base, self.tuned + (not at_base)


def test_the_base_s_scores_are_kept_for_the_next_fine_tune(model: Model, near: Path, far: Path, tmp_path: Path) -> None:
    """What a scan or another diff of the same run scored at the base is taken; only what is missing is scored."""
    task = toy_choice(model, size=120)
    terms: dict[str, Any] = {"quick": True, "to": tmp_path / "run"}

    def scored(tuned: Path, limit: int, **other: Any) -> tuple[int, int, Any]:
        watch = Scored()
        found = corrie.diff(model, tuned, tasks=[(task, limit)], watch=watch, **terms | other)
        return watch.base, watch.tuned, found

    corrie.scan(model, [(task, 20)], directions=corrie.gaussian(1), alpha="0.001", to=tmp_path / "run")
    base, tuned, first = scored(far, 60)
    assert base == tuned - 2, "two blocks are the scan's"
    base, tuned, second = scored(near, 120)
    assert tuned > 6, "an unchanged model takes more examples to decide than a broken one"
    assert base == tuned - first.capability("toy").scores.examples // 10, "further blocks alone"
    *_, alone = scored(near, 120, to=None)
    assert second == alone, "the same as in a run of its own"
    assert scored(near, 120)[:2] == (0, 0)
    with pytest.raises(RunError):
        scored(near, 120, block=5)


def test_a_worst_case_direction_beside(model: Model, task: ChoiceTask, far: Path, tmp_path: Path) -> None:
    """The fine-tune's own direction, saved: cosine 1, and the same way out but for the grid."""
    direction = toward(model, far)
    own = {n: p.data for n, p in model.selection.tensors.items()}
    save_direction(realise(direction, own, model.sources).tensors, tmp_path / "w.safetensors", {"what": "the worst"})
    found = corrie.diff(
        model, far, tasks=[(task, 20)], alpha="0:1:17", directions=0, worst=tmp_path / "w.safetensors", tolerance=0.2
    )
    card = found.capability("toy")
    assert card.worst is not None
    assert card.worst.cosine == pytest.approx(1.0, abs=1e-6)
    ratio = card.to_worst
    assert ratio is not None
    assert 0.5 <= ratio.value <= 2


class Judged:
    """A task without a loss: it does not say what would have been right."""

    def __init__(self, inner: ChoiceTask) -> None:
        self.identity, self.check, self.score, self.card = inner.identity, inner.check, inner.score, inner.card


def test_each_task_s_own_worst_direction_is_searched_once(
    model: Model, task: ChoiceTask, near: Path, tmp_path: Path
) -> None:
    """A fine-tune along the worst direction of one task: cosine 1 and ratio 1 there, another angle elsewhere."""
    other, judged = toy_choice(model, name="new"), Judged(toy_choice(model, name="judged"))
    terms: dict[str, Any] = {"tasks": [(task, 20), (other, 10), (judged, 10)], "directions": 2, "to": tmp_path / "run"}
    terms["tolerance"] = 0.05
    first = corrie.diff(model, near, worst="search", alpha="1", **terms)
    assert [c.worst is not None for c in first.capabilities] == [True, True, False]
    assert "judged" in str(first.capability("judged"))
    assert "the task has no loss to climb" in first.capability("judged").no_worst
    files = sorted((tmp_path / "run" / "worst").iterdir())
    assert [f.name.rpartition("-")[0] for f in files] == ["new", "toy"]
    kept = FoundDirection.read(files[1])
    assert kept is not None
    basin = Landscape.open(tmp_path / "run", "none").basin("toy", 0.95)
    assert basin.l2 is not None
    assert kept.spec.distance == float(f"{basin.l2 / 20:.3g}")
    assert (kept.spec.task.limit, kept.spec.method, kept.spec.steps) == (20, "ascent", 10)
    tensors = {n: t * (30 * kept.spec.sigma) for n, t in load_file(files[1]).items()}
    save_direction(tensors, tmp_path / "along.safetensors", {"what": "thirty times as far"})
    times = [f.stat().st_mtime_ns for f in files]
    found = corrie.diff(model, f"saved:{tmp_path / 'along.safetensors'}", worst="search", alpha="0:1:9", **terms)
    assert [f.stat().st_mtime_ns for f in sorted((tmp_path / "run" / "worst").iterdir())] == times, "found again"
    own, elsewhere = found.capability("toy"), found.capability("new")
    assert own.worst is not None
    assert own.worst.cosine == pytest.approx(1.0, abs=1e-6)
    assert "ascent on its first 20 examples, loss" in own.worst.found
    assert own.to_worst is not None
    assert 0.25 <= own.to_worst.value <= 4, "one line, on two coarse grids"
    assert elsewhere.worst is not None
    assert (elsewhere.worst.cosine or 1.0) < 0.9
    assert type(found).found_in(RunFolder(tmp_path / "run")) == tuple(sorted((first, found), key=lambda d: d.tuned))
    both = Together.open([tmp_path / "run"])
    assert [w.name for w in both.ways["new"] if w.case == "worst-case"] == ["ascent for new:10"], "not that of another"


def test_without_a_basin_the_search_is_at_a_share_of_the_fine_tune_s_distance(
    model: Model, task: ChoiceTask, far: Path, tmp_path: Path
) -> None:
    found = corrie.diff(model, far, tasks=[(task, 10)], worst="search", alpha="1", directions=0, to=tmp_path / "run")
    (file,) = (tmp_path / "run" / "worst").iterdir()
    kept = FoundDirection.read(file)
    assert kept is not None
    assert kept.spec.distance == float(f"{found.move.distance / 20:.3g}")


def test_a_search_needs_a_run_folder_float32_and_what_the_base_can_do(
    task: ChoiceTask, model: Model, near: Path, tmp_path: Path
) -> None:
    terms: dict[str, Any] = {"tasks": [(task, 10)], "worst": "search", "alpha": "1", "directions": 0}
    with pytest.raises(InputError, match="no run folder"):
        corrie.diff(model, near, **terms)
    with pytest.raises(InputError, match="bfloat16, and its gradients"):
        corrie.diff(toy_model(dtype=torch.bfloat16), near, to=tmp_path / "run", **terms)
    assert not (tmp_path / "run").exists()
    stranger = corrie.diff(toy_model(seed=5), near, to=tmp_path / "run", **terms)
    assert "the base cannot do the task" in stranger.capability("toy").no_worst
    assert not (tmp_path / "run" / "worst").exists()


def test_certificates_of_the_base_are_asked_about_the_fine_tune(
    model: Model, task: ChoiceTask, near: Path, tmp_path: Path
) -> None:
    """One that lies in the run folder and one that is given; the adapter stands in one of the two subspaces, the
    checkpoint in none. The bound is that of the certificate, asked about ‖B‖ itself."""
    other = toy_choice(model, name="new")
    terms: dict[str, Any] = {"sigma": 2.0, "draws": 60, "selection_draws": 5}
    subspace = "adapter:layers.1.self_attn.q_proj:1"
    certificate = corrie.certify(model, [(task, 10)], subspace=subspace, to=tmp_path / "run", **terms)
    tuned = corrie.smoothed(model, (subspace, 0.125)).save(tmp_path / "tuned", seed=5)
    ups = [t for n, t in load_file(tuned / WEIGHTS).items() if n.endswith("lora_B.weight")]
    distance = float(sum(t.double().square().sum() for t in ups)) ** 0.5
    given = corrie.certify(model, [(task, 10)], subspace="adapter:v_proj:1", **terms).write(tmp_path / "v")
    asked: dict[str, Any] = {"alpha": "1", "directions": 0, "to": tmp_path / "run", "certificates": [given]}
    found = corrie.diff(model, tuned, tasks=[(task, 20), (other, 10)], **asked)
    away, here = found.capability("toy").certified
    assert (away.verdict, here.verdict) == ("outside", "informative")
    assert here.distance is not None
    assert here.lower is not None
    assert here.distance == pytest.approx(distance, rel=2e-4)
    assert here.distance >= distance
    assert here.distance != pytest.approx(found.move.distance, rel=1e-2), "‖B‖ is not ‖ΔW‖"
    assert here.lower == certificate.tasks[0].lower(here.distance)
    assert here.lower <= certificate.tasks[0].lower(distance)
    assert here.examples == 10, "the certificate's own, though 20 are compared"
    assert found.capability("new").certified == (), "it is of another task"
    assert "says nothing about this fine-tune" in str(found)
    assert f"≥ {here.lower:.4g} at r" in str(found)
    assert type(found).found_in(RunFolder(tmp_path / "run")) == (found,)
    checkpoint = corrie.diff(model, near, tasks=[(task, 20)], **asked)
    assert [one.verdict for one in checkpoint.capability("toy").certified] == ["outside", "outside"]


def test_certificates_of_another_model_or_of_other_tasks_are_refused(
    model: Model, task: ChoiceTask, near: Path, tmp_path: Path
) -> None:
    terms: dict[str, Any] = {"sigma": 0.001, "draws": 5, "selection_draws": 2}
    asked: dict[str, Any] = {"alpha": "1", "directions": 0, "to": tmp_path / "run"}
    for name, other, words in (
        ("weights", toy_model(seed=3), "fingerprint"),
        ("precision", toy_model(dtype=torch.bfloat16), "precision is bfloat16 there and float32 here"),
        ("selection", toy_model(selection=SelectionSpec(exclude=("*norm*",))), "the selection of tensors"),
    ):
        file = corrie.certify(other, [(task, 10)], subspace="random:1", **terms).write(tmp_path / name)
        with pytest.raises(ModelError, match=words):
            corrie.diff(model, near, tasks=[(task, 10)], certificates=[file], **asked)
    file = corrie.certify(model, [(task, 10)], subspace="random:1", **terms).write(tmp_path / "other")
    with pytest.raises(InputError, match="none of that"):
        corrie.diff(model, near, tasks=[(toy_choice(model, name="new"), 10)], certificates=[file], **asked)
    assert not (tmp_path / "run").exists()


def test_terms_that_cannot_be_meant(model: Model, task: ChoiceTask, near: Path) -> None:
    direction = toward(model, near)
    for terms, words in (
        ({"alpha": AlphaGrid.between(0.0, 0.9, 4)}, "the fine-tune itself"),
        ({"tolerance": 1.0}, "tolerance"),
        ({"confidence": 0.4}, "confidence"),
        ({"directions": -1}, "below 0"),
    ):
        with pytest.raises(InputError, match=words):
            FineTuneScan.of(model, direction, [(task, 10)], **terms)  # type: ignore[arg-type]
    for kind in (FineTuneScan, RetractionScan):
        with pytest.raises(InputError, match="leads nowhere"):
            kind.of(model, corrie.Gaussian(seed=0), [(task, 10)])
    with pytest.raises(InputError, match="neither tasks nor a landscape"):
        corrie.diff(model, near)


def test_the_base_itself_is_no_fine_tune(model: Model, task: ChoiceTask, tmp_path: Path) -> None:
    same = toward(model, save_step(tmp_path / "same", 0.0))
    for prepared in (
        FineTuneScan.of(model, same, [(task, 10)], alpha=ENDS, directions=0),
        RetractionScan.of(model, same, [(task, 10)]),
    ):
        with pytest.raises(InputError, match="weights are the base's"):
            prepared.run(MemoryStore(prepared.identity))


def test_a_landscape_of_another_model_is_refused(model: Model, task: ChoiceTask, near: Path) -> None:
    other = toy_model(seed=3)
    landscape = corrie.scan(other, [(task, 10)], directions=corrie.gaussian(1), alpha="0.1")
    with pytest.raises(RunError, match="another model"):
        corrie.diff(model, near, landscape, tasks=[(task, 10)], alpha="1")


def test_retract_keeps_an_innocuous_fine_tune(model: Model, task: ChoiceTask, near: Path, tmp_path: Path) -> None:
    found = corrie.retract(
        model, near, [(task, 20)], out=tmp_path / "out", skills=[(toy_choice(model, name="new"), 10)], tolerance=0.5
    )
    assert (found.alpha, found.confirmed, found.set_back) == (1.0, True, 0)
    assert "as it is" in found.finding
    assert [s.survives for s in found.skills] == [None]
    assert corrie.load(tmp_path / "out").identity.fingerprint == corrie.load(near).identity.fingerprint


def test_retract_finds_what_a_slow_search_finds_and_diff_passes(model: Model, far: Path, tmp_path: Path) -> None:
    """Of the 64 steps the first half, looked at one by one: the first that is not kept is among them."""
    tasks, tolerance = [(toy_choice(model, size=20), 20)], 0.3
    found = corrie.retract(model, far, tasks, out=tmp_path / "out", tolerance=tolerance, to=tmp_path / "run")
    scan = Scan.of(model, tasks, directions=(toward(model, far),), alpha=AlphaGrid.between(0.0, 0.5, 33))
    store = MemoryStore(scan.identity)
    scan.run(store)
    scores = Landscape.from_store(store, "path")["toy"].score.mean("example").values[0]
    lost = scores < 1 - tolerance * 0.75 - 1e-9
    assert lost.any()
    assert found.alpha == int(lost.argmax()) / 64
    assert found.distance == pytest.approx(found.alpha * found.tuned_distance)
    assert len(found.looks) < 12
    assert not found.confirmed, "the task has no fresh examples"
    gate = corrie.diff(model, tmp_path / "out", tasks=tasks, alpha="1", directions=0, tolerance=tolerance)
    assert gate.lost == ()
    assert gate.capability("toy").scores.after == found.capabilities[0].retracted
    again = corrie.retract(model, far, tasks, tolerance=tolerance, to=tmp_path / "run")
    assert again == found.model_copy(update={"written": ""})


def test_fresh_examples_confirm_or_send_back(model: Model, task: ChoiceTask, far: Path) -> None:
    found = corrie.retract(model, far, [(task, 20)], tolerance=0.3)
    (card,) = found.capabilities
    assert 0 < found.alpha < 1
    assert found.set_back or card.fresh is not None
    assert card.fresh is None or (card.fresh.examples, card.fresh.verdict != "lost") == (20, True)


def test_what_the_base_cannot_do_cannot_be_kept(task: ChoiceTask, near: Path) -> None:
    stranger = toy_model(seed=5)
    with pytest.raises(InputError, match="nothing to keep"):
        corrie.retract(stranger, near, [(task, 20)])


class StopAfter(Nobody):
    """Presses Ctrl-C after so many cells."""

    def __init__(self, cells: int) -> None:
        self.left = cells

    def acknowledges(self, cell: Cell) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def whole(model: Model, far: Path) -> Retraction:
    return corrie.retract(model, far, [(toy_choice(model, size=20), 10)])


@pytest.mark.parametrize("cells", [1, 4, 9])
def test_stopped_anywhere_it_goes_on_to_the_same_end(
    model: Model, far: Path, whole: Retraction, cells: int, tmp_path: Path
) -> None:
    tasks: Any = [(toy_choice(model, size=20), 10)]
    before = model_fingerprint(model.module)
    with pytest.raises(KeyboardInterrupt):
        corrie.retract(model, far, tasks, to=tmp_path / "run", watch=StopAfter(cells))
    assert model_fingerprint(model.module) == before
    with SqliteStore.open(tmp_path / "run") as store:
        assert len(store.keys()) == cells
    assert corrie.retract(model, far, tasks, to=tmp_path / "run") == whole
