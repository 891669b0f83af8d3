"""What an evaluation asks of whom, told with all that it takes before anything is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from tui.dialogs.judge import JudgeChoices, JudgeFields
from tui.domain.chat.chat import Target
from tui.domain.evaluation.setup import MOST_SAMPLES, QuestionFile, Setup, Sides, setup_text
from tui.domain.evaluation.spec import Question
from tui.domain.serving.pricing import TokenPrices
from tui.domain.text import safe_line, whole
from tui.domain.values import dataclass
from tui.widgets.fields import ChoiceField, Field, PathField, TextField

ANOTHER = "another"


@dataclass(frozen=True, slots=True)
class SetupForm:
    """What stands in the dialog when it opens, and what there is to choose from."""

    name: str
    files: tuple[QuestionFile, ...]
    targets: tuple[Target, ...]
    sides: Sides
    judges: JudgeChoices
    canary: tuple[Question, ...] = ()
    prices: Mapping[str, TokenPrices] = field(default_factory=dict)
    most: int = 500
    file: int = 0
    samples: str = "1"
    with_canary: bool = True
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Filled:
    """The dialog as it was accepted: a setup, or the path of another file to be opened first."""

    setup: Setup
    path: str = ""
    with_canary: bool = True


class EvaluationDialog(JudgeFields[Filled]):
    """Nothing is asked before this is accepted; what it costs is confirmed after it."""

    kept_as = "evaluation"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "go on", priority=True, key_display="ctrl+s", id="evaluation.accept")
    ]

    def __init__(self, form: SetupForm, heading: str = "New evaluation") -> None:
        super().__init__(form.judges)
        self.heading = heading
        self._form = form

    def fields(self) -> ComposeResult:
        form = self._form
        files = [(f.text, str(n)) for n, f in enumerate(form.files)] + [("another file …", ANOTHER)]
        chosen = str(form.file) if form.files else ANOTHER
        yield ChoiceField("questions", files, chosen, id="file")
        yield PathField("path", "", help="a file of pairs: the answers are the references", id="path")
        targets = [(f"{t.name} · {t.kind}", t.model_id) for t in form.targets]
        tuned, base = form.sides.tuned, form.sides.base
        yield ChoiceField("tuned side", targets, tuned.model_id if tuned else None, id="tuned")
        yield ChoiceField("base side", targets, base.model_id if base else None, id="base")
        yield TextField("samples of each", form.samples, help="more than one tells how much answers vary", id="samples")
        general = f"yes, {len(form.canary)} general questions, scored apart" if form.canary else "none are shipped"
        choices = [(general, "yes")] * bool(form.canary) + [("no", "no")]
        with_canary = "yes" if form.with_canary and form.canary else "no"
        yield ChoiceField("canary", choices, with_canary, help="what did tuning break?", id="canary")
        yield from self.judge_fields()
        yield TextField("name", form.name, id="name")
        system = f"“{safe_line(form.sides.system, 120)}”" if form.sides.system.strip() else "none"
        asked = f"both sides: {form.sides.parameters.text} · system {system} (s and p in Chat change them)"
        yield Static(Content(asked), markup=False, classes="help-text")

    def closing(self) -> ComposeResult:
        """The plan stays in sight while the fields scroll."""
        yield Static("", id="plan", markup=False, classes="help-text")

    def on_mount(self) -> None:
        self.fields_changed()
        if self._form.problem:
            self.complain(self._form.problem)
        self.query_one("#path" if not self._form.files else "#file", Field).focus()

    def on_resize(self) -> None:
        """The plan takes some lines of its own."""
        self.query_one("#dialog-body").styles.max_height = max(3, self.size.height - 13)

    @property
    def _path(self) -> str:
        another = self.query_one("#file", ChoiceField).value == ANOTHER
        return self.query_one("#path", TextField).value.strip() if another else ""

    def _target(self, id: str) -> Target | None:
        chosen = self.query_one(f"#{id}", ChoiceField).value
        return next((t for t in self._form.targets if t.model_id == chosen), None)

    @property
    def setup(self) -> Setup:
        """As the fields stand."""
        chosen = self.query_one("#file", ChoiceField).value
        known = chosen not in (None, ANOTHER)
        file = self._form.files[int(chosen)] if known and chosen else QuestionFile("", ())
        samples = self.query_one("#samples", TextField).value.strip()
        sides = self._form.sides
        return Setup(
            self.query_one("#name", TextField).value.strip() or "evaluation",
            file,
            Sides(self._target("tuned"), self._target("base"), sides.parameters, sides.system),
            whole(samples, MOST_SAMPLES) or 0,
            self._form.canary if self._with_canary else (),
            self.judge,
        )

    @property
    def _with_canary(self) -> bool:
        return self.query_one("#canary", ChoiceField).value == "yes"

    @on(Field.Changed)
    def fields_changed(self) -> None:
        """Say what it would take now."""
        self.fit_fields()
        self.query_one("#path").display = self.query_one("#file", ChoiceField).value == ANOTHER
        setup = self.setup
        lines = setup_text(setup, self._form.prices, self._form.most)
        self.query_one("#plan", Static).update(Content("\n".join(lines)))
        self.complain(self._problem)

    @property
    def _problem(self) -> str:
        if self.query_one("#file", ChoiceField).value == ANOTHER:
            return "" if self._path else "Type the path of a file of pairs; ctrl+s opens it"
        return self.setup.problem or self.judge_problem

    def action_accept(self) -> None:
        """Go on: to the file that was typed, or to the confirmation."""
        if self._problem:
            self.complain(self._problem)
        else:
            self.dismiss(Filled(self.setup, self._path, self._with_canary))
