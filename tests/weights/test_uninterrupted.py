"""Whatever a signal handler raises, and whenever: weights are what they were, to the bit."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import FrameType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from corrie.optim import GO
from corrie.records.direction import Gaussian
from corrie.records.point import Point
from corrie.weights.perturbed import perturbed
from corrie.weights.uninterrupted import Lent, Uninterrupted

Context = Callable[[nn.Module], AbstractContextManager[Any]]


class Alarm(Exception):
    """What a handler raises; not a KeyboardInterrupt."""


def small() -> nn.Module:
    return nn.Sequential(*(nn.Linear(3, 3) for _ in range(3)))


def by_point(module: nn.Module) -> AbstractContextManager[Any]:
    return perturbed(module, Point.along(Gaussian(seed=0), 0.1))


def by_go(module: nn.Module) -> AbstractContextManager[Any]:
    return GO(torch.optim.SGD(module.parameters(), lr=0.1), sigma=0.1).perturbed()


def by_go_in_place(module: nn.Module) -> AbstractContextManager[Any]:
    return GO(torch.optim.SGD(module.parameters(), lr=0.1), sigma=0.1, in_place=True).perturbed()


EVERY = pytest.mark.parametrize("context", [by_point, by_go, by_go_in_place])


def values(module: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in module.parameters()]


def same(module: nn.Module, before: list[Tensor]) -> bool:
    return all(torch.equal(p, b) for p, b in zip(module.parameters(), before, strict=True))


@pytest.fixture
def alarm() -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise Alarm

    before = signal.signal(signal.SIGTERM, ring)
    yield
    assert signal.getsignal(signal.SIGTERM) is ring, "the handler was not put back"
    signal.signal(signal.SIGTERM, before)


@EVERY
def test_an_alarm_at_any_line(context: Context, alarm: None) -> None:
    """A signal at the k-th line of corrie's that runs, for every k (also in the way back), until none is left."""
    module = small()
    before = values(module)
    rung = moment = 0
    while True:
        seen, fired = 0, False

        def trace(frame: FrameType, event: str, argument: Any, moment: int = moment) -> Any:
            nonlocal seen, fired
            name = frame.f_code.co_filename
            if fired or "corrie" not in name or "test_" in name or "<" in frame.f_code.co_name:
                return trace
            seen += 1
            if seen > moment:
                fired = True
                signal.raise_signal(signal.SIGTERM)
            return trace

        try:
            sys.settrace(trace)
            with context(module):
                pass
        except Alarm:
            rung += 1
        finally:
            sys.settrace(None)
        assert same(module, before), f"moved for good by an alarm at step {moment}"
        if not fired:
            break
        moment += 1 + moment // 40
    assert rung > 30
    with context(module):
        assert not same(module, before), "nothing moves any more: the test says nothing"


@EVERY
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers of this kind here")
def test_a_storm_of_alarms(context: Context) -> None:
    def ring(number: int, frame: FrameType | None) -> None:
        raise Alarm

    module = small()
    before = values(module)
    old = signal.signal(signal.SIGALRM, ring)
    rung = 0
    try:
        for attempt in range(150):
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-4 + 1e-5 * attempt)
                with context(module):
                    pass
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Alarm:
                rung += 1
            assert same(module, before)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
        torch.set_grad_enabled(True)  # an alarm before the context was entered may have cut torch's own no_grad in two
    assert rung > 5


@EVERY
@pytest.mark.parametrize("recorded", [True, False])
def test_an_exception_that_cut_no_grad_in_two(context: Context, recorded: bool) -> None:
    def alarmed() -> None:
        torch.set_grad_enabled(not recorded)
        raise Alarm

    with torch.set_grad_enabled(recorded):
        with pytest.raises(Alarm), context(small()):
            alarmed()
        assert torch.is_grad_enabled() == recorded


def test_a_body_that_ends_may_change_whether_gradients_are_recorded() -> None:
    with Lent(lambda: None, lambda: None):
        torch.set_grad_enabled(False)
    recorded = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    assert not recorded


@pytest.mark.parametrize("fails", range(7))
def test_a_copy_that_fails_once_is_done_again(fails: int, monkeypatch: pytest.MonkeyPatch) -> None:
    module = small()
    before = values(module)
    copies, genuine = 0, Tensor.copy_

    def copy(self: Tensor, *given: Any) -> Tensor:
        nonlocal copies
        copies += 1
        if copies == fails + 1:
            raise Alarm
        return genuine(self, *given)

    loan = by_point(module)
    loan.__enter__()
    monkeypatch.setattr(Tensor, "copy_", copy)
    if fails < 6:
        with pytest.raises(Alarm):
            loan.__exit__(None, None, None)
    else:
        loan.__exit__(None, None, None)
    assert same(module, before)


@pytest.mark.parametrize("fails", range(6))
def test_a_second_restore_finishes_the_work(fails: int, monkeypatch: pytest.MonkeyPatch) -> None:
    module = small()
    before = values(module)
    go = GO(torch.optim.SGD(module.parameters(), lr=0.1), sigma=0.1, in_place=True)
    go.perturb()
    copies, genuine = 0, Tensor.copy_

    def copy(self: Tensor, *given: Any) -> Tensor:
        nonlocal copies
        copies += 1
        if copies == fails + 1:
            raise Alarm
        return genuine(self, *given)

    monkeypatch.setattr(Tensor, "copy_", copy)
    with pytest.raises(Alarm):
        go.restore()
    assert go.is_perturbed
    assert not same(module, before)
    go.restore()
    assert same(module, before)
    assert not go.is_perturbed


def test_the_body_is_interrupted_at_once(alarm: None) -> None:
    reached: list[str] = []

    def body() -> None:
        with by_point(small()):
            signal.raise_signal(signal.SIGTERM)
            reached.append("the end")

    with pytest.raises(Alarm):
        body()
    assert not reached


def test_a_handler_that_the_body_sets_waits_too() -> None:
    heard: list[str] = []
    before = signal.getsignal(signal.SIGTERM)

    def give_back() -> None:
        signal.raise_signal(signal.SIGTERM)
        heard.append("back")

    with Lent(lambda: None, give_back):
        signal.signal(signal.SIGTERM, lambda *_: heard.append("received"))
    signal.signal(signal.SIGTERM, before)
    assert heard == ["back", "received"]


def test_every_handler_that_is_due_runs(alarm: None) -> None:
    heard: list[str] = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append("interrupt"))

    def both() -> None:
        with Uninterrupted():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            heard.append("end")

    with pytest.raises(Alarm):
        both()
    signal.signal(signal.SIGINT, before)
    assert heard == ["end", "interrupt"]


@pytest.mark.parametrize("first", [by_point, by_go])
@pytest.mark.parametrize("second", [by_point, by_go])
def test_two_threads_on_one_model(first: Context, second: Context) -> None:
    module = small()
    before = values(module)
    found: list[BaseException | None] = []

    def other() -> None:
        try:
            with second(module):
                found.append(None)
        except Exception as error:
            found.append(error)

    with first(module):
        moved = values(module)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert same(module, moved)
    assert same(module, before)
    assert "moving the weights of a model" in str(found[0])
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert found[1] is None
    assert same(module, before)


def test_two_threads_on_one_go() -> None:
    module = small()
    go = GO(torch.optim.SGD(module.parameters(), lr=0.1), sigma=0.1)
    found: list[str] = []

    def other() -> None:
        try:
            with go.perturbed():
                pass
        except Exception as error:
            found.append(str(error))

    with go.perturbed():
        moved = values(module)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert same(module, moved)
        assert go.is_held
    assert "moving the weights of a model" in found[0]


def test_one_thread_may_nest() -> None:
    module = small()
    before = values(module)
    with by_point(module):
        once = values(module)
        with by_go(module):
            assert not same(module, once)
        assert same(module, once)
    assert same(module, before)
