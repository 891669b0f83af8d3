"""What pairs are to be written: from which document, by which model, how many, in which language."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from tui.dialogs.base import Dialog
from tui.domain.chat.chat import Target
from tui.domain.dataset.generation import MOST_PAIRS, Wish, usual
from tui.domain.errors import AppError
from tui.domain.text import safe_line, whole
from tui.widgets.fields import ChoiceField, Field, PathField, TextField

Models = Callable[[], Awaitable[Sequence[Target]]]

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
    kept_as = "generate"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "go on", priority=True, key_display="ctrl+s", id="generate.accept"),
        Binding("ctrl+o", "browse", "choose the document", priority=True, id="generate.browse"),
    ]

    def __init__(self, wish: Wish, *, models: Models, browse: Callable[[str], Dialog[str]], problem: str = "") -> None:
        """`models` lists what can be asked, or raises AppError; it may take its time. `browse` makes the dialog that
        chooses a document, beginning at a path. `problem` says what became of this wish the last time."""
        super().__init__()
        self._list_models = models
        self._browse = browse
        self._wish = wish
        self._targets: tuple[Target, ...] = ()
        self._problem = problem
        self._path_meant: dict[str, str] = {}
        """Paths by what the field shows of them: a name may hold what a field cannot."""

    def fields(self) -> ComposeResult:
        wish = self._wish
        language = wish.language if any(wish.language == value for _, value in _LANGUAGES) else _OTHER
        yield PathField("document", wish.path, id="path", help="pdf docx md txt html csv, and doc xls xlsx as they are")
        yield ChoiceField("model", (), id="model", prompt="the list is being read", help="a larger one than yours")
        yield TextField("or its id", wish.model_id, id="typed", help="model id, or inference profile id or ARN")
        yield TextField("pairs", str(wish.number), id="number", help=f"1 to {MOST_PAIRS}")
        yield ChoiceField("language", _LANGUAGES, language, id="language")
        other = wish.language if language == _OTHER else ""
        yield TextField("another language", other, id="other", help="its name in English, such as French")
        yield TextField("style", wish.style, id="style", help='a hint, such as "short questions a customer would ask"')

    def on_mount(self) -> None:
        self._path_meant[self.query_one("#path", TextField).value] = self._wish.path
        self._check()
        self.complain(safe_line(self._problem, 300))
        self.query_one("#path", TextField).focus()
        self._fill()

    @work(group="fill")
    async def _fill(self) -> None:
        """The models, when they are there; what was typed meanwhile stays."""
        try:
            self._targets = tuple(await self._list_models())
        except AppError as error:
            self.complain(f"The list of models cannot be had: {error.title}. Type the id of one.")
            return
        typed, field = self.query_one("#typed", TextField), self.query_one("#model", ChoiceField)
        field.set_choices([(f"{t.name}  {t.model_id}", t.model_id) for t in self._targets])
        wanted = typed.value.strip()
        if not wanted:
            field.value = usual(self._targets)
        elif wanted == self._wish.model_id and any(t.model_id == wanted for t in self._targets):
            field.value, typed.value = wanted, ""

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
                self._path_meant[field.value] = path
            field.focus()
            field.input.action_end()

        self.app.push_screen(self._browse(field.value), chosen)

    def action_accept(self) -> None:
        """Go on, when everything is filled in."""
        model_id, name = self._chosen()
        shown = self.query_one("#path", TextField).value
        path = self._path_meant.get(shown, shown.strip())
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
    return whole(text, MOST_PAIRS) or None
