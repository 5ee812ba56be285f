import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from corrie.errors import ModelError
from corrie.weights.tensor_files import INDEX, TensorFiles

STATE = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4, dtype=torch.bfloat16)}


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    save_file(STATE, tmp_path / "model.safetensors")
    return tmp_path


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    folder = tmp_path / "shards"
    folder.mkdir()
    for number, (name, tensor) in enumerate(STATE.items()):
        save_file({name: tensor}, folder / f"part-{number}.safetensors")
    index = {"weight_map": {name: f"part-{number}.safetensors" for number, name in enumerate(STATE)}}
    (folder / INDEX).write_text(json.dumps(index))
    return folder


def test_shards_are_read_as_one(whole: Path, sharded: Path) -> None:
    one, many = TensorFiles.open(whole), TensorFiles.open(sharded)
    assert one.shapes == many.shapes == {"a": (2, 3), "b": (4,)}
    for name, tensor in STATE.items():
        assert torch.equal(many.read(name), tensor)
    assert one.digest() == many.digest()


def test_the_digest_is_of_the_content(whole: Path) -> None:
    before = TensorFiles.open(whole).digest()
    save_file(STATE, whole / "model.safetensors", metadata={"format": "pt"})
    assert TensorFiles.open(whole).digest() == before
    for changed in ({**STATE, "a": STATE["a"] + 1}, {**STATE, "a": STATE["a"].T.contiguous()}, {"a": STATE["a"]}):
        save_file(changed, whole / "model.safetensors")
        assert TensorFiles.open(whole).digest() != before


def test_what_the_index_leaves_out_is_not_read(sharded: Path) -> None:
    save_file({"c": torch.ones(1)}, sharded / "stray.safetensors")
    assert set(TensorFiles.open(sharded).files) == {"a", "b"}


def test_a_missing_shard(sharded: Path) -> None:
    (sharded / "part-1.safetensors").unlink()
    with pytest.raises(ModelError, match=r"names part-1\.safetensors, which is not in the folder"):
        TensorFiles.open(sharded)


def test_an_index_that_leads_out_of_the_folder(sharded: Path, whole: Path) -> None:
    (sharded / INDEX).write_text(json.dumps({"weight_map": {"a": "../model.safetensors"}}))
    with pytest.raises(ModelError, match="which is not in the folder"):
        TensorFiles.open(sharded)


def test_an_index_that_is_none(sharded: Path) -> None:
    (sharded / INDEX).write_text("[]")
    with pytest.raises(ModelError, match="cannot be read"):
        TensorFiles.open(sharded)


def test_a_tensor_twice(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_file({"a": torch.ones(1)}, tmp_path / f"{name}.safetensors")
    with pytest.raises(ModelError, match="a is in"):
        TensorFiles.open(tmp_path)


def test_damage_emptiness_and_integers(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no \*\.safetensors there"):
        TensorFiles.open(tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"\xff" * 100)
    with pytest.raises(ModelError, match="cannot be read"):
        TensorFiles.open(tmp_path)
    save_file({"q": torch.ones(3, dtype=torch.int8)}, file)
    with pytest.raises(ModelError, match="no tensor of floating-point numbers"):
        TensorFiles.open(file)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../model.safetensors", "which is not in the folder"),
        ("/etc/hostname", "which is not in the folder"),
        ("sub/part.safetensors", "which is not in the folder"),
        ("x" * 5000 + ".safetensors", "which is not in the folder"),
        ("..", "is not opened"),
        ("weights.bin", "is no .safetensors file and is not opened"),
        ("part-0.safetensors.pt", "is not opened"),
        (5, "which is not in the folder"),
        (None, "which is not in the folder"),
        ("a\0.safetensors", "which is not in the folder"),
    ],
)
def test_an_index_names_safetensors_of_its_own_folder_only(sharded: Path, name: object, words: str) -> None:
    (sharded / "weights.bin").write_bytes(b"a pickle")
    (sharded / INDEX).write_text(json.dumps({"weight_map": {"a": "part-0.safetensors", "b": name}}))
    with pytest.raises(ModelError, match=words):
        TensorFiles.open(sharded)


def test_links_that_leave_the_folder(sharded: Path, whole: Path, tmp_path: Path) -> None:
    (sharded / "part-0.safetensors").unlink()
    (sharded / "part-0.safetensors").symlink_to(whole / "model.safetensors")
    with pytest.raises(ModelError, match="link out of the folder"):
        TensorFiles.open(sharded)


def test_the_links_of_the_hub_cache(tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "models--a--b" / "blobs", tmp_path / "models--a--b" / "snapshots" / "0"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    save_file(STATE, blobs / "hash")
    (snapshot / "model.safetensors").symlink_to("../../blobs/hash")
    assert set(TensorFiles.open(snapshot).files) == {"a", "b"}


def test_shards_beside_a_single_file(sharded: Path) -> None:
    save_file({"a": torch.zeros(2, 3), "b": torch.zeros(4)}, sharded / "model.safetensors")
    with pytest.raises(ModelError, match="both there, and one of them is stale"):
        TensorFiles.open(sharded)
    for part in sharded.glob("part-*"):
        part.unlink()
    assert float(TensorFiles.open(sharded).read("a").abs().sum()) == 0.0, "an index of shards that are gone"


def test_types_that_are_no_plain_floats(tmp_path: Path) -> None:
    save_file({"w": torch.ones(2), "mask": torch.ones(2, dtype=torch.bool)}, tmp_path / "model.safetensors")
    found = TensorFiles.open(tmp_path)
    assert (set(found.files), dict(found.others)) == ({"w"}, {"mask": "BOOL"})
    save_file({"w": torch.ones(2).to(torch.float8_e5m2)}, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="w is stored as F8_E5M2"):
        TensorFiles.open(tmp_path)


def test_a_digest_within_a_precision(whole: Path) -> None:
    plain = TensorFiles.open(whole).digest()
    assert TensorFiles.open(whole).digest(within=torch.float16) == plain
    save_file(STATE | {"a": torch.tensor([1e6])}, whole / "model.safetensors")
    TensorFiles.open(whole).digest(within=torch.bfloat16)
    with pytest.raises(ModelError, match="a holds what is no number in float16"):
        TensorFiles.open(whole).digest(within=torch.float16)
