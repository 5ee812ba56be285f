"""A loaded language model: its module, its tokenizer, what of it moves, and its identity."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import nn

from corrie.errors import InputError
from corrie.models.encoding import Encoder, Sequenced
from corrie.models.engine import Engine, choose_engine
from corrie.models.reader import ModelReader
from corrie.models.reading import Question, Reader
from corrie.models.recipe import LoadRecipe
from corrie.models.reference import Reference
from corrie.models.rope import longest_of
from corrie.models.rows import row_readers
from corrie.records.model import ModelIdentity
from corrie.weights.drawn_again import Drawing
from corrie.weights.layout import Layout
from corrie.weights.selection import Selection
from corrie.weights.shard import is_sharded
from corrie.weights.sources import Sources


@dataclass
class Model:
    """What ``corrie.load`` returns.

    module      the ``nn.Module``, in evaluation mode
    tokenizer   its Hugging Face tokenizer
    selection   the tensors that move
    identity    name, architecture, fingerprint, precision, dimension, norm, notes
    recipe      how another process loads it; None for a model that was made in memory
    draw        whether Gaussian directions are kept or drawn again at every point
    sources     where the tensors of directions lie that were made for this model (:mod:`corrie.models.directions`)
    """

    module: nn.Module
    tokenizer: Any
    selection: Selection
    identity: ModelIdentity
    recipe: LoadRecipe | None = field(default=None, repr=False)
    draw: Drawing = "auto"
    sources: Sources = field(init=False, repr=False)
    _encoder: Encoder = field(init=False, repr=False)
    _reference: Reference = field(init=False, repr=False, default_factory=Reference)

    def __post_init__(self) -> None:
        self.sources = Sources(own=self.identity.fingerprint, layout=Layout.of(self.module))
        self._encoder = Encoder(self.tokenizer, self._longest(), self._vocabulary())

    def reader(self) -> ModelReader:
        """A reader of the present weights. Take a new one whenever they have moved."""
        return ModelReader(self.module, self._encoder, self.engine, self.end_tokens, reference=self._reference)

    @property
    def remembered(self) -> tuple[Sequenced, ...]:
        """The texts of which it keeps what the unmoved model says: a copy elsewhere has to be asked about them, too."""
        return self._reference.sequences

    @property
    def encoder(self) -> Encoder:
        """How its questions become token ids."""
        return self._encoder

    def row_readers(self, rows: int) -> tuple[Reader, ...]:
        """A reader for each row of a batch, for when the module gives every row a change of its own."""
        reader = ModelReader(self.module, self._encoder, self.engine, self.end_tokens, rows, self._reference)
        return row_readers(reader, rows)

    def sequences(self, question: Question) -> tuple[Sequenced, ...]:
        """Each continuation of a question with its context, as tokens.

        Raises:
            TaskError: nothing to score, or more tokens than the model can take.
        """
        return self._encoder.question(question)

    @cached_property
    def engine(self) -> Engine:
        """How its questions are run, and why (asked of the model itself, once)."""
        return choose_engine(self.module)

    @property
    def packed(self) -> bool:
        """Whether a tree of tokens serves this model."""
        return self.engine.tree

    @property
    def device(self) -> str:
        """Where it lies, in words."""
        return ", ".join(map(str, self.devices))

    @property
    def devices(self) -> list[torch.device]:
        """Every device that holds a part of it, in the model's order."""
        return list(dict.fromkeys(p.device for p in self.module.parameters()))

    @property
    def in_processes(self) -> bool:
        """Whether its tensors are sharded over processes (DTensor)."""
        return any(map(is_sharded, self.module.parameters()))

    def __str__(self) -> str:
        i = self.identity
        what = f"{i.architecture}, {i.parameters:,} parameters in {i.dtype} on {self.device}"
        return f"{i.name}: {what}; {self.selection} move"

    @property
    def text_config(self) -> Any:
        """The settings of its language model."""
        module: Any = self.module
        return module.config.get_text_config()

    def recipe_for(self, engine: str, who: str) -> LoadRecipe:
        """How another holder of the model loads it.

        Args:
            engine: that needs it; who: has to load it there.

        Raises:
            InputError: it was made in memory.
        """
        if self.recipe is None:
            raise InputError(
                f"engine {engine} for {self.identity.name}",
                found=f"the model was made in memory; {who} has to load it",
                advice="corrie.load of its folder or name, or the engine serial",
            )
        return self.recipe

    def _longest(self) -> int | None:
        return longest_of(self.text_config)

    def _vocabulary(self) -> int | None:
        """Tokens that have a row in the embedding and in the output head."""
        module: Any = self.module
        embedding, head = module.get_input_embeddings(), module.get_output_embeddings()
        rows = [embedding.num_embeddings] if isinstance(embedding, nn.Embedding) else []
        rows += [head.out_features] if isinstance(head, nn.Linear) else []
        return min(rows, default=None)

    @property
    def end_tokens(self) -> frozenset[int]:
        """The ids at which it stops writing."""
        generation = getattr(self.module, "generation_config", None)
        ends = getattr(generation, "eos_token_id", None)
        listed = [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
        own = self.tokenizer.eos_token_id
        return frozenset([*listed, *([] if own is None else [own])])
