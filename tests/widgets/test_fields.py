"""Fields of forms."""

from __future__ import annotations

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.events import Paste

from tests.widgets.hosts import HOSTILE, app_of, hosted, screen_lines, unsafe_lines
from tui.domain.text import UNSAFE
from tui.widgets.fields import ChoiceField, Field, PathField, TextField

CHOICES = (("Claude 3 Haiku [/INST]", "haiku"), ("Nova Lite \x1b[31m", "lite"), ("日本語", "ja"))


class Form(Vertical):
    """Two fields; Escape reaches it."""

    BINDINGS = [Binding("escape", "leave", "Leave")]

    def __init__(self) -> None:
        super().__init__()
        self.name_field = TextField("Job name", "job-1", help="letters and digits", id="name")
        self.model = ChoiceField("Base model", CHOICES, "lite", id="model")
        self.left = 0

    def compose(self) -> ComposeResult:
        yield self.name_field
        yield self.model

    def action_leave(self) -> None:
        self.left += 1


async def test_typing_tells_the_value() -> None:
    form = Form()
    async with hosted(form) as pilot:
        assert not app_of(pilot).heard(Field.Changed)
        form.name_field.focus()
        await pilot.press("end", "x", "y")
        assert form.name_field.value == "job-1xy"
        changes = app_of(pilot).heard(Field.Changed)
        assert [(change.control, change.value) for change in changes] == [
            (form.name_field, "job-1x"),
            (form.name_field, "job-1xy"),
        ]
        await pilot.press("escape")
        assert form.left == 1


async def test_the_error_takes_the_place_of_the_help() -> None:
    form = Form()
    form.name_field.error = "too early [/]"
    async with hosted(form) as pilot:
        assert any("✗ too early [/]" in line for line in screen_lines(pilot))
        form.name_field.error = ""
        await pilot.pause()
        text = "\n".join(screen_lines(pilot))
        assert "letters and digits" in text
        assert "✗" not in text
        form.name_field.error = "[@click=app.quit]x[/] \x1b[31m"
        await pilot.pause()
        assert any("✗ [@click=app.quit]x[/]" in line for line in screen_lines(pilot))
        assert form.name_field.error.startswith("[@click")


async def test_any_text_in_any_place() -> None:
    name = TextField(HOSTILE[0], placeholder=HOSTILE[1], help=HOSTILE[4])
    model = ChoiceField(HOSTILE[5], prompt=HOSTILE[6])
    async with hosted(name, model) as pilot:
        for text in HOSTILE:
            name.value = text
            name.focus()
            name.input.post_message(Paste(text))
            name.error = text[:2_000]
            model.set_choices([(text, text), ("other", "other")])
            model.value = text
            await pilot.pause()
            assert not UNSAFE.search(name.value)
            assert "\n" not in name.value
            assert model.value == text
            model.focus()
            await pilot.press("enter")
            lines = screen_lines(pilot)
            assert not unsafe_lines(lines)
            assert {cell_len(line) for line in lines} == {80}
            await pilot.press("escape")


async def test_hostile_labels() -> None:
    fields = [TextField(text, placeholder=text, help=text) for text in HOSTILE[:4]]
    choices = [ChoiceField(text, prompt=text) for text in HOSTILE[:4]]
    async with hosted(*fields, *choices) as pilot:
        text = "\n".join(screen_lines(pilot))
        assert all(text.count(hostile) >= 4 for hostile in HOSTILE[:4])
        assert "(@click=app.quit)x(/)" in text


async def test_choosing_by_keys() -> None:
    form = Form()
    async with hosted(form) as pilot:
        assert form.model.value == "lite"
        form.model.focus()
        await pilot.press("enter")
        await pilot.press("escape")
        assert form.left == 0
        await pilot.press("enter", "j", "a")
        await pilot.press("enter", "escape")
        await pilot.pause()
        assert form.left == 1
        await pilot.press("enter", "up", "enter")
        await pilot.pause()
        assert form.model.value == app_of(pilot).heard(Field.Changed)[-1].value


async def test_searching_a_choice_by_its_first_letters() -> None:
    form = Form()
    async with hosted(form) as pilot:
        form.model.focus()
        await pilot.press("enter", "c", "l", "a", "enter")
        await pilot.pause()
        assert form.model.value == "haiku"
        assert [change.value for change in app_of(pilot).heard(Field.Changed)] == ["haiku"]


async def test_values_and_choices_set_by_the_program() -> None:
    model = ChoiceField("Role", CHOICES, "gone")
    assert model.value is None
    model.value = "ja"
    assert model.value == "ja"
    async with hosted(model) as pilot:
        assert any("日本語" in line for line in screen_lines(pilot))
        assert not app_of(pilot).heard(Field.Changed)
        model.set_choices([("New", "new"), ("日本語", "ja")])
        await pilot.pause()
        assert model.value == "ja"
        model.value = "new"
        await pilot.pause()
        model.set_choices([("Other", "other")])
        await pilot.pause()
        assert model.value is None
        model.value = "unknown"
        model.set_choices([])
        await pilot.pause()
        assert [change.value for change in app_of(pilot).heard(Field.Changed)] == ["new", None]


async def test_text_set_by_the_program_is_one_line() -> None:
    field = TextField("Bucket")
    async with hosted(field) as pilot:
        field.value = "two\nlines\x1b"
        await pilot.pause()
        assert field.value == "two lines␛"
        assert app_of(pilot).heard(Field.Changed)[-1].value == "two lines␛"


async def test_narrow_forms() -> None:
    form = Form()
    async with hosted(form) as pilot:
        for width in (1, 8, 20, 40):
            await pilot.resize_terminal(width, 10)
            form.model.focus()
            await pilot.press("enter")
            assert {cell_len(line) for line in screen_lines(pilot)} == {width}
            await pilot.press("escape")


async def test_a_focused_field_is_quiet() -> None:
    assert TextField("a").input.cursor_blink is False


async def test_a_form_accepted_at_once_has_all_that_was_typed() -> None:
    form = Form()
    async with hosted(form):
        form.name_field.input.value = "job-12"  # its message has not been read yet
        assert form.name_field.value == "job-12"


async def test_a_path_typed_behind_the_proposed_folder_takes_its_place() -> None:
    field = PathField("file", "/home/somebody/")
    async with hosted(field) as pilot:
        field.focus()
        await pilot.press("end")
        pilot.app.post_message(Paste("/tmp/短冊/pairs.json"))
        await pilot.pause()
        await pilot.pause()
        assert field.value == "/tmp/短冊/pairs.json"
        await pilot.press("backspace")
        assert field.value == "/tmp/短冊/pairs.jso"
        field.value = "/home/somebody/"
        await pilot.press("end", "~", "/")
        assert field.value == "~/"
        assert app_of(pilot).heard(Field.Changed)[-1].value == "~/"


async def test_of_a_long_path_the_name_is_seen() -> None:
    field = PathField("file", f"/home/somebody/{'日本語フォルダ/' * 9}pairs.json")
    async with hosted(TextField("name", "x"), field) as pilot:
        assert screen_lines(pilot)[1].rstrip().endswith("pairs.json")
        field.focus()
        await pilot.press("x")
        assert field.value.endswith("pairs.jsonx")


async def test_what_is_no_path_keeps_its_slashes() -> None:
    field = TextField("place", "s3:/")
    async with hosted(field) as pilot:
        field.focus()
        await pilot.press("end", "/", "b")
        assert field.value == "s3://b"
