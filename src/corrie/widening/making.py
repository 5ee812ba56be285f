"""A widened model from a model, in one resumable go.

    text → measure before → balance → σ → steps → weights → measure after → what it did

Until all of it is there the work lies beside its place under a hidden name (:mod:`corrie.models.unfinished`): the text,
the run that measures before, where the steps stand, the weights, the run that measures after. The same question goes on
after a stop or a kill, and ends in the same weights. The given model is its own teacher and is not touched: what is
trained is a copy.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from corrie.analysis.landscape import Landscape
from corrie.analysis.whole_file import write_whole
from corrie.analysis.widening import AtRest, Balance, Spent, Widening, rounded_weights, widened_tasks
from corrie.capabilities.agreement import AgreementTask
from corrie.errors import InputError
from corrie.models.load import load
from corrie.models.model import Model
from corrie.models.unfinished import Unfinished, refuse_others
from corrie.models.write import write_trained
from corrie.questions.widening import WideningQuestion
from corrie.records.canonical import Record, content_hash
from corrie.scanning.first_answer import Asked
from corrie.scanning.watch import Watch
from corrie.sources.packages import Say, silent
from corrie.weights.available import available_memory
from corrie.weights.fingerprint import fingerprint
from corrie.weights.selection import named_parameters
from corrie.weights.tensor_writer import write_tensors
from corrie.widening.balance import balanced
from corrie.widening.course import Course
from corrie.widening.descent import SmoothedDescent
from corrie.widening.equivalents import rescalings_of
from corrie.widening.kept_state import KeptState
from corrie.widening.labelled import Labelled
from corrie.widening.lessons import USUAL_ROOM, Lessons
from corrie.widening.loggers import check_loggers, logged
from corrie.widening.measuring import (
    at_rest,
    landscape_of,
    measured_tasks,
    moved,
    radius_of_agreement,
    rounded_landscape,
)
from corrie.widening.own_writing import own_writing
from corrie.widening.sensitivity import sensitivity
from corrie.widening.student import Student
from corrie.widening.texts import Text, name_of, windows_of

_TEXT, _BALANCE, _COURSE, _TRAINED = "text.safetensors", "balance.json", "course.json", "trained.json"
_LOG = "log"
"""Where loggers put their files, beside the weights."""

_STEPS = "steps.csv"
"""Every step's σ, learning rate and loss: it stays beside the weights."""

_READINGS = 32
"""Batches by which it is measured how much noise on each weight costs."""

_TELL_EVERY = 10.0
"""Seconds between two words about the steps."""

_LAST = 10
"""The loss that is told is the mean of the last tenth of the steps."""


class Measured(NamedTuple):
    """What was seen of a model: its radii, and what rounding its weights does."""

    radii: Landscape
    rounded: Landscape


class Trained(Record):
    """What a finished run of steps leaves beside its weights.

    loss      mean over the last tenth of the steps
    trained   which tensors, in words
    spent     steps, tokens and time
    balance   what was done to the weights first
    """

    loss: float
    trained: str
    spent: Spent
    balance: Balance | None = None


@dataclass(frozen=True)
class Making:
    """A question that fits a model, its texts and tasks.

    model      the base, and the teacher unless there is another
    question   how
    rows       what is read, shape (windows, tokens); None: what the model writes itself
    text       its name
    tasks      what is measured, agreement first; none: nothing is
    labelled   what is learned beside; None: nothing is
    log        loggers that are notified of every step, as a Trainer names them
    other      the teacher, where it is not the model itself
    """

    model: Model
    question: WideningQuestion
    rows: Tensor | None
    text: str
    tasks: tuple[Asked, ...]
    labelled: Labelled | None = None
    log: tuple[str, ...] = ()
    other: Model | None = None
    engine: str = "serial"
    watch: Watch | None = None
    say: Say = silent

    @classmethod
    def of(
        cls,
        model: Model,
        question: WideningQuestion,
        texts: Sequence[Text] = (),
        tasks: Sequence[Asked] = (),
        labelled: Sequence[Asked] = (),
        *,
        teacher: Model | None = None,
        log: Sequence[str] = (),
        say: Say = silent,
        **how: Any,
    ) -> Making:
        """Check that everything fits, before anything is written.

        Raises:
            InputError: weights that are not float32; no text, or texts shorter than a window; fewer texts than a step
                takes; labelled examples that are harmful requests; a teacher that reads other tokens; a logger that is
                unknown or not installed.
            TaskError: a tokenizer that knows no beginning of a text, where the model is to write one; a labelled task
                whose answers are judged or have no token, or that this model cannot be asked.
            FetchError: texts of tasks cannot be had.
        """
        if model.identity.dtype != "float32":
            raise InputError(
                f"widening {model.identity.name} in {model.identity.dtype}",
                found="small updates of the weights are lost in it",
                advice="--dtype float32",
            )
        if teacher is not None and teacher.identity.tokenizer != model.identity.tokenizer:
            raise InputError(
                f"widening {model.identity.name} by the teacher {teacher.identity.name}",
                found="their tokenizers differ, so what one says is nothing that the other can say",
                advice="the model that this one was made from",
            )
        check_loggers(log)
        rows = windows_of(model, texts, question.window) if texts else None
        if rows is None:
            model.encoder.prompt("", False, question.window)
        count = question.written if rows is None else len(rows)
        if count < question.windows:
            raise InputError(
                f"{question.windows} windows a step",
                found=f"there are {count} of {question.window} tokens",
                advice="more --text, a smaller --window, or fewer --windows",
            )
        measured = measured_tasks(tasks, say) if question.measure else ()
        text = ", ".join(map(name_of, texts)) if texts else "the model's own writing"
        learned = Labelled.of(model, labelled, question.windows, question.seed) if labelled and question.mix else None
        return cls(model, question, rows, text, measured, learned, tuple(log), teacher, say=say, **how)

    @property
    def teacher(self) -> Model:
        """What the student is to say the same as."""
        return self.other or self.model

    @property
    def identity(self) -> str:
        """A hash of all that is asked."""
        return content_hash(
            {
                "widen": self.model.identity.canonical(),
                "how": self.question.terms("mix"),
                "text": "own" if self.rows is None else fingerprint({"rows": self.rows}),
                "tasks": [[task.identity.id, limit] for task, limit in self.tasks],
                **({} if self.other is None else {"teacher": self.other.identity.canonical()}),
                **({} if self.labelled is None else {"mix": self.question.mix, "labelled": self.labelled.asked}),
            }
        )

    def make(self, out: Path) -> Widening:
        """The widened model in ``out``, and what it is.

        Raises:
            InputError: something is at ``out`` that is not this question's answer; a budget too small for a step.
            ModelError: the model has no radius of agreement, or the steps leave the range of numbers.
            StorageError: the disk refuses.
        """
        began = time.monotonic()
        refuse_others(out)
        place = Unfinished(out, self.identity)
        place.refuse_others()
        if place.whole:
            self.say(f"{out} is the answer to this very question already.")
            return Widening.read(out)
        if not (place.begun and Widening.lies_in(place.work)):
            self._work(place, began)
        for left in (_TEXT, _BALANCE, _COURSE, _TRAINED):
            (place.work / left).unlink(missing_ok=True)
        KeptState(place.work).remove()
        place.finish()
        return Widening.read(out)

    def _work(self, place: Unfinished, began: float) -> None:
        """All that the folder is to hold, from where it stands; last of all what it did."""
        before = self._measured(self.model, place.work / "before") if place.begun else self._train(place, began)
        trained = Trained.parse((place.work / _TRAINED).read_text("utf-8"))
        course = Course.parse((place.work / _COURSE).read_text("utf-8"))
        widened = self._loaded(place.work, place.out)
        after = self._measured(widened, place.work / "after")
        self._told(widened, course, trained, before, after).keep(place.work)

    # -- the steps -------------------------------------------------------------------------------------------------

    def _train(self, place: Unfinished, began: float) -> Measured | None:
        """All steps, from where they stand; the weights lie in the work folder afterwards. What was measured before."""
        asked = self.question
        student = Student.of(self.model, asked.patterns, asked.lora, asked.seed)
        rehearsed = self._seconds_of_a_step(student)
        if place.work.is_dir():
            self.say("Going on with what the same command left unfinished.")
        place.work.mkdir(parents=True, exist_ok=True)
        rows = self._rows(place.work)
        measuring = time.monotonic()
        before = self._measured(self.model, place.work / "before")
        measuring = time.monotonic() - measuring
        state = KeptState(place.work)
        balance = self._balanced(student, rows, place.work, done=state.there)
        course = self._course(place.work, before, rehearsed, time.monotonic() - began + measuring, balance)
        once = course.steps <= len(rows) // course.windows
        room = 0 if once else self._room()
        lessons = Lessons(self.teacher.module, rows, course.windows, course.seed, room)
        run = SmoothedDescent(student.trained, course, student.moved)
        if state.read(run):
            self.say(f"Step {run.done} of {course.steps} was kept.")
        self._follow(run, lessons, student, state, place.work / _LOG)
        last = run.losses[-max(1, course.steps // _LAST) :]
        told = Trained(
            loss=sum(last) / max(1, len(last)),
            trained=str(student),
            spent=Spent(
                steps=course.steps,
                tokens=sum(self._tokens(lessons, course, step) for step in range(course.steps)),
                seconds=run.seconds,
                cpu=run.cpu,
            ),
            balance=balance,
        )
        _write(place.work / _TRAINED, told)
        write_whole(place.work / _STEPS, lambda new: new.write_text(steps_table(run), "utf-8"))
        write_trained(self.model, student.whole(place.work), place.work, place.question)
        return before

    def _balanced(self, student: Student, rows: Tensor, work: Path, done: bool) -> Balance | None:
        """Move factors between the student's weights; the same ones whenever the same question comes here. Where it is
        done, in the weights that are kept, what it did is only read.
        """
        asked, file = self.question, work / _BALANCE
        if not asked.balances:
            return None
        if done and file.is_file():
            return Balance.parse(file.read_text("utf-8"))
        rescalings = [
            r
            for r in rescalings_of(student.module, self.model.text_config, rows[: asked.windows])
            if all(side.tensor in student.trained for side in r.sides)
        ]
        if not rescalings:
            self.say("No rescaling of these tensors is known that leaves the function: nothing to balance.")
            return None
        costs = sensitivity(
            student.module, student.moved, rows, size=asked.windows, readings=_READINGS, seed=asked.seed
        )
        weights = named_parameters(student.module)
        factors, found = balanced(rescalings, weights, costs)
        for rescaling, its in zip(rescalings, factors, strict=True):
            rescaling.apply(weights, its)
        _write(file, found)
        self.say(f"Balanced: {found}.")
        return found

    def _follow(self, run: SmoothedDescent, lessons: Lessons, student: Student, state: KeptState, folder: Path) -> None:
        course, said = run.course, time.monotonic()
        began, first, steps = said, run.done, course.steps
        tokens = sum(self._tokens(lessons, course, step) for step in range(first))
        shown = {"max_steps": steps, "learning_rate": course.rate, "seed": course.seed}
        with logged(self.log, folder, self.identity[:16], student.module, shown) as log:
            while (step := run.done) < steps:
                sigma = run.sigma
                loss = run.step(self._loss(lessons, student, step))
                tokens += self._tokens(lessons, course, step)
                rate = course.rate * course.rate_share(step)
                log.step(run.done, loss=loss, sigma=sigma, learning_rate=rate, tokens=tokens)
                now = time.monotonic()
                if now - said >= _TELL_EVERY:
                    left = _about((now - began) / (run.done - first) * (steps - run.done))
                    self.say(f"Step {run.done} of {steps}, σ {sigma:.3g}: {loss:.4g} nats a token, {left} left")
                    said = now
                if state.is_due and run.done < steps:
                    state.write(run)

    def _loss(self, lessons: Lessons, student: Student, step: int) -> Callable[[], Tensor]:
        """The divergence on a step's text, and what labelled examples add to it."""
        divergence = lessons.loss(student.module, step)
        if self.labelled is None:
            return divergence
        of_examples, mix = self.labelled.loss(student.module, step), self.question.mix
        return lambda: divergence() + mix * of_examples()

    def _tokens(self, lessons: Lessons, course: Course, step: int) -> int:
        """Read in a step, every pass counted."""
        beside = 0 if self.labelled is None else self.labelled.tokens(step)
        return course.passes * (lessons.tokens + beside)

    def _seconds_of_a_step(self, student: Student) -> float:
        """How long a step takes; a budget that is too small for one is refused, before anything is written."""
        if self.question.seconds is None:
            return 0.0
        some = torch.zeros((self.question.windows, self.question.window), dtype=torch.long)
        course = self._terms(steps=1, sigma=0.0)
        run = SmoothedDescent(student.trained, course, student.moved)
        took = run.rehearse(self._loss(Lessons(self.teacher.module, some, course.windows, room=0), student, 0))
        if self.question.seconds < took:
            raise self._too_small(f"a step takes {_about(took)}", took)
        return took

    def _course(
        self, work: Path, before: Measured | None, rehearsed: float, spent: float, balance: Balance | None
    ) -> Course:
        """What the run was begun with; else what is asked for, now that radius and times are known."""
        file = work / _COURSE
        if file.is_file():
            return Course.parse(file.read_text("utf-8"))
        asked = self.question
        sigma = 0.0 if asked.steps == 0 else asked.sigma
        if sigma is None:
            if before is None:
                raise TypeError("a question that was not checked")
            radius = radius_of_agreement(before.radii, self.tasks[0][0].identity.name)
            wider = 1.0 if balance is None else balance.gain
            sigma = float(f"{asked.factor * radius * wider:.6g}")
            more = f" ({wider:.2f} times as large once balanced)" if balance else ""
            self.say(
                f"Its radius of agreement is σ = {radius:.3g}{more}: noise of σ = {sigma:.3g}, {asked.factor:g} times."
            )
        steps = asked.steps
        if steps is None:
            seconds = asked.seconds or 0.0
            steps = int((seconds - spent) / rehearsed)
            if steps < 1:
                shutil.rmtree(work, ignore_errors=True)  # it is of use to this question alone
                raise self._too_small(
                    f"text and measuring take {_about(spent)}, and a step {_about(rehearsed)}", spent + rehearsed
                )
        course = self._terms(steps=steps, sigma=sigma)
        _write(file, course)
        if steps:
            self.say(
                f"{steps} steps at σ up to {sigma:.3g}" + (f": {_about(steps * rehearsed)}." if rehearsed else ".")
            )
        return course

    def _terms(self, *, steps: int, sigma: float) -> Course:
        asked = self.question
        return Course(
            steps=steps,
            sigma=sigma,
            rate=asked.rate,
            pairs=asked.pairs,
            anchor=asked.anchor,
            mix=0.0 if self.labelled is None else asked.mix,
            windows=asked.windows,
            seed=asked.seed,
        )

    def _too_small(self, found: str, needed: float) -> InputError:
        seconds = self.question.seconds or 0.0
        return InputError(
            f"budget {_about(seconds)}", found=found, advice=f"--budget {max(1, round(2 * needed))}s, or more"
        )

    def _rows(self, work: Path) -> Tensor:
        """What is read; what the model writes itself is written once and kept."""
        if self.rows is not None:
            return self.rows
        from safetensors.torch import load_file

        file, asked = work / _TEXT, self.question
        if not file.is_file():
            self.say(f"It writes {asked.written} windows of {asked.window} tokens …")
            rows = own_writing(self.model, asked.written, asked.window, asked.seed)
            write_tensors(file, {"rows": (torch.int64, tuple(rows.shape))}, [("rows", rows)], {"format": "pt"})
        return load_file(file)["rows"]

    def _room(self) -> int:
        """Bytes for the teacher's outputs: a quarter of what is free."""
        free = available_memory(next(self.model.module.parameters()).device)
        return USUAL_ROOM if free is None else free // 4

    # -- before and after ------------------------------------------------------------------------------------------

    def _measured(self, model: Model, run: Path) -> Measured | None:
        if not self.tasks:
            return None
        self.say(f"Measuring {model.identity.name} …")
        how: dict[str, Any] = {"engine": self.engine, "watch": self.watch}
        rounded = rounded_landscape(model, self.tasks[0], run, **how)
        terms: dict[str, Any] = {"retention": self.question.retention, "most": self.question.most}
        return Measured(landscape_of(model, self.tasks, run, **terms, **how), rounded)

    def _loaded(self, work: Path, out: Path) -> Model:
        """The weights as they were written, under the name that they will have."""
        spec = self.model.selection.spec
        device = next(self.model.module.parameters()).device.type
        found = load(work, device=device, include=spec.include, exclude=spec.exclude)
        found.identity = found.identity.model_copy(update={"name": out.resolve().name})
        return found

    def _told(
        self, widened: Model, course: Course, trained: Trained, before: Measured | None, after: Measured | None
    ) -> Widening:
        went = moved(self.model.module, widened.module)
        rest: AtRest | None = None
        if self.tasks:
            first, count = self.tasks[0]
            if isinstance(first, AgreementTask):
                rest = at_rest(self.teacher, widened, first, count)
        return Widening(
            model=self.model.identity,
            widened=widened.identity,
            text=self.text,
            trained=trained.trained,
            sigma=course.sigma,
            factor=None if self.question.sigma is not None or not course.steps else self.question.factor,
            rate=course.rate,
            anchor=course.anchor,
            labelled="" if self.labelled is None else self.labelled.name,
            mix=course.mix,
            loss=trained.loss,
            distance=went.distance,
            largest_rescaling=went.factor,
            rescaled=went.tensor,
            tasks=widened_tasks(before.radii, after.radii) if before and after else (),
            rest=rest,
            rounded=rounded_weights(before.rounded, after.rounded) if before and after else (),
            teacher="" if self.other is None else self.other.identity.name,
            balance=trained.balance,
            spent=trained.spent,
        )


def steps_table(run: SmoothedDescent) -> str:
    """Every finished step as a line of comma-separated values.

    >>> run = SmoothedDescent({"w": torch.nn.Parameter(torch.ones(1))}, Course(steps=1, sigma=0.5, rate=0.1))
    >>> run.losses = [0.25]
    >>> print(steps_table(run), end="")
    step,sigma,rate,loss
    1,0.5,0.1,0.25
    """
    course = run.course
    lines = (
        f"{n + 1},{course.sigma * course.sigma_share(n):.6g},{course.rate * course.rate_share(n):.6g},{loss:.6g}"
        for n, loss in enumerate(run.losses)
    )
    return "\n".join(("step,sigma,rate,loss", *lines, ""))


def _write(file: Path, record: Record) -> None:
    write_whole(file, lambda new: new.write_text(record.canonical(), "utf-8"))


def _about(seconds: float) -> str:
    """A length of time in words.

    >>> _about(0.25), _about(75), _about(7200)
    ('0.25 s', '75 s', '120 min')
    """
    return f"{seconds:.3g} s" if seconds < 90 else f"{seconds / 60:.0f} min"
