"""A request as a prompt: one user's turn through the chat template of a checkpoint."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from corrie.errors import TaskError

TODAY = datetime(2024, 7, 26)
"""What day and time it is in every prompt: midnight of 26 July 2024, the day that Llama's own templates print where
they are given none."""

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{6,}>")

_TRY = "tasks that need no template (-t, without --chat), or a checkpoint whose template takes one user's turn alone"


class ChatTemplate:
    """The template of a tokenizer, rendered as ``tokenizer.apply_chat_template`` would, with three differences.

    - Its clock stands still (``TODAY``): the same run asks the same tomorrow. (:func:`clock_stands` says for which
      templates that matters; it is written into the model's notes and into the tokenizer's fingerprint.)
    - Its work is counted (:mod:`corrie.models.metered_template`): a template without end is refused.
    - Whatever it raises is a :class:`~corrie.errors.TaskError`: a template that wants a system turn is refused, since a
      turn made up by us would be another prompt than the one it was trained with.

    >>> from corrie.testing.toy_models import byte_tokenizer
    >>> ChatTemplate(byte_tokenizer()).prompt("two and two?")
    '<|user|>two and two?<|end|><|assistant|>'
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._compiled: Any = None

    @property
    def there(self) -> bool:
        """Does the tokenizer have one?"""
        return bool(getattr(self._tokenizer, "chat_template", None))

    def prompt(self, request: str) -> str:
        """The request, ready for the assistant's answer.

        Raises:
            TaskError: no template, no default among several, or one that raises, has no end, or is not the same twice.
        """
        if not self.there:
            raise TaskError(
                "a chat prompt",
                found="the model's tokenizer has no chat template",
                advice="an instruct model, or a task that needs no template",
            )
        try:
            environment, template = self._template()
            text = environment.rendered(
                template,
                messages=[{"role": "user", "content": request}],
                tools=None,
                documents=None,
                add_generation_prompt=True,
                **self._tokenizer.special_tokens_map,
            )
        except TaskError:
            raise
        except Exception as problem:  # a template is somebody's program: it may raise anything
            raise TaskError("a chat prompt", found=f"the chat template fails: {_words(problem)}", advice=_TRY) from None
        if not text:
            raise TaskError("a chat prompt", found="the chat template writes nothing", advice=_TRY)
        if _ADDRESS.search(text) and not _ADDRESS.search(request):
            raise TaskError("a chat prompt", found="the chat template prints an address of the memory", advice=_TRY)
        return text

    def _template(self) -> tuple[Any, Any]:
        if self._compiled is None:
            environment = _environment()
            self._compiled = environment, environment.from_string(template_source(self._tokenizer))
        return self._compiled


def template_source(tokenizer: Any) -> str:
    """The one template, or the one named ``default`` among several.

    Raises:
        TaskError: none of several is the default, or it is no text.
    """
    source = tokenizer.chat_template
    if isinstance(source, dict):
        if "default" not in source:
            names = ", ".join(sorted(map(str, source)))
            raise TaskError(
                "a chat prompt",
                found=f"the tokenizer has several chat templates ({names}) and none is named default",
                advice="the folder with the template that is meant as its chat_template.jinja, or tasks without --chat",
            )
        source = source["default"]
    if not isinstance(source, str):
        raise TaskError("a chat prompt", found=f"the chat template is {type(source).__name__}, not text", advice=_TRY)
    return source


def clock_stands(tokenizer: Any) -> bool:
    """Does the tokenizer's template ask what day it is?

    >>> from corrie.testing.toy_models import byte_tokenizer
    >>> clock_stands(byte_tokenizer())
    False
    """
    return "strftime_now" in json.dumps(getattr(tokenizer, "chat_template", None), default=str)


def clock_note(tokenizer: Any) -> tuple[str, ...]:
    """What a reader of results must know: for templates that write the date."""
    if not clock_stands(tokenizer):
        return ()
    return (f"the chat template writes the date; in every prompt it is {TODAY.day} {TODAY:%B %Y}, 00:00",)


def _environment() -> Any:
    """What a chat template may count on (https://huggingface.co/docs/transformers/chat_templating_writing)."""
    import jinja2
    from jinja2 import nodes
    from jinja2.exceptions import SecurityError
    from jinja2.ext import Extension
    from jinja2.ext import loopcontrols as loop_controls

    from corrie.models.metered_template import MeteredEnvironment

    class Generation(Extension):
        """``{% generation %}`` marks what an assistant said: of no meaning in a prompt."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> list[nodes.Node]:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    def check(name: Any) -> None:
        if isinstance(name, str) and name.startswith("_"):
            raise SecurityError(f"it stores an attribute named {name!r}")

    class Namespace(jinja2.utils.Namespace):
        def __init__(*args: Any, **kwargs: Any) -> None:
            for name in dict(*args[1:], **kwargs):
                check(name)
            jinja2.utils.Namespace.__init__(*args, **kwargs)

        def __setitem__(self, name: str, value: Any) -> None:
            check(name)
            super().__setitem__(name, value)

    def to_json(
        value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
    ) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def raise_exception(message: Any) -> None:
        raise jinja2.TemplateError(message)

    environment = MeteredEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loop_controls])
    environment.add_filter("tojson", to_json)
    environment.globals |= {
        "raise_exception": raise_exception,
        "strftime_now": lambda form: TODAY.strftime(form),
        "namespace": Namespace,
    }
    return environment


def _words(problem: Exception) -> str:
    """One short line of what a template raised."""
    text = " ".join(str(problem).split())
    return (text if len(text) <= 200 else text[:199] + "…") or type(problem).__name__
