"""What pairs are to be written: from which document, by which model, how many, in which language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from tui.dialogs.base import Dialog
from tui.domain.chat import Target
from tui.domain.generation import MOST_PAIRS, Wish
from tui.domain.text import safe_line
from tui.widgets.fields import ChoiceField, Field, TextField

_OTHER = "other"
_LANGUAGES = (
    ("as the document", ""),
    ("Japanese", "Japanese"),
    ("English", "English"),
    ("another, typed below", _OTHER),
)


class GenerateDialog(Dialog[Wish]):
    """Gives a wish; nothing is asked of a model before its cost was confirmed."""

    heading = "Write pairs from a document"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "go on", priority=True, key_display="ctrl+s", id="generate.accept"),
        Binding("ctrl+o", "browse", "choose the document", priority=True, id="generate.browse"),
    ]

    def __init__(
        self,
        wish: Wish,
        targets: Sequence[Target],
        *,
        browse: Callable[[str], Dialog[str]],
        note: str = "",
        problem: str = "",
    ) -> None:
        """`browse` makes the dialog that chooses a document, beginning at a path; `note` says why no model is listed,
        `problem` what became of this wish the last time."""
        super().__init__()
        self._browse = browse
        self._wish = wish
        self._targets = tuple(targets)
        self._note = note
        self._problem = problem

    def fields(self) -> ComposeResult:
        wish, listed = self._wish, [(f"{t.name}  {t.model_id}", t.model_id) for t in self._targets]
        known = any(t.model_id == wish.model_id for t in self._targets)
        language = wish.language if any(wish.language == value for _, value in _LANGUAGES) else _OTHER
        if self._note:
            yield Static(Content(f"{safe_line(self._note, 300)}\n"), markup=False, classes="help-text")
        yield TextField("document", wish.path, id="path", help="pdf docx md txt html csv, and doc xls xlsx as they are")
        yield ChoiceField("model", listed, wish.model_id if known else None, id="model", help="a larger one than yours")
        typed = "" if known else wish.model_id
        yield TextField("or its id", typed, id="typed", help="model id, or inference profile id or ARN")
        yield TextField("pairs", str(wish.number), id="number", help=f"1 to {MOST_PAIRS}")
        yield ChoiceField("language", _LANGUAGES, language, id="language")
        other = wish.language if language == _OTHER else ""
        yield TextField("another language", other, id="other", help="its name in English, such as French")
        yield TextField("style", wish.style, id="style", help='a hint, such as "short questions a customer would ask"')

    def on_mount(self) -> None:
        self._check()
        self.complain(safe_line(self._problem, 300))
        self.query_one("#path", TextField).focus()

    @on(Field.Changed)
    def _check(self) -> None:
        """Only the fields that count are shown; what is wrong stands under them."""
        language = self.query_one("#language", ChoiceField).value
        self.query_one("#other", TextField).display = language == _OTHER
        number = self.query_one("#number", TextField)
        number.error = "" if _number(number.value) else f"a whole number from 1 to {MOST_PAIRS}"

    @on(Input.Submitted)
    def _entered(self) -> None:
        """Enter goes on: nothing is asked yet, the cost is told first."""
        self.action_accept()

    def action_browse(self) -> None:
        """Look for the document in folders."""
        field = self.query_one("#path", TextField)

        def chosen(path: str | None) -> None:
            if path:
                field.value = path
            field.focus()

        self.app.push_screen(self._browse(field.value), chosen)

    def action_accept(self) -> None:
        """Go on, when everything is filled in."""
        model_id, name = self._chosen()
        path = self.query_one("#path", TextField).value.strip()
        number = _number(self.query_one("#number", TextField).value)
        language = self.query_one("#language", ChoiceField).value or ""
        if language == _OTHER:
            language = self.query_one("#other", TextField).value.strip()
        style = self.query_one("#style", TextField).value.strip()
        if not path or path.endswith("/"):
            self._refuse("#path", "Which document? Type its path")
        elif not model_id:
            self._refuse("#typed", "Which model? Choose one, or type its id")
        elif number is None:
            self._refuse("#number", f"How many pairs? A whole number from 1 to {MOST_PAIRS}")
        else:
            self.dismiss(Wish(path, model_id, name, number, language, style))

    def _refuse(self, field: str, why: str) -> None:
        self.complain(why)
        self.query_one(field, TextField).focus()

    def _chosen(self) -> tuple[str, str]:
        """Id and name of the model; an id that was typed comes before a choice."""
        typed = self.query_one("#typed", TextField).value.strip()
        chosen = typed or self.query_one("#model", ChoiceField).value or ""
        return chosen, next((t.name for t in self._targets if t.model_id == chosen), chosen)


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MOST_PAIRS else None
