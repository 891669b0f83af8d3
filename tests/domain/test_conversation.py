"""Conversations with two sides, and what of them is sent to whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tui.domain.chat.chat import Message, Target
from tui.domain.chat.conversation import Conversation, KeptAnswer, Reply, restored
from tui.domain.dataset.drafts import Probe

TUNED, BASE = Target("keeper", "arn:x", "1 MU", tuned=True), Target("base", "b-v1:0", "base model")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def talk() -> Conversation:
    conversation = Conversation()
    for number in range(3):
        exchange = conversation.ask(Probe(f"q{number}"))
        exchange.replies["a"] = Reply(TUNED, f"a{number}", True, "")
        exchange.replies["b"] = Reply(BASE, f"b{number}", number != 1, "cut off" if number == 1 else "")
    return conversation


def test_only_whole_answers_are_sent_back() -> None:
    conversation = talk()
    assert [m.text for m in conversation.history("a", TUNED)] == ["q0", "a0", "q1", "a1", "q2", "a2"]
    assert [m.text for m in conversation.history("b", BASE)] == ["q0", "b0", "q2", "b2"]
    assert [m.text for m in conversation.history("a", TUNED, before=1)] == ["q0", "a0"]


def test_a_model_is_never_told_what_another_said() -> None:
    assert talk().history("a", BASE) == []


def test_an_answer_without_a_word_is_not_sent_back() -> None:
    conversation = Conversation()
    conversation.ask(Probe("q")).replies["a"] = Reply(TUNED, " \n", True, "")
    assert conversation.history("a", TUNED) == []


def test_the_turns_before_a_probe_belong_to_it() -> None:
    conversation = Conversation()
    before = (Message("user", "hello"), Message("assistant", "hi"))
    conversation.ask(Probe("q", before=before)).replies["a"] = Reply(TUNED, "a", True, "")
    assert [m.role for m in conversation.history("a", TUNED)] == ["user", "assistant"] * 2


def test_what_is_cut_is_no_longer_part_of_it() -> None:
    conversation = talk()
    conversation.cut(1)
    assert [e.probe.question for e in conversation.exchanges] == ["q0"]
    assert conversation.last is conversation.exchanges[0]
    conversation.cut(0)
    assert conversation.last is None


def kept(number: int, turn: int, side: str, question: str, answer: str) -> KeptAnswer:
    at = NOON + timedelta(seconds=number)
    return KeptAnswer(number, side, f"{side}-id", question, "", "", answer, "", True, at, "talk", turn, side)


def test_of_several_answers_to_a_turn_the_newest_counts() -> None:
    answers = [
        kept(1, 0, "a", "q0", "first"),
        kept(2, 0, "b", "q0", "other"),
        kept(3, 1, "a", "q1", "old question"),
        kept(4, 0, "a", "q0", "second"),
        kept(5, 1, "a", "edited", "new"),
    ]
    conversation = restored(answers)
    assert conversation.key == "talk"
    assert [e.probe.question for e in conversation.exchanges] == ["q0", "edited"]
    first, second = conversation.exchanges
    assert {side: reply.text for side, reply in first.replies.items()} == {"a": "second", "b": "other"}
    assert list(second.replies) == ["a"]
    assert conversation.history("a", Target("again", "a-id", ""))[-1].text == "new"


def test_nothing_kept_is_an_empty_conversation() -> None:
    assert restored([]).exchanges == []


def test_answers_brought_back_stand_where_their_models_answer_now() -> None:
    """As after a blind round: the first turn was asked with the sides the other way round."""
    said = [(0, "a", BASE), (0, "b", TUNED), (1, "a", TUNED), (1, "b", BASE), (2, "b", TUNED)]
    rows = [
        replace(kept(n, turn, side, f"q{turn}", f"{target.name} {turn}"), target=target.name, model_id=target.model_id)
        for n, (turn, side, target) in enumerate(said)
    ]
    conversation = restored(rows)
    conversation.meet([TUNED, BASE])
    assert [{s: r.text for s, r in e.replies.items()} for e in conversation.exchanges] == [
        {"b": "base 0", "a": "keeper 0"},
        {"a": "keeper 1", "b": "base 1"},
        {"a": "keeper 2"},
    ]
    assert conversation.exchanges[0].replies["a"].target is TUNED  # so that a vote knows which one was tuned
    assert [m.text for m in conversation.history("a", TUNED)][1::2] == ["keeper 0", "keeper 1", "keeper 2"]
    other = restored(rows)
    other.meet([Target("third", "c", ""), None])
    assert [r.text for r in other.exchanges[0].replies.values()] == ["base 0", "keeper 0"]
