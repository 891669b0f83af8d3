"""Evaluations without any call to the models that answered: predictions of others, and answers voted on in Chat."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from textual.events import Key

from tests.domain.evaluated import BASE, TUNED, results
from tests.harness import Walk
from tests.journeys.test_evaluation import results_of, screen_of
from tui.domain.chat.votes import Verdict, Vote, VotedAnswer
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation.judging import Judge, JudgeKind
from tui.domain.evaluation.spec import Answer, Slot
from tui.services.evaluation.store import EvaluationStore

QUESTIONS = ("What are lanterns for?", "提灯とは何ですか。", "Who lights the lanterns?", "When is the festival?")
SHOWN = results([(9, 3), (9, 3)], texts=("red", "blue"))


def predictions(folder: Path, name: str, answers: list[str]) -> Path:
    path = folder / name
    records = [{"question": q, "answer": a} for q, a in zip(QUESTIONS, answers, strict=False)]
    path.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
    return path


def asked(walk: Walk) -> set[str]:
    return {r.operation for r in walk.sandbox.requests if r.operation.startswith("Converse")}


async def to_evaluation(walk: Walk) -> None:
    await walk.sees("[1 Dataset]", "SANDBOX")
    await walk.press("4")
    await walk.sees("A  ")
    await walk.press("escape", "E")
    await walk.sees("New evaluation")
    await walk.press("escape")
    await walk.sees("No evaluation is open")


async def test_predictions_with_a_gap_are_imported_measured_and_exported(walk: Walk, tmp_path: Path) -> None:
    references = [f"reference {n}" for n in range(4)]
    files = [
        predictions(tmp_path, "label.json", references),
        predictions(tmp_path, "tuned.json", references[:3]),
        predictions(tmp_path, "base.json", ["I do not know."] * 4),
    ]
    async with walk.app([files[0]], size=(120, 40)):
        await to_evaluation(walk)
        await walk.press("i")
        await walk.sees("Import predictions")
        for name, path in zip(("references", "tuned", "base"), files, strict=True):
            walk.app_now.screen.query_one(f"#{name}").value = str(path)  # type: ignore[attr-defined]
        await walk.press("ctrl+s")
        await walk.sees("7 answers are stored", "tuned.json lacks answers to 1 question")
        screen_of(walk).run_now(results_of(walk).id, Judge(JudgeKind.ROUGE_L))
        await walk.sees("n 3", "wins 3 ties 0 losses 0", "without answer 1", "too few for any")
        assert asked(walk) == set()
        await walk.press("x")
        await walk.sees("Export as")
        await walk.press("enter")
        await walk.sees("Write into which folder?")
        walk.app_now.screen.query_one("Input").value = str(tmp_path)  # type: ignore[attr-defined]
        await walk.press("enter")
        await walk.sees("Written:")
    (table,) = [p.read_text("utf-8") for p in tmp_path.glob("label-*.md")]
    assert [q for q in QUESTIONS if f"| {q} |" in table] == list(QUESTIONS)


async def test_a_judge_is_held_to_the_votes_given_in_chat(walk: Walk, tmp_path: Path) -> None:
    async with walk.app([predictions(tmp_path, "label.json", ["a", "b", "c", "d"])], size=(120, 40)):
        await to_evaluation(walk)
        await walk.press("V")
        await walk.sees("No votes of Chat can be judged")
        services, place = screen_of(walk).services, screen_of(walk).place
        for number, verdict in enumerate((Verdict.LEFT, Verdict.BOTH_BAD)):
            sides = [VotedAnswer(2 * number + n, f"m{n}", f"i{n}", text, n == 0) for n, text in enumerate("ab")]
            vote = Vote(QUESTIONS[number], sides[0], sides[1], verdict, True, services.now(), "a")
            await services.votes.add(place, vote)
        await walk.press("V")
        await walk.sees("1 evaluation of your votes", "votes on m0 and m1")
        screen_of(walk).run_now(results_of(walk).id, Judge(JudgeKind.EXACT))
        await walk.sees("agrees with 1 of 2 of your votes")
        assert asked(walk) == set()


async def test_own_verdicts_on_every_sample_tell_no_name_and_are_held_against_the_judge(
    walk: Walk, tmp_path: Path
) -> None:
    judge = Judge(JudgeKind.EXACT)
    async with walk.app([predictions(tmp_path, "label.json", ["a"])], size=(120, 40)):
        await to_evaluation(walk)
        await walk.press("v")
        await walk.sees("No evaluation is open")
        screen = screen_of(walk)
        spec = replace(SHOWN.spec, samples=2)
        answers = {slot: answer for slot in spec.slots if isinstance(answer := SHOWN.answers[first(slot)], Answer)}
        made = await screen.services.evaluations.create(screen.place, spec, answers)
        await screen.load(made.id, judge=judge)
        swaps = iter([True, False, False, True])
        screen.toss = lambda: next(swaps)
        await walk.press("v")
        await walk.sees("Which answer is better? · 1 of 4 · sample 1 of 2", "A  h: this one is better")
        for word in ("tuned", "base", TUNED.name, BASE.name, "judge", "score"):
            assert word not in "\n".join(walk.lines), word
        await walk.press("R")
        await walk.sees("R  Lantern 0.")
        with patch.object(EvaluationStore, "vote", side_effect=AppError(Cause.FILE, "The disk is full")):
            await walk.press("h")
            await walk.sees("The disk is full", "1 of 4")
        # B, both bad, A; then back, taken back, and given anew.
        await walk.press("l", "x", "h")
        await walk.sees("4 of 4 · sample 2 of 2")
        await walk.press("N", "u", "t", "h")
        await walk.sees("All of them have your verdict", "4 of 4", "you: A (u undoes)")
        await walk.press("escape")
        await walk.until(lambda: walk.app_now.screen is screen and len(results_of(walk).votes) == 4, "the votes")
        assert list(results_of(walk).votes.values()) == ["win", "tie", "tie", "loss"]
        await walk.sees("– ✓")
        screen.run_now(made.id, judge)
        await walk.sees("of 4 of your votes")


def first(slot: Slot) -> Slot:
    return replace(slot, sample=0)


async def test_what_is_typed_ahead_behind_tab_goes_to_the_next_field(walk: Walk, tmp_path: Path) -> None:
    async with walk.app([predictions(tmp_path, "label.json", ["a"])], size=(120, 40)) as app:
        await to_evaluation(walk)
        await walk.press("i")
        await walk.sees("Import predictions")
        dialog = app.screen
        dialog.query_one("#references").value = ""  # type: ignore[attr-defined]
        await walk.keyboard.pause()
        for key in ("a", "tab", "b", "tab", "c", "shift+tab", "end", "d"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await walk.until(
            lambda: [dialog.query_one(f"#{n}").value for n in ("references", "tuned", "base")] == ["a", "bd", "c"],  # type: ignore[attr-defined]
            "each text in its own field",
        )
