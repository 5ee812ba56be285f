"""How a score bears changed prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from corrie.errors import InputError
from corrie.questions.question import BaseQuestion
from corrie.questions.term import Term
from corrie.questions.terms import BlockSize

if TYPE_CHECKING:
    from corrie.records.input_spec import InputNoise


def _a_kernel(text: str) -> InputNoise:
    from corrie.records.input_spec import parse_noise

    return parse_noise(text)


@dataclass(frozen=True, kw_only=True)
class InputQuestion(BaseQuestion):
    """What a model that reads its prompts through noise scores, whatever is done to so much of each prompt."""

    kernel: Annotated[
        str,
        Term(
            "absorbing:P (each token becomes the mask token with probability P), uniform:P (another token), or "
            "embedding:SIGMA (Gaussian noise on each token's vector).",
            _a_kernel,
        ),
    ] = "absorbing:0.5"
    draws: Annotated[int, Term("Noise draws that certify, of every prompt.")] = 100
    selection: Annotated[int, Term("Noise draws before them that only sort the examples into groups.")] = 10
    confidence: Annotated[float, Term("Of the statement.")] = 0.95
    change: Annotated[
        float | None,
        Term(
            "The change it is judged at: tokens replaced in each prompt (default 1), or L2 norm over each prompt "
            "(default SIGMA). The draws serve all changes."
        ),
    ] = None
    mask: Annotated[
        str | None,
        Term(
            "The token that masks: its id, or a text of one token. Default: the tokenizer's mask, unknown, padding or "
            "end token, the first it has."
        ),
    ] = None
    block: BlockSize = 10

    def check(self) -> None:
        """Numbers of draws, and a change and a mask that the kernel knows."""
        from corrie.records.input_spec import check_change, check_terms

        check_terms(self.draws, self.selection, self.confidence)
        if self.change is not None:
            check_change(self.noise, self.change)
        if self.mask is not None and self.noise.kind != "absorbing":
            raise InputError(f"mask {self.mask!r}", found=f"the kernel {self.noise} puts none", advice="absorbing:0.5")

    @property
    def noise(self) -> InputNoise:
        """The kernel, read."""
        return _a_kernel(self.kernel)
