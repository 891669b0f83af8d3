"""Where predictions are read from: references, and each side's answers."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from tui.dialogs.base import Dialog
from tui.domain.folders import typed_path
from tui.domain.values import dataclass
from tui.widgets.fields import PathField, TextField


@dataclass(frozen=True, slots=True)
class Paths:
    """As they were typed."""

    references: str
    tuned: str
    base: str

    @property
    def references_path(self) -> Path | None:
        """None where the answers' files carry the references themselves."""
        return typed_path(self.references) if self.references.strip() else None

    @property
    def tuned_path(self) -> Path:
        """With the home folder put in."""
        return typed_path(self.tuned)

    @property
    def base_path(self) -> Path:
        """With the home folder put in."""
        return typed_path(self.base)


class PredictionsDialog(Dialog[Paths]):
    """Gives three paths; comes back filled when a file cannot be read."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "read", priority=True, key_display="ctrl+s", id="predictions.accept")
    ]
    heading = "Import predictions"

    def __init__(self, paths: Paths, problem: str = "") -> None:
        super().__init__()
        self._paths = paths
        self._problem = problem

    def fields(self) -> ComposeResult:
        text = (
            "JSON or JSONL of questions and answers; the answers to one question in several records are its samples.\n"
        )
        yield Static(Content(text), markup=False, classes="help-text")
        yield PathField(
            "references", self._paths.references, help="empty: JSONL of evaluation jobs carries them", id="references"
        )
        yield PathField("tuned model's answers", self._paths.tuned, id="tuned")
        yield PathField("base model's answers", self._paths.base, id="base")

    def on_mount(self) -> None:
        self.complain(self._problem)
        self.query_one("#references", TextField).focus()

    @property
    def _typed(self) -> Paths:
        one, two, three = (self.query_one(f"#{name}", TextField).value for name in ("references", "tuned", "base"))
        return Paths(one, two, three)

    @on(Input.Submitted)
    def _entered(self) -> None:
        """Enter goes on to the next field that is empty, and reads where none is."""
        empty = next((f for f in list(self.query(TextField))[1:] if not f.value.strip()), None)
        if empty is not None:
            empty.focus()
        else:
            self.action_accept()

    def action_accept(self) -> None:
        """Read them."""
        paths = self._typed
        if paths.tuned.strip() and paths.base.strip():
            self.dismiss(paths)
        else:
            self.complain("The answers of both sides are needed")
