"""Fields of a form: a label, something to fill in, and a line that says what is wrong or what is meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Select, Static

from tui.domain.folders import restarted
from tui.domain.text import safe, safe_line

Value = str | None

_ROUND = str.maketrans("[]", "()")


def _one_line(text: str) -> str:
    """Outside text as a field may hold it: no line ends, no control characters."""
    return safe(text).replace("\n", " ").replace("\t", " ")


class Field(Vertical):
    """What all fields share: label, help, error, and one message when the value changes.

    The error stands in place of the help, with a `✗` before it. Escape is left to the form.
    """

    DEFAULT_CSS: ClassVar[str] = """
    Field { height: auto; }
    Field > Horizontal { height: 1; }
    Field .field--label { width: 24; max-width: 40%; height: 1; color: $text-muted; }
    Field .field--control { width: 1fr; }
    Field .field--hint { height: auto; padding-left: 2; color: $text-muted; display: none; }
    Field.-hinted .field--hint { display: block; }
    Field.-invalid .field--hint { color: $text-error; }
    Field:focus-within .field--label { color: $text; text-style: bold; }
    """

    class Changed(Message):
        """The value of a field is another one now."""

        def __init__(self, field: Field, value: Value) -> None:
            super().__init__()
            self.field = field
            self.value = value

        @property
        def control(self) -> Field:
            """The field, for selectors of `on`."""
            return self.field

    def __init__(self, label: str, control: Widget, help: str, id: str | None, classes: str | None) -> None:
        super().__init__(id=id, classes=classes)
        control.add_class("field--control")
        self._label = label
        self._control = control
        self._help = help
        self._error = ""
        self._told: Value = None

    def compose(self) -> ComposeResult:
        """Label and control in one line, the hint below."""
        with Horizontal():
            yield Static(Content(safe_line(self._label)), classes="field--label")
            yield self._control
        yield Static(Content(""), classes="field--hint")

    def on_mount(self) -> None:
        """Shows what was said before there was a place for it."""
        self._show_hint()

    @property
    def value(self) -> Value:
        """What is filled in."""
        raise NotImplementedError

    @property
    def error(self) -> str:
        """What is wrong; empty when nothing is."""
        return self._error

    @error.setter
    def error(self, text: str) -> None:
        self._error = text
        if self.is_mounted:
            self._show_hint()

    def focus(self, scroll_visible: bool = True) -> Self:
        """Puts the focus where the value is filled in."""
        self._control.focus(scroll_visible)
        return self

    def _show_hint(self) -> None:
        text = f"✗ {self._error}" if self._error else self._help
        self.set_class(bool(text), "-hinted")
        self.set_class(bool(self._error), "-invalid")
        self.query_one(".field--hint", Static).update(Content(safe(text)))

    def _tell(self) -> None:
        if self.value != self._told:
            self._told = self.value
            self.post_message(self.Changed(self, self.value))


class TextField(Field):
    """One line of text."""

    def __init__(
        self,
        label: str,
        value: str = "",
        *,
        placeholder: str = "",
        help: str = "",
        password: bool = False,
        restrict: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """`restrict`: a regular expression that the value has to match while it is typed."""
        self.input = Input(
            placeholder=_one_line(placeholder),
            password=password,
            restrict=restrict,
            compact=True,
            select_on_focus=False,
        )
        self.input.cursor_blink = False
        super().__init__(label, self.input, help, id, classes)
        self._text = self._told = _one_line(value)
        self._filled = False

    def on_mount(self) -> None:
        """The input takes a value only now."""
        with self.input.prevent(Input.Changed):
            self.input.value = self._text
        self._filled = True

    @property
    def value(self) -> str:
        """The text, without control characters that may have been pasted; also what was typed a moment ago, before
        the input has told of it."""
        return _one_line(self.input.value) if self._filled else self._text

    @value.setter
    def value(self, text: str) -> None:
        self._text = _one_line(text)
        if self.is_mounted:
            self.input.value = self._text
        else:
            self._told = self._text

    def takes(self, text: str) -> bool:
        """Whether it may hold this."""
        return True

    @on(Input.Changed)
    def _input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._text = _one_line(event.value)
        self._tell()


class PathField(TextField):
    """A path; one that is typed behind the folder that was proposed takes its place."""

    _placed = False

    def on_resize(self) -> None:
        """Of a path that is longer than the field its end is seen: the name."""
        if not self._placed and self.input.size.width:
            self._placed = True
            self.input.action_home()  # only a cursor that moves is scrolled to
            self.input.action_end()

    @on(Input.Changed)
    def _path_typed(self, event: Input.Changed) -> None:
        restart(event.input)


def restart(field: Input) -> bool:
    """Leave only the path that is meant where one was typed behind another; whether there was such a one."""
    typed = field.value
    meant = restarted(typed)
    if meant == typed:
        return False
    place = field.cursor_position
    field.value = meant
    field.cursor_position = max(0, place - (len(typed) - len(meant)))
    return True


class ChoiceField(Field):
    """One of some values, or none."""

    def __init__(
        self,
        label: str,
        choices: Sequence[tuple[str, str]] = (),
        value: str | None = None,
        *,
        prompt: str = "choose",
        help: str = "",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """`choices`: untrusted text to show, and the value it stands for; a `value` not among them is none.

        `prompt` stands while nothing is chosen; its square brackets become round, for Select reads markup there.
        """
        self._choices = tuple(choices)
        self.select: Select[str] = Select((), prompt=safe_line(prompt).translate(_ROUND), compact=True)
        super().__init__(label, self.select, help, id, classes)
        self._chosen = self._told = self._known(value)

    def on_mount(self) -> None:
        """The select takes options only now."""
        self._fill()

    @property
    def value(self) -> str | None:
        """The value chosen; None when none is."""
        return self._chosen

    @value.setter
    def value(self, value: str | None) -> None:
        self._chosen = self._known(value)
        if self.is_mounted:
            self._select()
        else:
            self._told = self._chosen

    def takes(self, value: str) -> bool:
        """Whether it is among the choices."""
        return self._known(value) is not None

    def set_choices(self, choices: Sequence[tuple[str, str]]) -> None:
        """Other choices; the value stays if it is among them, else nothing is chosen."""
        self._choices = tuple(choices)
        self._chosen = self._known(self._chosen)
        if self.is_mounted:
            self._fill()

    def _known(self, value: str | None) -> str | None:
        return value if any(value == known for _, known in self._choices) else None

    def _fill(self) -> None:
        with self.select.prevent(Select.Changed):
            self.select.set_options([(Text(safe_line(text), end=""), value) for text, value in self._choices])
        self._select()

    def _select(self) -> None:
        with self.select.prevent(Select.Changed):
            self.select.value = Select.NULL if self._chosen is None else self._chosen
        self._tell()

    @on(Select.Changed)
    def _select_changed(self, event: Select.Changed) -> None:
        event.stop()
        self._chosen = event.value if isinstance(event.value, str) else None
        self._tell()
