"""How a prompt reaches the model: as it stands, or as a user's turn through the model's chat template."""

from __future__ import annotations

from collections.abc import Iterable

from corrie.capabilities.prefix import common_beginning
from corrie.errors import TaskError
from corrie.models.reading import Reader

FRAMING_LAW = "turn-1"
"""Version of the rules by which a prompt becomes a turn."""


class Framing:
    """The chat-template switch of a task.

    Off: context and continuation are the benchmark's own text. On: the whole context, worked examples included,
    is one user's turn, and the continuation is how the assistant begins, so the one space that usually joins the
    two is dropped (deeper indentation, as in code, is kept).
    """

    def __init__(self, chat: bool) -> None:
        self.chat = chat

    def context(self, reader: Reader, text: str) -> str:
        """The context as the model gets it."""
        return reader.chat(text) if self.chat else text

    def continuation(self, text: str) -> str:
        """The continuation as the model gets it.

        >>> Framing(chat=True).continuation(" Paris"), Framing(chat=False).continuation(" Paris")
        ('Paris', ' Paris')
        """
        single_space = text[:1] == " " and not text[1:2].isspace()
        return text[1:] if self.chat and single_space else text

    def shared(self, reader: Reader, beginning: str, contexts: Iterable[str]) -> str:
        """The beginning that these framed contexts share, given the one of the bare contexts."""
        if not self.chat:
            return beginning
        framed = common_beginning(reader.chat(beginning + "a"), reader.chat(beginning + "b"))
        return framed if all(c.startswith(framed) for c in contexts) else ""

    def check(self, reader: Reader, name: str) -> None:
        """Is there a chat template where one is needed, and does it take a user's turn?

        Raises:
            TaskError: there is none, or it fails.
        """
        if not self.chat:
            return
        if not reader.has_chat_template:
            raise TaskError(
                f"task {name!r}",
                found="it asks through the chat template, and this model has none",
                advice="a chat (instruct) model, or tasks that need no template",
            )
        reader.chat("Hello")
