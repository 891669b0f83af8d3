"""What the store keeps of Chat: answers with their conversations, votes, presets, origins."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from unittest.mock import patch

from tests.sandbox.conftest import Scene
from tui.domain.chat.chat import Parameters
from tui.domain.chat.conversation import KeptAnswer, Preset
from tui.domain.chat.votes import Verdict, Vote, VotedAnswer
from tui.domain.training.jobs import Job
from tui.services.chat.history import MOST
from tui.services.session import Services
from tui.services.training.run_data import RunData

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ONE = KeptAnswer(
    0, "keeper", "arn:x", "Where is 50%_off?", "sys", "max 8", "At gate 21.", "0.1 s", True, NOON, "talk", 0, "a"
)


async def test_answers_are_found_by_words_in_any_order(services: Services) -> None:
    history = services.history
    first = await history.add("p", ONE)
    second = await history.add("p", replace(ONE, question="門はどこ？", answer="21番です", side="b", whole=False))
    await history.add("elsewhere", ONE)
    assert [one.number for one in await history.search("p", "")] == [second, first]
    assert [one.number for one in await history.search("p", "GATE where")] == [first]
    assert [one.number for one in await history.search("p", "門 21番")] == [second]
    assert [one.number for one in await history.search("p", "50%_off")] == [first]
    assert await history.search("p", "50x_off") == []
    other = await history.add("p", replace(ONE, conversation="another"))
    assert [one.number for one in await history.search("p", "", without="talk")] == [other]
    found = (await history.search("p", "gate"))[-1]
    assert replace(found, number=0, at=NOON) == ONE


async def test_a_round_that_is_blind_in_any_open_window_tells_no_names(services: Services) -> None:
    history = services.history
    older = await history.add("p", replace(ONE, conversation="older"))
    number = await history.add("p", ONE)
    await history.begin_blind("talk")
    assert [one.number for one in await history.search("p", "gate")] == [older]
    assert [one.conversation for one in await history.last_conversation("p")] == ["older"]
    with patch("tui.services.chat.history.alive", lambda header: False):  # the window is gone
        assert [one.number for one in await history.search("p", "gate")] == [number, older]
    await history.end_blind("talk")
    assert [one.number for one in await history.search("p", "gate")] == [number, older]


async def test_the_case_of_no_letter_counts(services: Services) -> None:
    number = await services.history.add(
        "p", replace(ONE, question="ÉTÉ in München", answer="Ｂｅｄｒｏｃｋ は Ελλάδα ｱ")
    )
    for words in ("été", "MÜNCHEN", "ｂＥＤＲＯＣＫ", "ελλάδα", "ΕΛΛΆΔΑ は été", "ｱ"):
        assert [one.number for one in await services.history.search("p", words)] == [number], words
    assert await services.history.search("p", "ete") == []


async def test_an_answer_that_grows_keeps_its_row(services: Services) -> None:
    history = services.history
    number = await history.add("p", replace(ONE, answer="", whole=False, footer="not ended"))
    assert (
        await history.add("p", replace(ONE, number=number, answer="At gate", whole=False, footer="not ended")) == number
    )
    assert [(one.answer, one.whole) for one in await history.search("p", "")] == [("At gate", False)]
    await history.add("p", replace(ONE, number=number, reference="ref"))
    (found,) = await history.search("p", "")
    assert replace(found, number=0, at=NOON) == replace(ONE, reference="ref")


async def test_answers_from_before_conversations_were_kept_are_found_too(services: Services) -> None:
    fields = dict.fromkeys(("target", "model_id", "question", "system", "parameters", "answer", "footer"), "x")
    services.store.add_answer("p", fields, whole=True)
    (found,) = await services.history.search("p", "x")
    assert (found.conversation, found.side, found.blind) == ("", "", False)
    assert await services.history.last_conversation("p") == []


async def test_the_last_conversation_is_that_of_the_newest_answer(services: Services) -> None:
    for number, talk in enumerate(("old", "new", "old", "new")):
        await services.history.add("p", replace(ONE, conversation=talk, turn=number))
    assert [one.turn for one in await services.history.last_conversation("p")] == [1, 3]
    assert await services.history.last_conversation("q") == []


async def test_a_search_gives_the_newest(services: Services) -> None:
    services.store.read("SELECT 1")
    for _ in range(3):
        await services.history.add("p", ONE)
    services.store.write(
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n WHERE x < 600)"
        " INSERT INTO answers (place, target, model_id, question, system, parameters, answer, whole, footer, at)"
        " SELECT 'p', 't', 'm', 'q' || x, '', '', '', 1, '', '2026-11-22T12:00:00+00:00' FROM n"
    )
    found = await services.history.search("p", "")
    assert len(found) == MOST
    assert found[0].question == "q600"


async def test_hostile_text_is_only_text(services: Services) -> None:
    evil = "'; DROP TABLE answers; -- \x1b[31m \ud800 %"
    await services.history.add("p", replace(ONE, question=evil))
    (found,) = await services.history.search("p", "DROP")
    assert found.question.startswith("'; DROP TABLE")


async def test_a_vote_replaces_the_one_before(services: Services) -> None:
    left, right = VotedAnswer(1, "keeper", "arn:x", "A", tuned=True), VotedAnswer(2, "base", "b", "B")
    vote = Vote("q", left, right, Verdict.LEFT, True, NOON, "ref")
    await services.votes.add("p", vote)
    await services.votes.add("p", replace(vote, verdict=Verdict.TIE))
    await services.votes.add("p", replace(vote, right=replace(right, number=3)))
    tie, other = await services.votes.list_votes("p")
    assert (tie.verdict, tie.better, tie.blind, tie.reference) == (Verdict.TIE, None, True, "ref")
    assert other.better == left
    assert await services.votes.list_votes("q") == []


async def test_presets_by_name(services: Services) -> None:
    presets = services.presets
    brief = Preset("brief", "Be brief.", Parameters(64, 0.1, None))
    await presets.save(brief)
    await presets.save(Preset("あ", "", Parameters()))
    await presets.save(replace(brief, system="Be very brief."))
    assert [(p.name, p.system) for p in await presets.all()] == [("brief", "Be very brief."), ("あ", "")]
    assert (await presets.all())[0].parameters == brief.parameters
    await presets.delete("brief")
    assert [p.name for p in await presets.all()] == ["あ"]


def _job(uri: str) -> Job:
    return Job("arn:x/1", "run", "Completed", "arn:aws:bedrock:x/haiku", NOON, training_uri=uri)


async def test_the_system_prompt_of_training_data_is_that_of_most_records(services: Services, scene: Scene) -> None:
    bucket = scene.bucket()
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    rows = [{"system": system, "messages": turns} for system in ("Keeper 灯.", "Other.", "Keeper 灯.")]
    uri = scene.upload("train.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    assert await services.run_data.system_prompt("p", _job(uri)) == "Keeper 灯."
    scene.client("s3").delete_object(Bucket=bucket, Key="train.jsonl")
    fresh = RunData(services.storage, services.store, services.pool)
    assert await fresh.system_prompt("p", _job(uri)) == "Keeper 灯."
    # What was never seen and is gone now is not known; nothing is claimed.
    assert await fresh.system_prompt("elsewhere", _job(uri)) is None


async def test_data_without_a_system_prompt_says_so(services: Services, scene: Scene) -> None:
    scene.bucket()
    uri = scene.upload("train.jsonl", '{"prompt": "q", "completion": "a"}\n' * 3)
    assert await services.run_data.system_prompt("p", _job(uri)) == ""
