"""What a task is, without its data: enough to know that two scores are of the same thing."""

from __future__ import annotations

from pydantic import Field

from corrie.records.canonical import Record, content_hash
from corrie.records.scoring import Scoring


class TaskIdentity(Record):
    """A benchmark plus a way of scoring it, named by content.

    name        what the user calls it (``math``, ``FILE.jsonl``'s stem)
    capability  what is measured (language, knowledge, math, code, reasoning, safety, …)
    source      where the data come from (``basic_skills_arithmetic/rc_5shot``, a file name)
    scoring     likelihood, choice, probability, generation, text or agreement
    chance      the score of a model that knows nothing: 1/k for k-way choice, 0 otherwise
    size        examples there are, in the fixed shuffled order
    digest      hash of the data in that order and of every setting that can change a score
    sensitive   its prompts are harmful requests: used, not printed
    """

    name: str
    capability: str
    source: str
    scoring: Scoring
    chance: float = Field(ge=0.0, lt=1.0)
    size: int = Field(gt=0)
    digest: str
    sensitive: bool = False

    @property
    def id(self) -> str:
        """Name and content: ``math-3f2a…``."""
        return f"{self.name}-{content_hash([self.name, self.scoring, self.digest])[:16]}"


class ExampleCard(Record):
    """What a report may show of one example: its id, the end of its prompt, the right answer."""

    id: str
    prompt: str
    target: str
