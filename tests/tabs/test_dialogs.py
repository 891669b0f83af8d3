"""Dialogs on their own: one answer each, and none from keys typed ahead."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual import work
from textual.app import ComposeResult
from textual.events import Key, Paste
from textual.screen import Screen
from textual.widgets import Input, Static

from tui import dialogs
from tui.dialogs.base import Dialog
from tui.dialogs.choice import Choice, ChoiceDialog
from tui.dialogs.confirm import ConfirmDialog, QuitDialog
from tui.dialogs.help import HelpDialog
from tui.dialogs.split import SplitForm, _kept
from tui.dialogs.text import LineDialog, PathDialog
from tui.domain.dataset.split import Split, Together
from tui.turns import TurnTaking
from tui.widgets.frame import KeyLine


class Host(TurnTaking):
    """Asks one thing and keeps the answers."""

    CSS_PATH = Path(dialogs.__file__).with_name("dialogs.tcss")

    def __init__(self, dialog: Dialog[object]) -> None:
        super().__init__()
        self.dialog = dialog
        self.answers: list[object] = []

    def on_mount(self) -> None:
        self.push_screen(Screen())
        self.push_screen(self.dialog, self.answers.append)


DIALOGS: list[tuple[object, object]] = [
    (lambda: LineDialog("Which?", value="this"), "this"),
    (lambda: ChoiceDialog("Which?", [Choice("k", "title")]), "k"),
]


@pytest.mark.parametrize(("make", "answer"), DIALOGS, ids=["line", "choice"])
async def test_two_enters_in_one_read_answer_once(make: object, answer: object) -> None:
    assert callable(make)
    host = Host(make())
    async with host.run_test() as pilot:
        await pilot.pause()
        depth = len(host.screen_stack)
        for _ in range(5):
            host.post_message(Key("enter", "\r"))
        await pilot.pause()
        await pilot.pause()
        assert host.answers == [answer]
        assert len(host.screen_stack) == depth - 1
        assert host.is_running


@pytest.mark.parametrize(("make", "word"), [(DIALOGS[0][0], "accept"), (DIALOGS[1][0], "choose")])
async def test_what_enter_does_is_named_first(make: object, word: str) -> None:
    assert callable(make)
    host = Host(make())
    async with host.run_test() as pilot:
        await pilot.pause()
        assert host.screen.query_one(KeyLine).keys[:2] == (("enter", word), ("esc", "cancel"))


@pytest.mark.parametrize("key", ["y", "q"])
async def test_keys_typed_ahead_confirm_nothing(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ConfirmDialog, "GRACE", 1000)
    host = Host(QuitDialog(["It bills."]))  # type: ignore[arg-type]
    async with host.run_test() as pilot:
        await pilot.press(key, key, key)
        assert host.answers == []
        assert "was not taken" in str(host.screen.query_one("#dialog-problem", Static).render())
        assert isinstance(host.screen, ConfirmDialog)
        host.screen._hears_from = 0.0  # the moment has passed
        await pilot.press(key)
        assert host.answers == [True]


async def test_a_word_typed_before_it_was_asked_for_is_not_taken() -> None:
    host = Host(ConfirmDialog("Delete?", "It bills.", word="gate"))  # type: ignore[arg-type]
    early = [Key(character, character) for character in "gate"]
    async with host.run_test() as pilot:
        await pilot.pause()
        for key in early:
            host.post_message(key)
        await pilot.pause()
        assert host.screen.query_one(Input).value == ""
        assert host.dialog.hears("ctrl+q", early[0].time), "who leaves is not kept waiting"
        host.post_message(Key("escape", None))
        await pilot.pause()
        assert host.answers == [None]


async def test_another_path_typed_behind_the_proposed_folder_is_meant() -> None:
    host = Host(PathDialog("Which folder?", value="/home/somebody/"))  # type: ignore[arg-type]
    async with host.run_test() as pilot:
        host.post_message(Paste("/tmp/metrics"))
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        assert host.answers == ["/tmp/metrics"]


async def test_what_is_only_read_is_closed_and_what_is_filled_in_is_cancelled() -> None:
    for dialog, word in ((HelpDialog({}), "close"), (LineDialog("Which?"), "cancel")):
        host = Host(dialog)  # type: ignore[arg-type]
        async with host.run_test() as pilot:
            await pilot.pause()
            keys = host.screen.query_one(KeyLine).keys
            assert ("esc", word) in keys
            await pilot.press("escape")
            assert host.answers == [None]


async def test_help_is_searched_by_words_and_by_a_key() -> None:
    groups = {"Jobs": [("s", "Sort the list"), ("S", "Stop the job")], "Always": [("w ctrl+s", "Save the file")]}
    dialog = HelpDialog(groups)
    host = Host(dialog)  # type: ignore[arg-type]
    async with host.run_test() as pilot:

        async def searched(words: str) -> str:
            await pilot.press("slash")
            host.post_message(Paste(words))
            await pilot.pause()
            return str(dialog.query_one("#help-keys", Static).render()).strip()

        everything = await searched("")
        assert [line for line in everything.splitlines() if line] == [
            "Jobs",
            f"{'s':16} Sort the list",
            f"{'S':16} Stop the job",
            "Always",
            f"{'w ctrl+s':16} Save the file",
        ]
        await pilot.press("escape")
        assert await searched("THE fil") == f"Always\n{'w ctrl+s':16} Save the file"
        await pilot.press("escape")
        assert await searched("S") == f"Jobs\n{'S':16} Stop the job"
        await pilot.press("enter", "escape")
        assert await searched("train") == "No key of this view does that"
        await pilot.press("escape")
        assert str(dialog.query_one("#help-keys", Static).render()).strip() == everything
        assert not host.answers
        await pilot.press("escape")
        assert host.answers == [None]


@pytest.mark.parametrize(
    ("validation", "said"),
    [
        (
            (),
            "40 pairs with alike questions stay together, at most 40 in one group, which leaves nothing for validation",
        ),
        ((1,), "at most 40 in one group; so the sizes are not quite as asked"),
        ((1,) * 8, "at most 40 in one group"),
    ],
)
def test_a_part_for_which_nothing_is_left_is_named(validation: tuple[int, ...], said: str) -> None:
    form = SplitForm("20%", "", "1", Together.ALIKE, "/parts.*.json")
    told = _kept(form, Split(((0,) * 32, validation, ()), (32, 8, 0), together=40, largest=40))
    assert said in told
    assert ("keep less together" in told) is (not validation)


class Looking(LineDialog):
    """Looks something up, as slowly as it is told to."""

    def __init__(self) -> None:
        super().__init__("Which?")
        self.found = asyncio.Event()

    def on_mount(self) -> None:
        self._look()

    @work(group="look")
    async def _look(self) -> None:
        await self.found.wait()
        self.query_one(Input).value = "found"


async def test_what_a_dialog_looks_up_ends_with_it() -> None:
    dialog = Looking()
    host = Host(dialog)  # type: ignore[arg-type]
    async with host.run_test() as pilot:
        await pilot.pause()
        (looking,) = dialog.workers
        dialog.dismiss("this")
        assert looking.is_cancelled  # before the fields go, which is before the screen does
        dialog.found.set()
        await pilot.pause()
        assert host.answers == ["this"]
        assert host.is_running


class Talkative(LineDialog):
    """Has more to say than a low window holds, above its body and below it."""

    def closing(self) -> ComposeResult:
        yield Static("below\n" * 9)

    def fields(self) -> ComposeResult:
        yield from super().fields()
        yield Static("inside\n" * 30)


@pytest.mark.parametrize("height", [16, 18, 24, 40])
async def test_the_keys_of_a_dialog_are_in_sight_in_every_window(height: int) -> None:
    host = Host(Talkative("What else? " * 9))  # type: ignore[arg-type]
    async with host.run_test(size=(60, height)) as pilot:
        await pilot.pause()
        await pilot.pause()
        keys = host.screen.query_one(KeyLine).region
        assert keys.height == 1
        assert keys.bottom < height
        assert host.screen.query_one("#dialog-body").region.height >= 3
        await pilot.resize_terminal(60, 16)
        await pilot.pause()
        await pilot.pause()
        assert host.screen.query_one(KeyLine).region.bottom < 16
