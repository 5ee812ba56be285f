"""Signal handlers that raise, kept out of the moments in which weights are being put back.

Python runs signal handlers in the main thread, between any two steps of the program: one that raises (Ctrl-C, an alarm
that ends a cell of a notebook) can cut the copying back of weights in two. Blocking signals for the thread is not
enough, for the kernel may give a signal to another thread and Python still runs its handler here. So the handlers
themselves are replaced for a while, and what arrived is raised afterwards.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import ContextDecorator
from types import FrameType
from typing import Any, Generic, TypeVar

import torch

T = TypeVar("T")
_SIGNALS = tuple(signal.Signals)


class Uninterrupted:
    """``with Uninterrupted():`` no signal handler runs inside; those that are due run at the end.

    In other threads than the main one there is nothing to hold: Python runs no handlers there.

    >>> before = signal.signal(signal.SIGINT, lambda number, frame: print("received"))
    >>> with Uninterrupted():
    ...     signal.raise_signal(signal.SIGINT)
    ...     print("done")
    done
    received
    >>> _ = signal.signal(signal.SIGINT, before)
    """

    def __init__(self) -> None:
        self._handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}
        self._pending: list[int] = []
        self._holds = False

    def watch(self) -> None:
        """Stand before every handler; none is held back yet, but inside :meth:`Lent.__exit__`."""
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                handler = signal.getsignal(number)
                if callable(handler) and not self._hears(number, handler):
                    self._handlers[number] = handler
                    signal.signal(number, self._receive)

    def hold(self) -> None:
        """From here on no handler runs."""
        self._holds = True

    def leave(self) -> None:
        """Put the handlers back, then run those that are due."""
        try:
            try:
                self._put_back()
            except BaseException:  # one that was put back has raised already
                self._put_back()
                raise
        finally:
            self._holds = False
            self._raise_due()

    def _put_back(self) -> None:
        for number, handler in self._handlers.items():
            if signal.getsignal(number) == self._receive:
                signal.signal(number, handler)

    def _hears(self, number: int, handler: Any) -> bool:
        """Whether what ``handler`` is given comes here, by way of others of this kind perhaps."""
        while isinstance(other := getattr(handler, "__self__", None), Uninterrupted):
            if other is self:
                return True
            handler = other._handlers[number]
        return False

    def _raise_due(self) -> None:
        while self._pending:
            try:
                signal.raise_signal(self._pending.pop())
            finally:
                self._raise_due()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._holds or _gives_back(frame):
            if number not in self._pending:
                self._pending.append(number)
        else:
            self._handlers[number](number, frame)

    def __enter__(self) -> None:
        try:
            self.hold()
            self.watch()
        except BaseException:
            self.leave()
            raise

    def __exit__(self, *_: object) -> None:
        self.leave()


class Lent(ContextDecorator, Generic[T]):
    """A context manager whose way back is always gone, whatever signal handlers raise and whenever.

    A handler may raise in the body and while ``take`` runs, and ``give_back`` follows; in the way back, its first step
    included, handlers wait. What else fails there is tried once more before it is raised. An exception may also have
    cut torch's own ``no_grad`` in two; gradients are recorded afterwards as they were before.

    Args:
        take: what entering does; its result is what ``as`` names.
        give_back: undoes it, also where ``take`` failed half-way; harmless when done twice.

    >>> with Lent(lambda: "on loan", lambda: print("back")) as word:
    ...     print(word)
    on loan
    back
    """

    def __init__(self, take: Callable[[], T], give_back: Callable[[], object]) -> None:
        self._take = take
        self._give_back = give_back
        self._signals = Uninterrupted()
        self._gradients = True

    def _recreate_cm(self) -> Lent[T]:
        return Lent(self._take, self._give_back)

    def __enter__(self) -> T:
        self._gradients = torch.is_grad_enabled()
        try:
            self._signals.watch()
            return self._take()
        except BaseException as why:
            self.__exit__(type(why))
            raise

    def __exit__(self, kind: type[BaseException] | None = None, *_: object) -> None:
        signals = self._signals
        signals.hold()
        try:
            signals.watch()  # also handlers that the body has set
            try:
                self._give_back()
            except BaseException:
                self._give_back()
                raise
            finally:
                if kind is not None:
                    torch.set_grad_enabled(self._gradients)
        finally:
            signals.leave()


def _gives_back(frame: FrameType | None) -> bool:
    """Whether a way back has begun: before its first step was done nothing else could tell."""
    while frame is not None:
        if frame.f_code is Lent.__exit__.__code__:
            return True
        frame = frame.f_back
    return False
