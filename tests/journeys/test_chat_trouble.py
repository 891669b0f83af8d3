"""Two sides that answer, and what may happen to one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.harness import Walk
from tests.journeys.stage import HALF_A_YEAR, PROFILE, RETIRED, served
from tui.dialogs.choice import ChoiceDialog
from tui.sandbox.faults import FaultKind
from tui.tabs.chat import ChatTab
from tui.widgets.answer_pane import AnswerPane
from tui.widgets.prompt import Prompt

QUESTION = "What is lantern number 3?"
ANSWER = "Lantern 3 hangs at gate 21 of the garden."


@asynccontextmanager
async def chatting(walk: Walk, size: tuple[int, int] = (120, 30)) -> AsyncIterator[ChatTab]:
    """On the Chat tab, with a tuned model on side A and its base on side B."""
    async with walk.app(size=size) as app:
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("● 1 MU")
        await walk.press("c")
        await walk.sees("A  lantern-keeper · 1 MU")
        yield app.screen.query_one(ChatTab)


async def ask(walk: Walk, question: str = QUESTION) -> None:
    await walk.type(question)
    await walk.press("enter")


async def test_one_side_fails_and_the_other_goes_on(walk: Walk) -> None:
    scene, arn = served(walk)
    async with chatting(walk) as tab:
        scene.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
        await walk.sees("not there any more")
        await ask(walk)
        await walk.until(lambda: bool(tab.history("b")) and not tab.pane("a").busy, "the base's answer")
        assert tab.history("a") == []
        assert tab.query_one(Prompt).text == ""
        await walk.sees("▲", "This endpoint is not there any more. ", "Someone may have deleted it")
        place = f"{walk.sandbox.account_id}/{walk.sandbox.region}"
        await walk.until(lambda: len(tab.services.store.answers(place)) == 2, "both answers to be kept")
        kept = tab.services.store.answers(place)
        assert sorted(bool(row["whole"]) for row in kept) == [False, True]


async def test_escape_stops_both_and_keeps_what_came(walk: Walk) -> None:
    served(walk)
    async with chatting(walk) as tab:
        walk.sandbox.faults.add(kind=FaultKind.STALL, operation="ConverseStream", times=None, seconds=60, after=4)
        await ask(walk)
        await walk.until(lambda: all(p.view.last_answer.strip() for p in tab.query(AnswerPane)), "first words")
        first = [p.view.last_answer for p in tab.query(AnswerPane)]
        await walk.press("escape")
        await walk.until(lambda: not any(p.busy for p in tab.query(AnswerPane)), "the end of both")
        assert walk.text.count("stopped by you") >= 2
        for before, side in zip(first, tab.query(AnswerPane), strict=True):
            assert side.view.last_answer.startswith(before)
            assert ANSWER.startswith(before) or side.side == "b"
            assert tab.history(side.side) == []
        walk.sandbox.faults.clear()
        await ask(walk)
        await walk.until(lambda: all(tab.history(p.side) for p in tab.query(AnswerPane)), "whole answers")
        assert tab.history("a")[-1].text.strip() == ANSWER


async def test_a_stream_that_is_cut_keeps_its_words_and_gives_the_question_back(walk: Walk) -> None:
    served(walk)
    async with chatting(walk) as tab:
        walk.sandbox.faults.add(kind=FaultKind.CUT, operation="ConverseStream", times=1, after=4)
        walk.sandbox.faults.add(kind=FaultKind.END, operation="ConverseStream", times=1, after=4)
        await ask(walk)
        await walk.until(lambda: tab.query_one(Prompt).text == QUESTION, "the question to come back")
        await walk.sees("was cut off after")
        assert all(p.view.last_answer.strip() for p in tab.query(AnswerPane))
        assert all(not tab.history(p.side) for p in tab.query(AnswerPane))
        await walk.press("enter")
        await walk.until(lambda: all(tab.history(p.side) for p in tab.query(AnswerPane)), "whole answers")


async def test_a_failure_beside_an_answer_leaves_the_prompt_alone(walk: Walk) -> None:
    """Asked again, the side that has answered would be asked twice."""
    served(walk)
    async with chatting(walk) as tab:
        walk.sandbox.faults.add(kind=FaultKind.EVENT, operation="ConverseStream", times=1, after=2)
        await ask(walk)
        await walk.until(lambda: not any(p.busy for p in tab.query(AnswerPane)), "the end of both")
        assert [bool(tab.history(p.side)) for p in tab.query(AnswerPane)].count(True) == 1
        assert tab.query_one(Prompt).text == ""


async def test_new_chat_and_parameters(walk: Walk) -> None:
    served(walk)
    async with chatting(walk) as tab:
        await ask(walk)
        await walk.until(lambda: all(tab.history(p.side) for p in tab.query(AnswerPane)), "both answers")
        await walk.press("escape", "n")
        assert all(not tab.history(p.side) and not p.view.last_answer for p in tab.query(AnswerPane))
        await walk.press("p")
        await walk.sees("Parameters of both sides", "max=512")
        for nonsense in ("max=0", "t=2", "top_k=1", "max=5000", "t=0,5"):
            await walk.press("home", "ctrl+k")
            await walk.type(nonsense)
            await walk.press("enter")
            await walk.sees("like max=512 t=0.1 top_p=0.9", nonsense)
        await walk.press("home", "ctrl+k")
        await walk.type("max=8 t=0")
        await walk.press("enter")
        await walk.misses("Parameters of both sides")
        assert (tab.parameters.max_tokens, tab.parameters.temperature, tab.parameters.top_p) == (8, 0.0, None)
        await walk.press("i")
        await ask(walk)
        await walk.until(lambda: all(tab.history(p.side) for p in tab.query(AnswerPane)), "short answers")
        assert ANSWER not in tab.pane("a").view.last_answer
        await walk.sees("max tokens")


async def test_other_sides(walk: Walk) -> None:
    """An inference profile, an id typed by hand, and a retired model."""
    walk.clock.advance(HALF_A_YEAR)
    served(walk)
    async with chatting(walk) as tab:
        await walk.press("escape", "b")
        await walk.sees("Who answers on side B?", "US Claude Haiku 4 5", "inference profile")
        dialog = walk.app_now.screen
        assert isinstance(dialog, ChoiceDialog)
        at = next(i for i, choice in enumerate(dialog._choices) if choice.key == PROFILE)
        await walk.press("g", *["j"] * at, "enter")
        await walk.misses("Who answers on side B?")
        target = tab.pane("b").target
        assert target is not None
        assert target.model_id == PROFILE
        await walk.press("i")
        await ask(walk)
        await walk.until(lambda: all(tab.history(p.side) for p in tab.query(AnswerPane)), "the profile's answer")
        await walk.press("escape", "b", "G", "enter")
        await walk.sees("Model id or ARN")
        await walk.type("not an id")
        await walk.press("enter")
        await walk.sees("an id such as")
        await walk.press("home", "ctrl+k")
        await walk.type(RETIRED)
        await walk.press("enter")
        await walk.sees(f"B  {RETIRED}")
        await walk.press("i")
        await ask(walk)
        await walk.until(lambda: len(tab.history("a")) == 4 and not tab.pane("b").busy, "the other side")
        assert tab.history("b") == []
        await walk.sees("retired this model")


async def test_narrow_terminals_flip_the_panes(walk: Walk) -> None:
    served(walk)
    async with chatting(walk, (80, 24)) as tab:
        await ask(walk)
        await walk.press("ctrl+o")
        await walk.sees("B  Claude 3 Haiku")
        await walk.until(lambda: all(tab.history(p.side) for p in tab.query(AnswerPane)), "both answers")
        assert ANSWER not in " ".join(walk.text.split())
        await walk.press("ctrl+o")
        await walk.sees("A  lantern-keeper", "gate 21")


async def test_changing_sides_while_an_answer_comes_mixes_nothing(walk: Walk) -> None:
    served(walk)
    async with chatting(walk) as tab:
        walk.sandbox.faults.add(kind=FaultKind.STALL, operation="ConverseStream", times=None, seconds=60, after=4)
        await ask(walk)
        await walk.until(lambda: bool(tab.pane("a").view.last_answer.strip()), "first words")
        begun = tab.pane("a").target
        await walk.press("ctrl+o")  # no effect on a wide screen
        tab.pane("a").view.focus()
        await walk.press("a")
        await walk.sees("An answer is still coming")
        assert tab.pane("a").target == begun
        await walk.press("escape")
        await walk.until(lambda: not any(p.busy for p in tab.query(AnswerPane)), "the end of both")
        await walk.press("a")
        await walk.sees("Who answers on side A?")


async def test_quitting_while_answers_come_is_no_fault(walk: Walk) -> None:
    served(walk)
    walk.sandbox.faults.add(kind=FaultKind.STALL, operation="ConverseStream", times=None, seconds=60, after=4)
    async with chatting(walk) as tab:
        await ask(walk)
        await walk.until(lambda: bool(tab.pane("a").view.last_answer.strip()), "first words")
        app = walk.app_now
        await walk.press("ctrl+q")
        await walk.sees("An answer is still coming")
        await walk.press("y")
        await walk.until(lambda: not app.is_running, "the end")
    assert app.return_code == 0
