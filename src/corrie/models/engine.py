"""Which engine serves a model: a tree of tokens, rows of one length or every sequence alone; written texts together or
one by one.

The model is asked, not looked up in a list of architectures: both ways must give the same numbers. What it does beyond
a window of thousands of tokens, or past a length at which its rope changes, is asked of its miniature
(:mod:`corrie.models.miniature`), with sequences of unequal length that reach well beyond them; the model itself is
asked on a dozen tokens.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from corrie.errors import ModelError
from corrie.models.encoding import Sequenced
from corrie.models.equal_lengths import EqualLengths
from corrie.models.greedy import Batch
from corrie.models.miniature import MINIATURE_WINDOW, VOCABULARY, build_miniature, miniature
from corrie.models.packed import PackedEngine
from corrie.models.plain import PlainEngine
from corrie.models.rope import Reach, forget_longer_rows, reach_of

_WRONG = (
    TypeError,
    ValueError,
    RuntimeError,
    AttributeError,
    IndexError,
    KeyError,
    AssertionError,
    NotImplementedError,
)
"""What a forward pass raises that was given what it does not know."""

_WINDOWS = ("sliding_window", "window_size", "attention_window_size", "attention_chunk_size", "local_attention")


@dataclass(frozen=True, slots=True)
class Engine:
    """How a model's questions are run.

    tree      likelihoods by one tree of tokens
    equal     else by rows of one length together
    states    and what they begin with is read once
    together  texts written in batches, padded on the left
    keep      texts written from kept keys and values (or states)
    share     what the texts of a batch begin with is read once
    enter     a text that waits takes the place of one that has ended
    reach     how far both hold: beyond, a sequence runs alone
    why       in words, for people
    """

    tree: bool
    equal: bool
    states: bool
    together: bool
    keep: bool
    share: bool
    enter: bool
    reach: Reach
    why: str

    def __str__(self) -> str:
        return self.why


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a quicker way is not taken; empty where it gives the same numbers. ``all``: why none is."""

    tree: str = ""
    equal: str = ""
    states: str = ""
    together: str = ""
    keep: str = ""
    share: str = ""
    enter: str = ""
    all: str = ""


def choose_engine(module: Any) -> Engine:
    """The engine that gives this model the numbers of every sequence alone.

    Raises:
        ModelError: what the model says of a token depends on the tokens after it (XLNet, an encoder that is not told to
            be a decoder): a likelihood would have read its own answer.

    >>> from corrie.testing.toy_models import toy_module
    >>> print(choose_engine(toy_module()))
    likelihoods by a tree of tokens, texts written in batches
    """
    config: Any = module.config
    reach = reach_of(config)
    vocabulary = int(config.get_text_config().vocab_size)
    known = _in_miniature(module) or Refused(enter="no miniature could be asked")
    if known.all:
        raise ModelError(
            f"model {type(module).__name__}",
            found=known.all,
            advice="a causal language model (of some kinds a setting makes one: is_decoder, causal)",
        )
    few = _short(vocabulary)
    tree = known.tree or _otherwise(lambda: tree_difference(module, few, reach), module)
    equal = known.equal or (
        tree and _otherwise(lambda: engine_difference(module, few, EqualLengths(module, 1, reach, False)), module)
    )
    states = known.states or (
        tree and _otherwise(lambda: engine_difference(module, few, EqualLengths(module, 1, reach)), module)
    )
    asked = _writing(module, _prompts(vocabulary, (2, 6)))
    together, keep = known.together or asked.together, known.keep or asked.keep
    share = known.share or asked.share
    if not tree:
        words = ["likelihoods by a tree of tokens"]
    elif not equal:
        once = "" if states else ", what they begin with read once"
        words = [f"likelihoods by sequences of one length together{once} (no tree of tokens: {tree})"]
    else:
        words = [f"every sequence alone ({equal})"]
    words.append(f"texts written one by one ({together})" if together else "texts written in batches")
    if keep:
        words.append(f"the whole text read again at every token ({keep})")
    if reach.depth is not None and not (tree and together):
        words.append(f"alone beyond {reach.depth} tokens, where its rope changes")
    how = {"tree": tree, "equal": equal, "states": equal or states, "together": together, "keep": keep, "share": share}
    how["enter"] = together or known.enter
    return Engine(**{name: not why for name, why in how.items()}, reach=reach, why=", ".join(words))


def scorer(module: nn.Module, engine: Engine, rows: int = 1) -> PackedEngine | EqualLengths | PlainEngine:
    """What reads likelihoods of a module's present weights, for so many changes of them."""
    if engine.tree:
        return PackedEngine(module, rows, engine.reach)
    return EqualLengths(module, rows, engine.reach, engine.states) if engine.equal else PlainEngine(module, rows)


def tree_works(module: nn.Module, vocabulary: int) -> bool:
    """Does this model give a tree of a dozen tokens the scores it gives to each sequence alone?"""
    return not _otherwise(lambda: tree_difference(module, _short(vocabulary), Reach()), module)


@torch.no_grad()
def looks_ahead(module: Any, vocabulary: int) -> bool:
    """Does what the model predicts in the first half of a row of a dozen tokens depend on the second half?

    >>> from corrie.testing.families import tiny_module
    >>> looks_ahead(tiny_module("xlnet"), VOCABULARY), looks_ahead(tiny_module("bert"), VOCABULARY)
    (True, False)
    """
    (row,) = _prompts(vocabulary, (12,))
    ids = torch.tensor([row], device=next(module.parameters()).device)
    whole, half = (module(input_ids=i, use_cache=False).logits[0, :6].float() for i in (ids, ids[:, :6]))
    return _apart(whole, half) > 0.01 * float(half.abs().max())


def tree_difference(module: nn.Module, asked: tuple[list[list[Sequenced]], tuple[int, ...]], reach: Reach) -> float:
    """The largest difference in nats between a tree's log-likelihoods and each sequence's alone."""
    return engine_difference(module, asked, PackedEngine(module, reach=reach))


def engine_difference(
    module: nn.Module, asked: tuple[list[list[Sequenced]], tuple[int, ...]], engine: PackedEngine | EqualLengths
) -> float:
    """The largest difference in nats between an engine's log-likelihoods and each sequence's alone."""
    questions, shared = asked
    slow = PlainEngine(module).score(questions)
    fast = engine.score(questions, shared)
    pairs = [(f[0], s[0]) for fq, sq in zip(fast, slow, strict=True) for f, s in zip(fq, sq, strict=True)]
    return max(_apart(f, s) for f, s in pairs)


@torch.no_grad()
def writing_difference(
    module: nn.Module,
    prompts: Sequence[tuple[int, ...]],
    together: bool = True,
    keep: bool = True,
    share: bool = False,
    steps: int = 3,
    late: Sequence[tuple[int, ...]] = (),
) -> float:
    """The largest difference between the logits that writing sees after each prompt and after each of a few given
    tokens, and those of one pass over the whole row alone.

    Args:
        late: prompts that then take the places of the first, and are followed by as many tokens again.

    Raises:
        NotImplementedError: what the prompts begin with is to be read once, or prompts are to come in, and the model
            keeps more than keys and values.
    """
    groups = [list(range(len(prompts)))] if together else [[row] for row in range(len(prompts))]
    worst = 0.0
    for group in groups:
        texts = [list(prompts[row]) for row in group]
        batch = Batch(module, [prompts[row] for row in group], keep, share=share, room=steps, waiting=late)
        if share and not batch.shares:
            raise NotImplementedError
        for turn in range(2 if late else 1):
            if turn:
                if not batch.parts:
                    raise NotImplementedError
                texts[: len(late)] = map(list, late)
                batch.enter(range(len(late)), late, range(len(late), len(texts)))
            for step in range(steps + 1):
                found = batch.logits()
                for place, text in enumerate(texts):
                    forget_longer_rows(module)
                    whole = torch.tensor([text], device=found.device)
                    alone = module(input_ids=whole, use_cache=False).logits[0, -1]
                    worst = max(worst, _apart(found[place].float(), alone.float()))
                if step < steps or (late and not turn):
                    given = [(3 + step + row) % 5 for row in group]
                    batch.add(torch.tensor(given, device=found.device))
                    for text, token in zip(texts, given, strict=True):
                        text.append(token)
    return worst


def _apart(a: Tensor, b: Tensor) -> float:
    """The largest difference; infinite where one is a number and the other is not."""
    same = torch.isnan(a) & torch.isnan(b)
    return float((a - b).abs().masked_fill(same, 0.0).nan_to_num(nan=float("inf")).max())


def _otherwise(difference: Callable[[], float], module: nn.Module) -> str:
    """Why both ways are not the same; empty where they are."""
    tolerance = 1e-3 if next(module.parameters()).dtype.itemsize >= 4 else 0.3
    try:
        found = difference()
    except _WRONG as problem:
        return f"the other way ends in a {type(problem).__name__}"
    return "" if found <= tolerance else f"the other way differs by {found:.1e} nats"


def _writing(module: nn.Module, prompts: Sequence[tuple[int, ...]]) -> Refused:
    """What writing these prompts refuses."""
    together = _otherwise(lambda: writing_difference(module, prompts), module)
    keep = together and _otherwise(lambda: writing_difference(module, prompts, together=False), module)
    begun = [prompts[-1][:5] + prompt for prompt in prompts]
    share = together or _otherwise(lambda: writing_difference(module, begun, share=True), module)
    return Refused(together=together, keep=keep, share=share)


def _entering(module: nn.Module, share: bool) -> str:
    """What refuses that prompts come in: one longer than the rows there and than windows, and one of two tokens."""
    first, *others = _prompts(VOCABULARY, (7, 20, 5, 40))
    prompts = [first + others[0], first, first + others[1]]
    late = [first[:3] + others[2], first[:2]]
    return _otherwise(lambda: writing_difference(module, prompts, share=share, late=late), module)


def _in_miniature(module: nn.Module) -> Refused | None:
    """What a miniature of this model refuses; None where there is no miniature and nothing to ask it."""
    config: Any = getattr(module, "config", None)
    try:
        content = json.dumps(config.to_dict(), sort_keys=True, default=str)
    except _WRONG:
        return None
    return _miniature_says(type(module), _Content(config, getattr(config, "_attn_implementation", None), content))


@dataclass(frozen=True, slots=True, eq=False)
class _Content:
    """A configuration that is equal to another of the same content."""

    config: Any
    attention: str | None
    content: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Content) and (self.attention, self.content) == (other.attention, other.content)

    def __hash__(self) -> int:
        return hash((self.attention, self.content))


@lru_cache(maxsize=64)
def _miniature_says(kind: type[nn.Module], of: _Content) -> Refused | None:
    if not hasattr(kind, "_from_config"):
        return None
    try:
        config = miniature(of.config)
        if of.attention:
            config._attn_implementation = of.attention
        module = build_miniature(kind, config)
        with torch.no_grad():
            module(input_ids=torch.tensor([[5, 6, 7]]))
    except Exception as problem:
        window = _largest_window(of.config)
        if not window:
            return None
        reason = f"it changes after {window} tokens, and no miniature could be asked: {type(problem).__name__}"
        return Refused(tree=reason, equal=reason, states=reason, together=reason)
    if looks_ahead(module, VOCABULARY):
        return Refused(all="its prediction of a token depends on the tokens that come after it")
    reach = reach_of(config)
    tree = _otherwise(lambda: tree_difference(module, _long(), reach), module)
    equal = tree and _otherwise(
        lambda: engine_difference(module, _long(), EqualLengths(module, 1, reach, False)), module
    )
    states = tree and _otherwise(lambda: engine_difference(module, _long(), EqualLengths(module, 1, reach)), module)
    written = _writing(module, _prompts(VOCABULARY, (3, 11, 26, 31)))
    enter = written.together or _entering(module, share=not written.share)
    return replace(written, tree=tree, equal=equal, states=states, enter=enter)


def _largest_window(config: Any) -> int:
    text = config.get_text_config().to_dict()
    return max((v for n in _WINDOWS if isinstance(v := text.get(n), int)), default=0)


def _short(vocabulary: int) -> tuple[list[list[Sequenced]], tuple[int, ...]]:
    """Two questions of a dozen tokens."""

    def sequence(*tokens: int) -> Sequenced:
        return Sequenced(tuple(t % vocabulary for t in tokens), 4)

    questions = [
        [sequence(11, 23, 5, 41, 17, 8, 60), sequence(11, 23, 5, 41, 29, 77, 60, 3)],
        [sequence(11, 23, 5, 90, 12, 33, 9), sequence(11, 23, 5, 90, 31)],
    ]
    return questions, (*questions[0][0].ids[:3], 0, 0)


def _long() -> tuple[list[list[Sequenced]], tuple[int, ...]]:
    """Four questions of 23 to 85 tokens, for a miniature: beyond two windows, on both sides of a switch-over."""
    dice = random.Random(0)

    def some(length: int) -> tuple[int, ...]:
        return tuple(dice.randrange(5, VOCABULARY - 10) for _ in range(length))

    shared, questions = some(2 * MINIATURE_WINDOW + 4), []
    for length in (3, 35, 14, 60):
        context = shared + some(length)
        questions.append([Sequenced(context + some(k), len(context)) for k in (2, 5, 1)])
    return questions, shared


def _prompts(vocabulary: int, lengths: Sequence[int]) -> list[tuple[int, ...]]:
    dice = random.Random(1)
    return [tuple(dice.randrange(vocabulary) for _ in range(length)) for length in lengths]
