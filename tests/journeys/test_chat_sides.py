"""Two answers side by side: asked again, stopped, kept, found later, and which side has the keys."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

from tests.harness import PATIENCE, Walk
from tests.journeys.chatting import ANSWER, BASE, QUESTION, TUNED, ask, chatting, stored, write
from tests.journeys.stage import HAIKU, sent, served
from tui.dialogs.answers import AnswersDialog
from tui.domain.chat.chat import Target
from tui.domain.errors import AppError, Cause
from tui.sandbox.faults import FaultKind
from tui.services.chat.history import History
from tui.tabs.chat import ChatTab
from tui.widgets.frame import StatusLine


async def test_a_question_is_asked_again_on_one_side_or_both(walk: Walk) -> None:
    served(walk)
    async with chatting(walk) as tab:
        await ask(walk, tab)
        before = sent(walk, "ConverseStream")
        tab.pane("b").view.focus()
        await walk.press("full_stop")
        await stored(walk, tab)
        assert sent(walk, "ConverseStream") == before + 1
        tab.prompt.focus()
        await walk.press("escape")
        tab.screen.set_focus(None)
        await walk.press("full_stop")
        assert len(tab.conversation.exchanges) == 1


async def test_an_earlier_question_is_edited_and_the_talk_goes_on_from_there(walk: Walk) -> None:
    served(walk)
    async with chatting(walk) as tab:
        for number in (3, 4, 5):
            await ask(walk, tab, f"What is lantern number {number}?")
        assert len(tab.history("a")) == 6
        await walk.press("escape", "e")
        await walk.sees("Which question?", "question 2")
        await walk.press("k", "enter")
        await walk.sees("Question 2", "no longer part of the conversation")
        await walk.type(" And where?")
        await walk.press("ctrl+s")
        await walk.until(lambda: len(tab.conversation.exchanges) == 2, "the new question")
        await stored(walk, tab)
        assert [m.text for m in tab.history("a")][::2] == [QUESTION, "What is lantern number 4? And where?"]
        assert "number 5" not in tab.pane("a").view.text
        # What is no longer part of it is still kept.
        kept = await tab.services.history.search(tab.place, "number 5")
        assert [one.question for one in kept if one.question.endswith("number 5?")] == ["What is lantern number 5?"] * 2


async def test_the_history_is_searched_across_sessions_and_asks_again(walk: Walk) -> None:
    served(walk)
    async with chatting(walk) as tab:
        await ask(walk, tab)
        await ask(walk, tab, "灯籠の5番はどこですか？")
    async with chatting(walk) as tab:
        await walk.sees("L brings back 2 questions")
        await walk.press("escape", "slash")
        await walk.sees("Answers kept here", "灯籠", TUNED)
        await walk.press("slash")
        await walk.type("KEEPER NUMBER")
        await walk.press("enter")
        dialog = walk.app_now.screen
        assert isinstance(dialog, AnswersDialog)
        await walk.until(lambda: len(dialog._answers) == 1, "one answer")
        await walk.sees(ANSWER)
        await walk.press("enter")
        await walk.until(lambda: tab.prompt.text == QUESTION, "the question in the prompt")
        await walk.press("home", "ctrl+k", "escape", "L")
        await walk.sees("What is lantern number 3?", ANSWER)
        assert len(tab.history("a")) == 4
        assert not walk.shows("answered by")
        await ask(walk, tab, "And lantern number 4?")
        assert len(tab.history("a")) == 6
        tab.pane("b").target = Target("third", "third-id", "")
        tab.pane("b").show(tab.conversation.exchanges)
        await walk.sees(f"answered by {BASE}")


async def test_presets_keep_system_prompt_and_parameters(walk: Walk) -> None:
    served(walk)
    async with chatting(walk) as tab:
        await walk.press("escape", "s")
        await walk.sees("System prompt", "settings")
        await walk.press("ctrl+a")
        await walk.type("You are brief, 簡潔に。")
        await walk.press("ctrl+s")
        await walk.sees("簡潔に")
        await walk.press("P")
        await walk.sees("Presets", "keep this")
        await walk.press("enter")
        await walk.type("Brief 短")
        await walk.press("enter")
        await walk.sees("Brief 短 is kept")
        tab.system_prompt = "other"
        await walk.press("P")
        await walk.sees("Brief 短", "drop one")
        await walk.press("g", "enter")
        await walk.sees("Both sides are asked with Brief 短")
        assert "簡潔に" in tab.system_prompt
        await walk.press("P", "G", "enter")
        await walk.sees("Drop which preset?")
        await walk.press("enter")
        await walk.sees("Brief 短 is gone")
        assert await tab.services.presets.all() == []


async def test_one_side_is_stopped_and_the_other_goes_on(walk: Walk) -> None:
    served(walk)
    async with chatting(walk) as tab:
        walk.sandbox.faults.add(kind=FaultKind.STALL, operation="ConverseStream", times=None, seconds=60, after=4)
        tab.prompt.focus()
        await walk.type(QUESTION)
        await walk.press("enter")
        await walk.until(lambda: all(p.view.last_answer.strip() for p in tab.panes), "first words")
        tab.pane("b").view.focus()
        await walk.press("x")
        await walk.until(lambda: [p.busy for p in tab.panes] == [True, False], "the end of B")
        walk.sandbox.faults.clear()
        await walk.until(lambda: bool(tab.history("a")), "the answer of A")
        assert tab.history("b") == []


async def test_a_slow_side_and_a_cut_one_freeze_nothing(walk: Walk) -> None:
    """One token a second on one side, a cut in mid-answer on the other."""
    served(walk)
    async with chatting(walk) as tab:
        faults = walk.sandbox.faults
        faults.add(kind=FaultKind.CUT, operation="ConverseStream", times=1, after=5)
        faults.add(kind=FaultKind.STALL, operation="ConverseStream", times=1, after=3, seconds=60)
        tab.prompt.focus()
        await walk.type(QUESTION)
        await walk.press("enter")
        await walk.until(lambda: [p.busy for p in tab.panes].count(True) == 1, "the cut side")
        cut, slow = sorted(tab.panes, key=lambda pane: pane.busy)
        await walk.sees("was cut off" if "was cut off" in walk.text else "✗")
        words = cut.view.last_answer.strip()
        assert words
        await walk.type("typed meanwhile")
        assert tab.prompt.text == "typed meanwhile"
        await walk.press("escape")
        await walk.until(lambda: not slow.busy, "the end of the slow side")
        await walk.sees("stopped by you")
        await walk.until(
            lambda: bool(tab.conversation.last and len(tab.conversation.last.replies) == 2), "both replies"
        )
        await stored(walk, tab)
        kept = await tab.services.history.search(tab.place, "")
        assert [row.whole for row in kept] == [False, False]
        assert words in {row.answer.strip() for row in kept}
        assert tab.prompt.text == "typed meanwhile"


async def test_answers_under_way_stand_in_the_store_before_they_end(walk: Walk) -> None:
    served(walk)
    async with chatting(walk) as tab:
        tab.keep_every = 0.05
        walk.sandbox.faults.add(kind=FaultKind.STALL, operation="ConverseStream", times=2, seconds=60, after=4)
        tab.prompt.focus()
        await walk.type(QUESTION)
        await walk.press("enter")
        await walk.until(lambda: all(pane.view.last_answer for pane in tab.panes), "the first words")

        def kept() -> list[tuple[str, str, bool]]:
            return [(a["question"], a["footer"], bool(a["answer"])) for a in tab.services.store.answers(tab.place)]

        await walk.until(lambda: kept() == [(QUESTION, "it did not come to an end", True)] * 2, "both in the store")
        walk.sandbox.faults.clear()
        await stored(walk, tab)
        assert [one.whole for one in await tab.services.history.search(tab.place, "")] == [True, True]


async def test_another_system_prompt_than_the_tuned_one_is_told(walk: Walk) -> None:
    served(walk)
    async with chatting(walk) as tab:
        tab.tuned_with = "You are the keeper."
        tab.show_line()
        await walk.sees("not the one it was tuned with")
        await walk.press("escape", "s")
        await walk.sees("what the model was tuned with", "You are the keeper.")
        await walk.press("tab", "g", "enter", "ctrl+s")
        await walk.misses("not the one it was tuned with")
        assert tab.system_prompt == "You are the keeper."


async def test_a_profile_tells_lifecycle_and_kind(walk: Walk) -> None:
    served(walk, HAIKU)
    async with chatting(walk) as tab:
        tab.pane("b").aim(Target("Old", "x.old-v1:0", "base model", lifecycle="legacy, end of life 2027-04-08"))
        await walk.sees("B  Old · base model · legacy, end of life 2027")


async def test_the_price_comes_to_its_model_even_when_bedrocks_lists_come_first_and_sides_are_shuffled(
    walk: Walk,
) -> None:
    served(walk)
    walk.sandbox.faults.add(kind="slow", operation="GetProducts", seconds=60, times=None)
    async with chatting(walk) as tab:
        await walk.until(lambda: sent(walk, "ListInferenceProfiles") > 0, "the live lists")
        await walk.sees(f"B  {BASE} · base model")
        assert "$" not in tab.pane("b").query_one(".pane-title").render_line(0).text
        left, right = tab.panes
        left.target, right.target = right.target, left.target
        walk.sandbox.faults.clear()
        await walk.sees(f"A  {BASE} · base model · $0.25 in, $1.25 out")
        await walk.press("escape", "b")
        await walk.sees("Who answers on side B?")


async def test_where_one_pane_has_room_the_keys_go_to_the_one_that_is_shown(walk: Walk, tmp_path: Path) -> None:
    served(walk)
    async with chatting(walk, [write(tmp_path / "label.json", [(QUESTION, "At gate 21, 門の前。")])], (80, 24)) as tab:
        await ask(walk, tab)
        await walk.press("escape", "ctrl+o")
        await walk.until(lambda: tab.pane("b").view.has_focus, "the focus on B")
        assert tab.here is tab.pane("b")
        await walk.press("R")
        await walk.sees("R  reference", "門の前。")
        await walk.press("ctrl+o")
        await walk.sees(f"A  {TUNED}")
        await walk.press("ctrl+o", "ctrl+o")
        await walk.sees("門の前。")
        await walk.press("R")
        await walk.misses("門の前。")
        await walk.sees(ANSWER)
        await walk.press("ctrl+o")
        await walk.sees(f"B  {BASE}")


async def test_where_one_side_has_room_its_title_tells_of_the_other(walk: Walk) -> None:
    served(walk)
    async with chatting(walk, size=(80, 24)):
        await walk.sees(f"A  {TUNED} · 1 MU", f"ctrl+o: B {BASE}")
        await walk.press("ctrl+o")
        await walk.sees(f"B  {BASE} · base model", "ctrl+o: A")
        await walk.press("escape", "R")
        await walk.sees("R  reference", "R closes it")
        await walk.press("R")
        await walk.sees(f"ctrl+o: B {BASE}")
        await walk.keyboard.resize_terminal(60, 20)
        await walk.sees(f"A  {TUNED} · 1 MU", "ctrl+o: B")
        await walk.keyboard.resize_terminal(120, 30)
        await walk.sees(f"A  {TUNED}", f"B  {BASE}")
        await walk.misses("ctrl+o: ")


async def test_a_side_that_is_chosen_by_itself_leaves_the_keys_where_they_are_of_use(walk: Walk) -> None:
    walk.sandbox.faults.add(kind="slow", operation="ListFoundationModels", seconds=60, times=None)
    async with walk.app(size=(80, 24)) as app:
        await walk.sees(walk.sandbox.account_id)
        await walk.press("4", "escape")
        await walk.sees("A  nobody chosen")
        walk.sandbox.faults.clear()
        await walk.sees(f"B  {BASE}", "i write")
        assert app.screen.focused is app.screen.query_one(ChatTab).pane("b").view
        await walk.press("i")
        await walk.type("why?")
        await walk.sees("why?")


async def test_a_side_that_is_chosen_while_another_tab_is_shown_takes_no_focus(walk: Walk) -> None:
    async with walk.app(size=(80, 24)) as app:
        await walk.sees(walk.sandbox.account_id)
        await walk.press("4")
        await walk.sees("[4 Chat]")
        tab = app.screen.query_one(ChatTab)
        await walk.until(lambda: tab.pane("b").target is not None, "the base model")
        await walk.press("2")
        before = app.screen.focused
        served(walk)
        await walk.pass_time(0)
        await walk.until(lambda: tab.pane("a").target is not None, "the endpoint")
        assert app.screen.focused is before


async def test_an_answer_that_the_disk_refuses_is_kept_as_soon_as_it_has_room(walk: Walk) -> None:
    served(walk)
    async with chatting(walk) as tab:
        tab.keep_again = 0.05
        full = AppError(Cause.FILE, "The disk is full")
        with patch.object(History, "add_now", side_effect=full), patch.object(StatusLine, "STAYS", PATIENCE):
            tab.prompt.focus()
            await walk.type(QUESTION)
            await walk.press("enter")
            await walk.sees("The disk is full", "tok/s")
        await stored(walk, tab)
        kept = await tab.services.history.search(tab.place, "")
        assert sorted((one.side, one.whole, bool(one.answer)) for one in kept) == [("a", True, True), ("b", True, True)]
