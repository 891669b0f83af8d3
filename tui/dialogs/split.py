"""How a file is divided: sizes, seed, what stays together, names; and what the parts would be like, before any is
written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from tui.dialogs.base import Dialog
from tui.domain.base_models import BaseModel
from tui.domain.dataset.checks import file_problems, total_problem
from tui.domain.dataset.split import CONTAINED_UP_TO, PARTS, Split, Together, size_of
from tui.domain.dataset.statistics import quantile
from tui.domain.files.pairs import Role
from tui.domain.folders import typed_path
from tui.domain.text import count, safe_line
from tui.domain.values import dataclass
from tui.widgets.cells import fit, plain_terminal
from tui.widgets.fields import ChoiceField, Field, PathField, TextField
from tui.widgets.frame import KeyLine
from tui.widgets.histogram import Histograms, Shown

Divided = tuple[Split, Sequence[int]]
"""A split, and the tokens of each record."""
Divide = Callable[[Sequence[int], str, Together], Awaitable[Divided | None]]
"""From sizes, seed and what stays together; None when it is not wanted any more."""


@dataclass(frozen=True, slots=True)
class SplitForm:
    """What is typed; `*` in `names` stands for the part. `problem` is why it could not be done."""

    validation: str
    evaluation: str
    seed: str
    together: Together
    names: str
    problem: str = ""

    @classmethod
    def proposed(cls, path: Path, records: int, model: BaseModel) -> SplitForm:
        """As many for validation as the base model wants at least, or a tenth; a tenth for eval where that leaves
        enough to train on."""
        least, enough = model.limits.validation_records[0], model.limits.training_records[0]
        validation = "10%" if records // 10 >= least else str(least)
        if 2 * least > records:
            validation = "20%"
        evaluation = "10%" if records - records // 5 - least >= enough else ""
        return cls(validation, evaluation, "1", Together.ALIKE, str(path.with_name(f"{path.stem}.*{path.suffix}")))

    def path(self, role: Role) -> Path:
        """Where a part is written."""
        return typed_path(self.names.replace("*", role))


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """A form as accepted, and its parts."""

    form: SplitForm
    split: Split


class SplitDialog(Dialog[SplitPlan]):
    """Gives a plan; nothing is written by the dialog."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "write the parts", priority=True, key_display="ctrl+s", id="split.accept"),
    ]

    def __init__(self, name: str, form: SplitForm, records: int, model: BaseModel, divide: Divide) -> None:
        """So many `records` are divided."""
        super().__init__()
        self._heading = f"Split {count(records, 'pair')} of {name}"
        self._form = form
        self._records = records
        self._model = model
        self._divide = divide
        self._planned: tuple[SplitForm, Split] | None = None
        self._lengths: Sequence[int] = ()

    def compose(self) -> ComposeResult:
        form = self._form
        with Vertical(id="split-dialog"):
            yield Static(Content(self._heading), id="split-title")
            size = "a number such as 32, or a share such as 20%; the rest is for training"
            yield TextField("validation", form.validation, help=size, id="validation")
            yield TextField("eval", form.evaluation, help=size, id="evaluation")
            yield TextField("seed", form.seed, help="the same seed gives the same parts", id="seed")
            choices = [(str(one), str(one)) for one in Together]
            yield ChoiceField("keep together", choices, str(form.together), id="together")
            yield PathField("new files", form.names, help="* stands for the part", id="names")
            yield Static("", id="split-parts", markup=False)
            yield Histograms(ascii=plain_terminal(), alike=True)
            with Vertical(classes="dialog-foot"):
                yield Static("", id="dialog-problem", markup=False)
                yield KeyLine()

    def on_mount(self) -> None:
        self.query_one("#validation", TextField).focus()
        self._changed()
        if self._form.problem:
            self.complain(self._form.problem)

    def _typed(self) -> SplitForm:
        def text(name: str) -> str:
            return self.query_one(f"#{name}", TextField).value

        together = Together(self.query_one("#together", ChoiceField).value or Together.NOTHING)
        return SplitForm(text("validation"), text("evaluation"), text("seed"), together, text("names"))

    def _sizes(self, form: SplitForm) -> tuple[int, ...] | None:
        """Sizes of the parts; None, with the reason beside the field, when one of them is no size."""
        found = []
        for name, typed in (("validation", form.validation), ("evaluation", form.evaluation)):
            field = self.query_one(f"#{name}", TextField)
            try:
                found.append(size_of(typed, self._records))
                field.error = ""
            except ValueError as error:
                field.error = str(error)
        if len(found) < 2:
            return None
        rest = self._records - sum(found)
        if rest < 0:
            self.query_one("#evaluation", TextField).error = f"{-rest:,} more than there are"
            return None
        return (rest, *found)

    @on(Field.Changed)
    def _changed(self) -> None:
        """Divide anew, unless only a name was typed."""
        form = self._typed()
        sizes = self._sizes(form)
        names = self.query_one("#names", TextField)
        names.error = "" if "*" in Path(form.names).name else "* has to stand where the part is named"
        self.complain("")
        if sizes is None:
            self._planned = None
            self.query_one("#split-parts", Static).update(Content(""))
            self.query_one(Histograms).show([])
        elif self._planned and replace(self._planned[0], names=form.names) == form:
            self._planned = form, self._planned[1]
            self._show(form, self._planned[1])
        else:
            self._planned = None
            self._plan(form, sizes)

    @work(group="plan", exclusive=True)
    async def _plan(self, form: SplitForm, sizes: tuple[int, ...]) -> None:
        self.query_one("#split-parts", Static).update(Content("Looking which pairs are alike …"))
        found = await self._divide(sizes, form.seed, form.together)
        now = self._typed()
        if found is not None and replace(now, names=form.names) == form:
            split, self._lengths = found
            self._planned = now, split
            self._show(now, split)

    def _show(self, form: SplitForm, split: Split) -> None:
        lines: list[tuple[str, str] | str] = [
            (f"{'part':<11}{'pairs':>7}{'asked':>7}{'≈ tokens':>10}{'median':>7}{'95 % ≤':>7}  file\n", "bold")
        ]
        for role, part, asked in zip(PARTS, split.parts, split.asked, strict=True):
            ordered = sorted(self._lengths[i] for i in part)
            figures = (len(part), asked), (sum(ordered), quantile(ordered, 0.5), quantile(ordered, 0.95))
            name = safe_line(form.path(role).name, 60) if part else "none"
            numbers = "".join(f"{number:>7,}" for number in figures[0])
            widths = "".join(f"{number:>{width},}" for number, width in zip(figures[1], (10, 7, 7), strict=True))
            lines.append(f"{role:<11}{numbers}{widths}  {fit(name, max(8, self.size.width - 53)).rstrip()}\n")
        lines.append((_kept(form, split), "$foreground-muted"))
        lines += [(f"\n▲ {warning}", "$text-warning") for warning in self._warnings(split)]
        self.query_one("#split-parts", Static).update(Content.assemble(*lines))
        shown = [
            Shown(str(role), [self._lengths[i] for i in part])
            for role, part in zip(PARTS, split.parts, strict=True)
            if part
        ]
        self.query_one(Histograms).show(shown)

    def _warnings(self, split: Split) -> list[str]:
        """What the base model's limits say of the numbers."""
        limits = self._model.limits
        found = [
            f"{role}: {problem.message} by {self._model.name}"
            for role, part in zip(PARTS, split.parts, strict=True)
            for problem in (file_problems(len(part), 0, limits, role) if part or role is Role.TRAIN else ())
        ]
        total = total_problem(len(split.parts[0]), len(split.parts[1]), limits)
        found += [total.message] if total else []
        if self._records > CONTAINED_UP_TO and self._planned and self._planned[0].together is Together.ALIKE:
            found.insert(0, f"of more than {CONTAINED_UP_TO:,} pairs, questions inside others are not looked for")
        return found[:2]

    @on(Input.Submitted)
    def _next_field(self) -> None:
        self.focus_next()

    def action_accept(self) -> None:
        """Take the plan that is shown."""
        wrong = next((field for field in self.query(Field) if field.error), None)
        if wrong is not None:
            wrong.focus()
        elif self._planned is None:
            self.complain("The parts are still being made out")
        elif sum(map(bool, self._planned[1].parts)) < 2:
            self.complain("All pairs would be in one part; ask for fewer, or keep less together")
        else:
            self.dismiss(SplitPlan(*self._planned))


def _kept(form: SplitForm, split: Split) -> str:
    """What was kept together, and what that does to the sizes."""
    if form.together is Together.NOTHING:
        return "copies of a question may come to stand on both sides"
    if not split.together:
        return f"there are no {form.together}"
    kept = f"{split.together:,} {form.together} stay together, at most {split.largest:,} in one group"
    empty = [role for role, part, asked in zip(PARTS, split.parts, split.asked, strict=True) if asked and not part]
    if empty:
        return f"{kept}, which leaves nothing for {' and '.join(empty)}: keep less together"
    off = any(len(part) != asked for part, asked in zip(split.parts, split.asked, strict=True))
    return f"{kept}; so the sizes are not quite as asked" if off else kept
