"""The text that a model reads while it is widened, as windows of tokens: files, folders, tasks.

A text is encoded once and cut into windows of equal length, each with the tokens before it that the tokenizer puts at
a text's beginning; a rest that is shorter is left out. Nothing of it is a label: it only says where the widened model
is to say what the unmoved one says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from corrie.capabilities.agreement import text_of
from corrie.capabilities.task import Task
from corrie.errors import InputError
from corrie.models.encoding import frame
from corrie.models.model import Model
from corrie.records.plain_file import read_plain

_BYTES = 64 * 2**20
LONGEST_TEXT = 2**16
"""Windows of all the texts together, at most: the first ones."""

Text = str | Path | Task
"""A file, a folder, or a task, by name or as it is."""


def windows_of(model: Model, texts: Sequence[Text], length: int, most: int = LONGEST_TEXT) -> Tensor:
    """Rows of token ids, shape (windows, length), the texts one after the other.

    Raises:
        InputError: no such file or folder, one without text, or texts that are all shorter than a window.
        UnknownName: no such task.

    >>> import tempfile
    >>> from corrie.testing.toy_models import toy_model
    >>> file = Path(tempfile.mkdtemp()) / "story.txt"
    >>> _ = file.write_text("It was the best of times, it was the worst of times.")
    >>> windows_of(toy_model(), [file], length=20).shape
    torch.Size([2, 20])
    """
    before = frame(model.tokenizer)[0]
    room = length - len(before)
    if room < 1:
        raise InputError(f"a window of {length} tokens", found="no room for text in it", advice="--window 64")
    rows: list[tuple[int, ...]] = []
    longest = 0
    for text in texts:
        for document in documents(text):
            ids = model.encoder.encode(document, templated=True)
            longest = max(longest, len(ids))
            rows += [before + ids[at : at + room] for at in range(0, len(ids) - room + 1, room)]
        if len(rows) >= most:
            break
    if not rows:
        raise InputError(
            f"--text {', '.join(map(name_of, texts))}",
            found=f"its longest text has {longest} tokens, and a window takes {room}" if longest else "no text in it",
            advice=f"longer texts, or --window {max(8, longest // 2)}" if longest else "a file with text",
        )
    return torch.tensor(rows[:most], dtype=torch.long)


def documents(text: Text) -> Iterator[str]:
    """The documents of a text: of a folder its files, of a task its examples together.

    Raises:
        InputError, UnknownName: as of :func:`windows_of`.
    """
    if isinstance(text, str | Path):
        place = Path(text).expanduser()
        if place.is_dir():
            yield from _in_folder(place)
            return
        if place.is_file() and place.suffix != ".jsonl":
            yield _in_file(place)
            return
        text = _task(str(text))
    if text.identity.sensitive:
        raise InputError(
            f"--text {text.identity.name}", found="its texts are harmful requests", advice="another task, or a file"
        )
    yield "\n\n".join(text_of(text.card(index)) for index in range(text.identity.size))


def _in_folder(folder: Path) -> Iterator[str]:
    """Every file below that is text, in the order of their names; hidden ones are left."""
    read = 0
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder).parts
        if any(part.startswith(".") for part in inside) or file.is_symlink() or not file.is_file():
            continue
        content = read_plain(file, f"text file {file}", most=_BYTES, error=InputError)
        if b"\0" in content[:4096]:
            continue
        try:
            yield content.decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
        read += len(content)
        if read > _BYTES:
            return


def _in_file(file: Path) -> str:
    asked = f"text file {str(file)!r}"
    content = read_plain(file, asked, most=_BYTES, error=InputError, advice="a text file of at most 64 MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise InputError(asked, found=f"it is not UTF-8 ({problem})", advice="UTF-8 text") from None


def _task(name: str) -> Task:
    from corrie.capabilities.registry import tasks

    if not Path(name).expanduser().is_file() and ("/" in name or name.startswith((".", "~"))):
        raise InputError(f"--text {name}", found="no such file or folder", advice="a file, a folder, or a task's name")
    (found,) = tasks(name)
    return found


def name_of(text: Text) -> str:
    """What to call it.

    >>> name_of("docs/")
    'docs/'
    """
    return text.identity.name if isinstance(text, Task) else str(text)
