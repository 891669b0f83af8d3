"""Two answers side by side: votes, blind rounds, corrections, references, and what is left of it all."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.harness import Walk
from tests.journeys.stage import HAIKU, sent, served
from tui.dialogs.answers import AnswersDialog
from tui.dialogs.pair import PairDialog
from tui.dialogs.vote import VoteDialog
from tui.domain.chat.chat import Target
from tui.domain.chat.votes import Verdict
from tui.domain.errors import AppError, Cause
from tui.sandbox.faults import FaultKind
from tui.services.chat.history import History
from tui.tabs.chat import ChatTab

QUESTION = "What is lantern number 3?"
ANSWER = "Lantern 3 hangs at gate 21 of the garden."
TUNED, BASE = "lantern-keeper", "Claude 3 Haiku"


@asynccontextmanager
async def chatting(walk: Walk, files: Sequence[Path] = (), size: tuple[int, int] = (120, 30)) -> AsyncIterator[ChatTab]:
    """On the Chat tab, with a tuned model on side A and its base on side B."""
    async with walk.app(files, size=size) as app:
        await walk.sees("● 1 MU")
        await walk.press("4")
        await walk.sees(f"A  {TUNED} · 1 MU")
        yield app.screen.query_one(ChatTab)


async def ask(walk: Walk, tab: ChatTab, question: str = QUESTION) -> None:
    """Ask, and wait for both answers and for their places in the store."""
    tab.prompt.focus()
    await walk.type(question)
    await walk.press("enter")
    await stored(walk, tab)


async def stored(walk: Walk, tab: ChatTab) -> None:
    def there() -> bool:
        last = tab.conversation.last
        return last is not None and len(last.replies) == 2 and all(r.number for r in last.replies.values())

    await walk.until(there, "both answers in the store")


def write(path: Path, rows: Sequence[tuple[str, str]]) -> Path:
    path.write_text(json.dumps([{"question": q, "answer": a} for q, a in rows]), encoding="utf-8")
    return path


async def test_votes_are_kept_with_all_that_was_compared(walk: Walk) -> None:
    served(walk)
    async with chatting(walk) as tab:
        await walk.press("escape", "v")
        assert not isinstance(walk.app_now.screen, VoteDialog)
        await ask(walk, tab)
        for key, verdict in (("h", Verdict.LEFT), ("l", Verdict.RIGHT), ("t", Verdict.TIE), ("x", Verdict.BOTH_BAD)):
            await walk.press("escape", "v")
            await walk.sees("Which answer is better?", "both are bad", ANSWER)
            await walk.press(key)
            await walk.sees("Your vote is kept")
            votes = await tab.services.votes.list_votes(tab.place)
            assert [vote.verdict for vote in votes] == [verdict]
        (vote,) = votes
        assert (vote.question, vote.blind) == (QUESTION, False)
        assert (vote.left.model, vote.left.text.strip(), vote.left.tuned) == (TUNED, ANSWER, True)
        assert (vote.right.model, vote.right.tuned) == (BASE, False)
        kept = {row.number: row for row in await tab.services.history.search(tab.place, "")}
        assert kept[vote.left.number].answer == vote.left.text
        assert kept[vote.right.number].model_id == vote.right.model_id


async def test_a_vote_needs_two_whole_answers(walk: Walk) -> None:
    served(walk)
    async with chatting(walk) as tab:
        walk.sandbox.faults.add(kind=FaultKind.CUT, operation="ConverseStream", times=1, after=4)
        await ask(walk, tab)
        await walk.press("escape", "v")
        await walk.sees("Two whole answers are needed")


async def test_a_blind_round_tells_nothing_until_the_vote(walk: Walk) -> None:
    served(walk)
    async with chatting(walk) as tab:
        tab.toss = lambda: True
        await walk.press("escape", "B")
        await walk.sees("Blind: from the next question on")
        # One side is slow: its pace must not tell which it is.
        walk.sandbox.faults.add(kind=FaultKind.STALL, operation="ConverseStream", times=1, seconds=60, after=4)
        tab.prompt.focus()
        await walk.type(QUESTION)
        await walk.press("enter")
        await walk.until(lambda: [pane.busy for pane in tab.panes].count(True) == 1, "the quicker side")
        assert not any(pane.view.last_answer for pane in tab.panes)
        exchange = tab.conversation.last
        assert exchange is not None
        exchange.probe = replace(exchange.probe, reference="At a gate.")
        tab.action_differences()  # what is there is not told by marking it either
        await walk.until(lambda: not any(w.group == "dress" for w in tab.workers if w.is_running), "the marks")
        assert not walk.shows("specific information")
        exchange.probe = replace(exchange.probe, reference="")
        tab.action_differences()
        assert not walk.shows(ANSWER)
        body = "\n".join(walk.lines[2:])
        for word in (TUNED, BASE, "MU", "tok/s", "waiting …", "by the hour", "$"):
            assert word not in body, word
        assert body.count("waiting for both …") == 2
        walk.sandbox.faults.clear()
        await stored(walk, tab)
        assert all(pane.view.last_answer for pane in tab.panes)
        body = "\n".join(walk.lines[2:])
        for word in (TUNED, BASE, "MU", "tok/s", "$", "waiting"):
            assert word not in body, word
        await walk.press("escape", "a")
        await walk.sees("The names are hidden")
        await walk.press("C")  # into the training file goes whose answer it was
        assert not isinstance(walk.app_now.screen, PairDialog)
        await walk.press("slash")
        await walk.sees("Answers kept here", "No answer holds these words")
        await walk.press("escape")
        await walk.until(lambda: not isinstance(walk.app_now.screen, AnswersDialog), "the chat")
        # What was asked again is in the history twice, and would be told there by name.
        await walk.press("full_stop")
        await stored(walk, tab)
        await walk.press("escape", "slash")
        await walk.sees("Answers kept here", "No answer holds these words")
        await walk.press("escape")
        await walk.until(lambda: not isinstance(walk.app_now.screen, AnswersDialog), "the chat")
        assert len(await tab.services.history.search(tab.place, "")) == 4
        await walk.press("v", "l")
        await walk.sees(f"{TUNED} is better", f"A  {BASE}", f"B  {TUNED}", "tok/s")
        (vote,) = await tab.services.votes.list_votes(tab.place)
        assert (vote.blind, vote.verdict, vote.better and vote.better.model) == (True, Verdict.RIGHT, TUNED)
        await ask(walk, tab, "What is lantern number 4?")
        await walk.sees("A  not told until you vote")
        assert len(tab.conversation.exchanges) == 1
        await walk.press("escape", "B")
        await walk.sees(f"A  {TUNED}", "The names are told")


async def test_blind_needs_two_models(walk: Walk) -> None:
    served(walk)
    async with chatting(walk) as tab:
        tab.pane("b").target = tab.pane("a").target
        await walk.press("escape", "B")
        await walk.sees("Choose two different models first")
        assert not tab.blind


async def test_a_corrected_answer_goes_to_the_training_file(walk: Walk, tmp_path: Path) -> None:
    served(walk)
    training = write(tmp_path / "training.json", [("Where?", "Here.")] * 3)
    async with chatting(walk, [training]) as tab:
        await walk.press("escape", "C")
        await walk.sees("There is no answer on this side to correct")
        await ask(walk, tab)
        await walk.press("escape", "C")
        await walk.sees(f"Correct the answer of {TUNED}", ANSWER)
        await walk.press("tab")
        await walk.type(" It is red.")
        await walk.press("ctrl+s")
        await walk.sees("Added as pair 4 of training.json")
        await walk.press("1", "w")
        await walk.sees("training.json is saved", "4 pairs")
        added = json.loads(training.read_text(encoding="utf-8"))[3]
        assert (added["question"], added["answer"]) == (QUESTION, f"{ANSWER} It is red.")
        assert added["provenance"]["model"] == TUNED
        assert added["provenance"]["kind"] == "correction"


async def test_a_refused_correction_comes_back_with_all_that_was_written(walk: Walk, tmp_path: Path) -> None:
    served(walk)
    files = [
        write(tmp_path / "training.json", [("Where?", "Here.")]),
        write(tmp_path / "validation.json", [("what is lantern NUMBER 3", "It hangs.")]),
    ]
    async with chatting(walk, files) as tab:
        await ask(walk, tab)
        await walk.press("escape", "C", "tab")
        await walk.type(" 赤い灯籠です。門のそばの木の下に下がっています。")
        await walk.press("ctrl+s")
        await walk.sees("reads like pair 1 of validation.json", "赤い灯籠です")
        dialog = walk.app_now.screen
        assert isinstance(dialog, PairDialog)
        await walk.type(" Say it plainly and at length, please.")
        await walk.press("ctrl+s")
        await walk.sees("holds pair 1 of validation.json")
        await walk.press("escape")
        await walk.sees("esc once more drops what you changed")
        await walk.press("escape")
        await walk.until(lambda: not isinstance(walk.app_now.screen, PairDialog), "the chat")
        assert len(tab.files[0].pairs) == 1


async def test_the_reference_of_an_open_file_stands_beside_the_answers(walk: Walk, tmp_path: Path) -> None:
    served(walk)
    pairs = [("Where?", "Here."), (QUESTION, "Lantern 3 hangs at gate 22 of the yard.")]
    async with chatting(walk, [write(tmp_path / "label.json", pairs)], (140, 30)) as tab:
        await ask(walk, tab, QUESTION.upper())
        await walk.press("escape", "R")
        await walk.sees("R  reference · label.json, pair 2", "gate 22 of the yard")
        await walk.press("d")
        await walk.sees("underlined: not in the answer", "Marked: what the reference")
        view = tab.pane("a").view
        styles = {text: name for line in view._blocks[1].runs for text, name in line}
        assert styles["21"] == "mark"
        await walk.press("d")
        await walk.misses("underlined")
        await walk.press("R")
        await walk.misses("gate 22")


async def test_a_question_of_the_list_brings_its_reference(walk: Walk, tmp_path: Path) -> None:
    served(walk)
    async with chatting(walk, [write(tmp_path / "label.json", [(QUESTION, "At gate 21.")])]) as tab:
        await ask(walk, tab, "What is lantern number 4?")
        await walk.press("escape", "1", "t")
        await walk.sees("R  reference · label.json, pair 1", "At gate 21.")
        await stored(walk, tab)
        # It stands for itself: nothing said before was sent along.
        assert tab.history("a")[0].text == QUESTION
        assert len(tab.conversation.exchanges) == 1
        assert "lantern number 4" in tab.pane("a").view.text


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


async def test_in_a_blind_round_neither_the_warning_nor_a_stopped_answer_tells_who_is_who(
    walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(walk)
    async with chatting(walk) as tab:
        tab.toss = lambda: True

        async def tuned_with(_: str) -> str | None:
            target = tab.pane("a").target
            return "You are the keeper." if target and target.tuned else None

        monkeypatch.setattr(tab, "_tuned_with", tuned_with)
        tab.recall_system()
        await walk.until(lambda: tab.tuned_with is not None, "what it was tuned with")
        tab.system_prompt = "Another."
        tab.show_line()
        await walk.sees("not the one it was tuned with")
        await walk.press("escape", "B")
        walk.sandbox.faults.add(kind=FaultKind.STALL, operation="ConverseStream", times=None, seconds=60, after=4)
        tab.prompt.focus()
        await walk.type(QUESTION)
        await walk.press("enter")
        await walk.sees("A  not told until you vote", "waiting for both")
        tab.recall_system()
        await walk.press("escape")
        await walk.until(lambda: not tab.busy, "both stopped")
        await walk.sees("not the one it was tuned with", "it did not come to an end")
        walk.sandbox.faults.clear()
        walk.sandbox.faults.add(kind=FaultKind.STALL, operation="ConverseStream", times=None, seconds=60, after=4)
        await walk.press("escape", "full_stop")
        await walk.until(lambda: all(pane.busy for pane in tab.panes), "both asked again")
        await walk.press("x")
        await walk.until(lambda: not tab.busy, "both stopped")
        walk.sandbox.faults.clear()
        await walk.press("B")
        await walk.sees("The names are told", f"B  {TUNED}")
        await walk.misses("not the one it was tuned with")


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


async def test_blind_rounds_hide_the_name_of_the_side_that_is_not_shown_too(walk: Walk) -> None:
    served(walk)
    async with chatting(walk, size=(80, 24)) as tab:
        await walk.press("escape", "B")
        await ask(walk, tab)
        await walk.sees("A  not told until you vote", "ctrl+o: B not told")
        assert BASE not in walk.text
        assert TUNED not in walk.text


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
        with patch.object(History, "add_now", side_effect=AppError(Cause.FILE, "The disk is full")):
            tab.prompt.focus()
            await walk.type(QUESTION)
            await walk.press("enter")
            await walk.sees("The disk is full", "tok/s")
        await stored(walk, tab)
        kept = await tab.services.history.search(tab.place, "")
        assert sorted((one.side, one.whole, bool(one.answer)) for one in kept) == [("a", True, True), ("b", True, True)]
