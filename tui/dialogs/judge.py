"""Who judges, and by which rubric; the rubric can be rewritten before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from tui.dialogs.base import Dialog, T
from tui.dialogs.text import TextDialog
from tui.domain.chat.chat import Target
from tui.domain.evaluation.judging import MEASURES, Judge, JudgeKind
from tui.domain.evaluation.rubrics import DEFAULT, Rubric
from tui.domain.text import safe_line
from tui.domain.values import dataclass
from tui.widgets.fields import ChoiceField, Field, TextField

NOBODY = "none"
_BETWEEN = "\n\n--- which of two answers is better ---\n\n"
_ENCODER = "roberta-large"


@dataclass(frozen=True, slots=True)
class JudgeChoices:
    """What there is to choose from. `kinds` are shown texts with their kinds; `rubrics` have different hashes."""

    kinds: tuple[tuple[str, JudgeKind], ...]
    models: tuple[Target, ...]
    rubrics: tuple[Rubric, ...] = (DEFAULT,)
    chosen: Judge | None = None
    nobody: bool = False
    """Whether nobody may judge."""
    edited: Callable[[Rubric], object] = lambda rubric: None
    """Hears of a rubric as soon as it is written: it outlives the dialog, whatever becomes of that."""

    def with_rubric(self, rubric: Rubric) -> JudgeChoices:
        """With one more rubric to choose from."""
        kept = tuple(r for r in self.rubrics if r.sha256 != rubric.sha256)
        return replace(self, rubrics=(*kept, rubric))


class JudgeFields(Dialog[T]):
    """A dialog with the fields of a judge; ctrl+e edits the rubric."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+e", "rubric", "rubric", priority=True, key_display="ctrl+e", id="judge.rubric")
    ]

    def __init__(self, choices: JudgeChoices) -> None:
        super().__init__()
        self.choices = choices

    def judge_fields(self) -> ComposeResult:
        """Kind, model or encoder, rubric."""
        chosen = self.choices.chosen
        kinds = [(text, str(kind)) for text, kind in self.choices.kinds]
        if self.choices.nobody:
            kinds.append(("nobody now: only ask, judge later", NOBODY))
        kind = (
            str(chosen.kind) if chosen else (NOBODY if self.choices.nobody and not self.choices.models else kinds[0][1])
        )
        target = chosen.target if chosen else None
        models = [(f"{t.name} · {t.model_id}", t.model_id) for t in self.choices.models]
        first = models[0][1] if models else None
        yield ChoiceField("judge", kinds, kind, id="kind")
        yield ChoiceField("judging model", models, target.model_id if target else first, id="judge-model")
        encoder = (chosen.encoder if chosen else "") or _ENCODER
        yield TextField("BERTScore model", encoder, help="a name, or a folder on this machine", id="encoder")
        rubric = chosen.rubric if chosen and chosen.compares else self.choices.rubrics[0]
        yield ChoiceField("rubric", self._rubrics(), rubric.sha256, help="ctrl+e reads and edits it", id="rubric")

    def _rubrics(self) -> list[tuple[str, str]]:
        return [(f"{r.name} #{r.sha256[:6]}", r.sha256) for r in self.choices.rubrics]

    def fit_fields(self) -> None:
        """Only what the kind of judge needs."""
        kind = self.query_one("#kind", ChoiceField).value
        self.query_one("#judge-model").display = kind in (JudgeKind.MODEL, JudgeKind.LANGCHAIN)
        self.query_one("#encoder").display = kind == JudgeKind.BERTSCORE
        self.query_one("#rubric").display = kind == JudgeKind.MODEL

    @property
    def rubric(self) -> Rubric:
        """The one chosen."""
        chosen = self.query_one("#rubric", ChoiceField).value
        return next((r for r in self.choices.rubrics if r.sha256 == chosen), self.choices.rubrics[0])

    @property
    def judge(self) -> Judge | None:
        """As the fields stand; None for nobody, or while no model is chosen."""
        kind = self.query_one("#kind", ChoiceField).value
        if kind in (None, NOBODY):
            return None
        if kind in MEASURES:
            return Judge(JudgeKind(str(kind)))
        if kind == JudgeKind.BERTSCORE:
            return Judge(JudgeKind.BERTSCORE, encoder=self.query_one("#encoder", TextField).value.strip() or _ENCODER)
        model = self.query_one("#judge-model", ChoiceField).value
        target = next((t for t in self.choices.models if t.model_id == model), None)
        return None if target is None else Judge(JudgeKind(kind), target, self.rubric)

    @property
    def judge_problem(self) -> str:
        """Why nobody can judge as the fields stand; empty when somebody can, or nobody should."""
        kind = self.query_one("#kind", ChoiceField).value
        if self.judge is None and kind != NOBODY:
            return "Choose the model that judges"
        text = next((text for text, known in self.choices.kinds if known == kind), "")
        return text.partition(" — ")[2]

    @work
    async def action_rubric(self) -> None:
        """Read the rubric, and change it."""
        now = self.rubric
        text = await self.app.push_screen_wait(
            TextDialog(
                f"Rubric: {safe_line(now.name, 60)}",
                value=f"{now.scoring}{_BETWEEN}{now.comparing}",
                note="The second part, below the line, is for comparisons. A changed rubric gives scores of its own.",
                kept_as=f"rubric {now.sha256}",
            )
        )
        if text is None:
            return
        scoring, _, comparing = text.partition(_BETWEEN.strip())
        edited = Rubric("edited", scoring.strip(), comparing.strip() or now.comparing)
        if edited.sha256 == now.sha256 or not edited.scoring:
            return
        self.choices.edited(edited)
        self.choices = self.choices.with_rubric(edited)
        field = self.query_one("#rubric", ChoiceField)
        field.set_choices(self._rubrics())
        field.value = edited.sha256
        self.fields_changed()

    def fields_changed(self) -> None:
        """Something else is chosen."""
        self.fit_fields()


@dataclass(frozen=True, slots=True)
class JudgeForm:
    """What the dialog needs beside the choices: `plan_of` tells what judging would take."""

    choices: JudgeChoices
    plan_of: Callable[[Judge], Sequence[str]] = field(default=lambda judge: ())


class JudgeDialog(JudgeFields[Judge]):
    """Judge the stored answers again; no model that answered is asked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "judge", priority=True, key_display="ctrl+s", id="judge.accept")
    ]
    heading = "Judge the stored answers again"

    def __init__(self, form: JudgeForm) -> None:
        super().__init__(form.choices)
        self._form = form

    def fields(self) -> ComposeResult:
        yield from self.judge_fields()
        yield Static("", id="plan", markup=False, classes="help-text")

    def on_mount(self) -> None:
        self.fields_changed()
        self.query_one("#kind", ChoiceField).focus()

    @on(Field.Changed)
    def fields_changed(self) -> None:
        """Tell what it would take."""
        self.fit_fields()
        judge = self.judge
        lines = self._form.plan_of(judge) if judge is not None else ()
        self.query_one("#plan", Static).update(Content("\n" + "\n".join(lines)))
        self.complain(self.judge_problem)

    @on(Input.Submitted)
    def action_accept(self) -> None:
        """Judge."""
        if self.judge is not None and not self.judge_problem:
            self.dismiss(self.judge)
