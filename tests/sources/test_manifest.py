import pytest
from pydantic import ValidationError

from corrie.errors import UnknownName
from corrie.sources.manifest import (
    Package,
    PackagedFile,
    embedded_models,
    find_model,
    find_package,
    manifest,
    packages,
)

FILE = {"path": "a/b.txt", "size": 1, "sha256": "0" * 64, "licence": "MIT", "what": "a file"}


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../up.txt", "a/../../up.txt", "a\\b.txt", "C:/b.txt", "a//b.txt", "./b.txt", "a/b/"]
)
def test_a_path_that_could_leave_its_folder_is_no_entry(path: str) -> None:
    with pytest.raises(ValidationError):
        PackagedFile(**{**FILE, "path": path})


@pytest.mark.parametrize("change", [{"sha256": "0" * 63}, {"sha256": "G" * 64}, {"size": 0}, {"colour": "red"}])
def test_an_entry_is_checked(change: dict) -> None:
    with pytest.raises(ValidationError):
        PackagedFile(**{**FILE, **change})


@pytest.mark.parametrize("name", ["Upper", "a b", "a;b", "../a", "-r", ""])
def test_a_package_name_cannot_be_an_option_or_a_path(name: str) -> None:
    with pytest.raises(ValidationError):
        Package(name=name, version="1", licence="", what="", wheel_size=1, wheel_sha256="0" * 64, files=())


def test_names_and_paths_are_unique() -> None:
    names = [p.name for p in packages()]
    assert len(set(names)) == len(names)
    for package in packages():
        paths = [f.path for f in package.files]
        assert len(set(paths)) == len(paths)


def test_every_embedded_model_is_in_its_package() -> None:
    for model in embedded_models():
        assert find_package(model.package).file(model.path).size > 0
        assert find_model(model.name) is model


def test_unknown_names_bring_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'pyrit'"):
        find_package("pyrite")
    with pytest.raises(UnknownName, match="smollm2-135m-instruct"):
        find_model("smollm2")
    with pytest.raises(UnknownName, match="adv_bench"):
        find_package("pyrit").file("pyrit/adv_bench")


def test_the_manifest_is_what_it_says_when_written_again() -> None:
    assert type(manifest()).parse(manifest().canonical()) == manifest()
