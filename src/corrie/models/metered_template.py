"""Templates that cannot run away: Jinja with a meter.

A chat template is a program out of a checkpoint. ``{{ 9**(9**9) }}``, three nested loops, or a text doubled forty
times would hold a scan for hours or fill the memory. A limit of time would make a refusal depend on the machine; so
work is *counted*: each round of a loop, each call of a macro and each list element is one step, and so are a hundred
characters that are made. An operation whose result can be foretold to be too large is not begun. Honest templates need
some hundred steps for a short conversation; the limits are far beyond and refuse the same templates everywhere. A clock
only stands behind them, for what the count has missed.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from types import GeneratorType
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

_STEPS = 300_000
"""Most steps of one prompt."""

SIZE = 2_000_000
"""Most characters or elements of one value, and of the prompt."""

SECONDS = 5.0
"""Most time, for what is not counted."""

_LONG = 100_000
"""Largest whole number that a call or filter may be given: a width, a count."""

_BITS = 4096
"""Longest whole number that a product or power may have."""

_AMPLIFIERS = frozenset({"indent", "tojson", "batch", "slice", "center", "wordwrap", "expandtabs", "translate"})
"""Filters and methods that may write their argument once for each piece of the value."""

_STEP, _WEIGHED = "step!", "weighed!"
"""Filters that the meter puts into a template; no template can name them itself."""


class TooMuchWork(SecurityError):
    """A template that does more than any conversation needs."""


class Meter:
    """What one rendering has spent."""

    def __init__(self) -> None:
        self._spent = 0.0
        self._until = time.monotonic() + SECONDS

    def spend(self, steps: float) -> None:
        self._spent += steps
        if self._spent > _STEPS or time.monotonic() > self._until:
            raise TooMuchWork("it runs on and on")

    def weigh(self, value: Any) -> Any:
        """The value, paid for."""
        if isinstance(value, str):
            self.spend(len(_fitting(value)) / 100)
        elif isinstance(value, list | tuple | dict | range):
            self.spend(_elements(value))
        else:
            self.spend(0.1)
        return value

    def weighing(self, values: Iterator[Any]) -> Iterator[Any]:
        """The same values, each paid for as it comes."""
        for value in values:
            self.spend(1)
            yield self.weigh(value)


def _fitting(value: str) -> str:
    if len(value) > SIZE:
        raise TooMuchWork("it makes a text without end")
    return value


def _elements(value: Any) -> float:
    """Elements of a nested list, each as often as it would be printed; a hundred characters count as one."""
    total, waiting = 0.0, [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            total += len(item) / 100
        elif isinstance(item, range):
            total += len(item)
        elif isinstance(item, dict):
            total += 1
            waiting += [*item, *item.values()]
        elif isinstance(item, list | tuple):
            total += 1
            waiting += item
        else:
            total += 1
        if total > _STEPS or len(waiting) > SIZE:
            raise TooMuchWork("it makes a list without end")
    return total


class MeteredEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox that transformers renders chat templates in, with a meter.

    >>> environment = MeteredEnvironment()
    >>> environment.render("{{ x }}{% for i in range(3) %}{{ i }}{% endfor %}", x="a")
    'a012'
    >>> environment.render("{{ 9**(9**9) }}")
    Traceback (most recent call last):
    corrie.models.metered_template.TooMuchWork: it makes a number without end
    """

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, **options: Any) -> None:
        super().__init__(finalize=lambda value: self.meter.weigh(value), optimized=False, **options)
        self.meter = Meter()
        for name, run in list(self.filters.items()):
            self.filters[name] = self._metered(name, run)
        del self.globals["lipsum"]
        self.filters["random"] = _no_chance
        self.filters[_STEP] = lambda steps: self.meter.spend(steps)
        self.filters[_WEIGHED] = lambda value: self.meter.weigh(value)

    def add_filter(self, name: str, run: Callable[..., Any]) -> None:
        """A filter more, metered as the others."""
        self.filters[name] = self._metered(name, run)

    def render(self, source: str, /, **given: Any) -> str:
        """The template's text.

        Raises:
            TooMuchWork: more than ``STEPS`` steps, or a value larger than ``SIZE``.
            Exception: whatever else a template raises.
        """
        return self.rendered(self.from_string(source), **given)

    def rendered(self, template: jinja2.Template, /, **given: Any) -> str:
        """The text of a template that is compiled already."""
        self.meter = Meter()
        parts, length = [], 0
        for part in template.generate(**given):
            length += len(part)
            self.meter.spend(len(part) / 100)
            if length > SIZE:
                raise TooMuchWork("it makes a text without end")
            parts.append(part)
        return "".join(parts)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return _Steps().visit(super()._parse(source, name, filename))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator in "**":
            _check_product(left, right, power=operator == "**")
        elif operator == "%" and isinstance(left, str):
            _check_format(left, right if isinstance(right, tuple) else (right,))
        return self.meter.weigh(super().call_binop(context, operator, left, right))

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, str) and attribute in ("format", "format_map"):
            _check_format(obj, ())
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, str) and argument in ("format", "format_map"):
            _check_format(obj, ())
        return super().getitem(obj, argument)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        value = getattr(__obj, "__self__", None)
        name = getattr(__obj, "__name__", "")
        given = [*args, *kwargs.values()]
        if isinstance(value, str):
            _check_call(name, value, given)
            if name == "join":
                args = tuple(__self._counted(a) for a in args)
        elif not isinstance(value, dict | list | tuple):
            _check_numbers(given)
        __self.meter.spend(1)
        return __self.meter.weigh(super().call(__context, __obj, *args, **kwargs))

    def _metered(self, name: str, run: Callable[..., Any]) -> Callable[..., Any]:
        place = 1 if hasattr(run, "jinja_pass_arg") else 0

        @functools.wraps(run)
        def metered(*args: Any, **kwargs: Any) -> Any:
            value, given = args[place] if len(args) > place else None, [*args[place + 1 :], *kwargs.values()]
            if name == "format" and isinstance(value, str):
                _check_format(value, given)
            _check_call(name, value, given)
            self.meter.spend(1)
            args = (*args[:place], *(self._counted(a) for a in args[place:]))
            return self.meter.weigh(self._counted(run(*args, **kwargs)))

        return metered

    def _counted(self, value: Any) -> Any:
        """An iterator whose values are paid for; anything else is paid for at once."""
        return self.meter.weighing(value) if isinstance(value, GeneratorType | map) else self.meter.weigh(value)


class _Steps(NodeTransformer):
    """Puts a step into every body that may run often, and weighs what no operator makes."""

    def visit_For(self, node: nodes.For, *args: Any, **kwargs: Any) -> nodes.For:
        self.generic_visit(node)
        cost = 1 + _written(node) / 100
        if node.test is not None:  # a round that the loop's filter leaves out costs as much
            step = nodes.Not(_filter(nodes.Const(1), _STEP))
            node.test = nodes.And(step, node.test).set_lineno(node.lineno)
        node.body.insert(0, _step(cost, node.lineno))
        return node

    def visit_Macro(self, node: nodes.Macro, *args: Any, **kwargs: Any) -> nodes.Macro:
        self.generic_visit(node)
        node.body.insert(0, _step(1 + _written(node) / 100, node.lineno))
        return node

    def visit_CallBlock(self, node: nodes.CallBlock, *args: Any, **kwargs: Any) -> nodes.CallBlock:
        self.generic_visit(node)
        node.body.insert(0, _step(1 + _written(node) / 100, node.lineno))
        return node

    def visit_AssignBlock(self, node: nodes.AssignBlock, *args: Any, **kwargs: Any) -> nodes.AssignBlock:
        self.generic_visit(node)
        node.filter = _filter(node.filter, _WEIGHED)
        node.filter.set_lineno(node.lineno)
        return node

    def _weighed(self, node: nodes.Expr, *args: Any, **kwargs: Any) -> nodes.Node:
        self.generic_visit(node)
        return node if getattr(node, "ctx", "load") != "load" else _filter(node, _WEIGHED).set_lineno(node.lineno)

    visit_Concat = visit_List = visit_Tuple = visit_Dict = _weighed


def _filter(node: nodes.Expr | None, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None)


def _step(cost: float, line: int) -> nodes.Node:
    return nodes.ExprStmt(_filter(nodes.Const(cost), _STEP)).set_lineno(line, override=True)


def _written(node: nodes.Node) -> int:
    """Characters of plain text below a node."""
    return sum(len(data.data) for data in node.find_all(nodes.TemplateData))


def _no_chance(*_: Any) -> Any:
    raise SecurityError("it draws at random, and a prompt must be the same each time")


def _check_product(left: Any, right: Any, *, power: bool) -> None:
    for value, times in ((left, right), (right, left)):
        if isinstance(value, str | list | tuple) and isinstance(times, int):
            length = len(value) / 100 if isinstance(value, str) else _elements(value)
            if length * times > SIZE / 100:
                raise TooMuchWork("it makes a text without end")
    if isinstance(left, int) and isinstance(right, int):
        bits = abs(left).bit_length() * abs(right) if power else abs(left).bit_length() + abs(right).bit_length()
        if bits > _BITS:
            raise TooMuchWork("it makes a number without end")


def _check_numbers(given: Any) -> None:
    if any(isinstance(v, int) and abs(v) > _LONG for v in given):
        raise TooMuchWork("it asks for a width or count without end")


def _check_format(form: str, given: Any) -> None:
    digits = "".join(c if c.isdigit() else " " for c in form)
    if any(len(run.lstrip("0")) > 5 for run in digits.split()) or ("{" in form and ":{" in form.replace(" ", "")):
        raise TooMuchWork("it asks for a width without end")
    if "*" in form:
        _check_numbers(given)


def _check_call(name: str, value: Any, given: list[Any]) -> None:
    """Refuse what would make far more than it is given."""
    if name not in ("int", "default", "d", "abs", "float", "string", "filesizeformat"):
        _check_numbers(given)
    if not isinstance(value, str | list | tuple | dict):
        return
    widths = [len(v) if isinstance(v, str) else abs(v) for v in given if isinstance(v, str | int)]
    if name == "replace" and len(given) > 1 and isinstance(value, str):
        made = value.count(str(given[0])) * len(str(given[1]))
    elif name == "join" and isinstance(value, str):  # the method: its own text between the pieces
        made = max((len(g) for g in given if isinstance(g, list | tuple)), default=1) * len(value)
    elif name == "join":
        made = len(value) * max(widths, default=0)
    elif name in _AMPLIFIERS:
        made = len(value) * max(widths, default=1) if name != "center" else max(widths, default=1)
    else:
        return
    if made > SIZE:
        raise TooMuchWork("it makes a text without end")
