from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from corrie.errors import InputError, ModelError, StorageError
from corrie.weights.realise import realise
from corrie.weights.saved import CONTENT, look_at_saved, save_direction
from corrie.weights.sources import Sources

TENSORS = {"b": torch.arange(5.0), "a": torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).T}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "worst.safetensors"


def test_what_is_written_is_a_safetensors_file(file: Path) -> None:
    record = save_direction(TENSORS, file, {"what": "climbed", "model": "toy"})
    for name, tensor in load_file(file).items():
        assert torch.equal(tensor, TENSORS[name])
    with safe_open(file, "pt") as opened:
        assert opened.metadata()[CONTENT] == record.content
    assert [p.name for p in file.parent.iterdir()] == [file.name]


def test_it_is_read_back(file: Path) -> None:
    record = save_direction(TENSORS, file, {"what": "climbed"})
    again, _ = look_at_saved(file)
    assert again == record
    assert (again.name, again.origin) == ("worst.safetensors", "climbed")
    sources = Sources()
    sources.add(record.content, file)
    found = realise(record, {**TENSORS, "c": torch.ones(2)}, sources)
    assert all(torch.equal(found.tensors[n], t) for n, t in TENSORS.items())
    assert not found.tensors["c"].any()


def test_it_is_written_once(file: Path) -> None:
    record = save_direction(TENSORS, file, {"what": "climbed"})
    stamp = file.stat().st_mtime_ns
    assert save_direction(TENSORS, file, {"what": "again"}) == record
    with pytest.raises(InputError, match="another direction is there"):
        save_direction({"b": torch.ones(5)}, file, {})
    assert file.stat().st_mtime_ns == stamp


def test_the_name_is_no_part_of_the_content(file: Path, tmp_path: Path) -> None:
    one = save_direction(TENSORS, file, {"what": "climbed"})
    other = save_direction(dict(reversed(TENSORS.items())), tmp_path / "other.safetensors", {})
    assert one.id == other.id


@pytest.mark.parametrize("place", [-1, -40])
def test_a_changed_bit_is_found(file: Path, place: int) -> None:
    save_direction(TENSORS, file, {})
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelError, match="hash differs"):
        look_at_saved(file)


def test_a_file_changed_since_it_was_looked_at(file: Path) -> None:
    record = save_direction(TENSORS, file, {})
    sources = Sources()
    sources.add(record.content, file)
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(InputError, match="was changed since"):
        realise(record, TENSORS, sources)


def test_files_that_are_no_direction(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        look_at_saved(file)
    save_file({"a": torch.ones(1)}, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="no direction that corrie saved"):
        look_at_saved(tmp_path / "model.safetensors")
    with pytest.raises(InputError, match="does not end in"):
        save_direction(TENSORS, tmp_path / "worst.pt", {})


def test_no_place_to_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError):
        save_direction(TENSORS, tmp_path / "file" / "worst.safetensors", {})
