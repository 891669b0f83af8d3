"""Votes on two answers, blind rounds, corrections for training, and the reference beside the answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.harness import Walk
from tests.journeys.chatting import ANSWER, BASE, QUESTION, TUNED, ask, chatting, stored, write
from tests.journeys.stage import served
from tui.dialogs.answers import AnswersDialog
from tui.dialogs.pair import PairDialog
from tui.dialogs.vote import VoteDialog
from tui.domain.chat.votes import Verdict
from tui.sandbox.faults import FaultKind


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
        tab.votes.toss = lambda: True
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
        assert await tab.services.history.search(tab.place, "") == []
        assert len(tab.services.store.answers(tab.place)) == 4
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


async def test_in_a_blind_round_neither_the_warning_nor_a_stopped_answer_tells_who_is_who(
    walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    served(walk)
    async with chatting(walk) as tab:
        tab.votes.toss = lambda: True

        async def tuned_with(_: str) -> str | None:
            target = tab.pane("a").target
            return "You are the keeper." if target and target.tuned else None

        monkeypatch.setattr(tab.settings, "_tuned_with", tuned_with)
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


async def test_blind_rounds_hide_the_name_of_the_side_that_is_not_shown_too(walk: Walk) -> None:
    served(walk)
    async with chatting(walk, size=(80, 24)) as tab:
        await walk.press("escape", "B")
        await ask(walk, tab)
        await walk.sees("A  not told until you vote", "ctrl+o: B not told")
        assert BASE not in walk.text
        assert TUNED not in walk.text
