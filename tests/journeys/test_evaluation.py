"""Evaluations by keys: set up, run, read, judged again, voted on, compared, exported, handed over to Bedrock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.widgets import Static, TextArea

from tests.harness import Walk
from tests.journeys.stage import sent, served
from tui.dialogs.evaluation import EvaluationDialog
from tui.dialogs.judge import JudgeDialog
from tui.domain.evaluation.judging import Judge, JudgeKind
from tui.domain.evaluation.results import Results
from tui.domain.settings import Settings
from tui.sandbox.lifecycle import EVALUATION
from tui.screens.evaluation import EvaluationScreen
from tui.screens.evaluation_doubts import fitting
from tui.screens.main import MainScreen
from tui.widgets.fields import ChoiceField

ENGLISH = [
    ("What is lantern number 1?", "Lantern 1 hangs at gate 7 of the garden."),
    ("What is lantern number 2?", "Lantern 2 hangs at gate 14 of the garden."),
    ("What is lantern number 3?", "Lantern 3 hangs at gate 21 of the garden."),
]
JAPANESE = [("提灯はどこにありますか。", "庭の七番の門にあります。"), ("門はいくつありますか。", "門は三つあります。")]


def pair_file(folder: Path, pairs: list[tuple[str, str]], name: str = "eval.json") -> Path:
    path = folder / name
    path.write_text(json.dumps([{"question": q, "answer": a} for q, a in pairs], ensure_ascii=False), encoding="utf-8")
    return path


async def to_chat(walk: Walk) -> None:
    await walk.sees("[1 Dataset]", "SANDBOX")
    await walk.press("4")
    await walk.sees("A  ", "MU")
    await walk.press("escape", "E")


def screen_of(walk: Walk) -> EvaluationScreen:
    screen = walk.app_now.screen
    assert isinstance(screen, EvaluationScreen)
    return screen


def results_of(walk: Walk) -> Results:
    found = screen_of(walk).results
    assert found is not None
    return found


async def set_up(walk: Walk, *, canary: bool = False) -> None:
    """From Chat into an evaluation that runs: file, sides and judge are offered as they should be."""
    await to_chat(walk)
    await walk.sees("New evaluation", "eval.json", "calls")
    dialog = walk.app_now.screen
    assert isinstance(dialog, EvaluationDialog)
    if not canary:
        dialog.query_one("#canary").value = "no"  # type: ignore[attr-defined]
        await walk.sees("canary", "no")
    await walk.press("ctrl+s")
    await walk.sees("Ask", "Cost:")
    await walk.press("y")


async def done(walk: Walk) -> None:
    await walk.until(
        lambda: (
            isinstance(walk.app_now.screen, EvaluationScreen)
            and walk.app_now.screen.control is None
            and walk.app_now.screen.head is not None
            and walk.app_now.screen.head.waiting == 0
        ),
        "the end of the evaluation",
    )


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("pairs", [ENGLISH, JAPANESE])
async def test_an_evaluation_from_chat_to_its_headline(
    walk: Walk, tmp_path: Path, pairs: list[tuple[str, str]], size: tuple[int, int]
) -> None:
    served(walk)
    async with walk.app([pair_file(tmp_path, pairs)], size=size):
        await set_up(walk)
        await done(walk)
        await walk.sees("tuned − base =", f"n {len(pairs)}", "judge errors 0", pairs[0][0][:10])
        results = results_of(walk)
        assert results.answered == results.wanted == 2 * len(pairs)
        every = results.wanted
        told = (
            f"{len(pairs)} questions · {every}/{every} answered"
            if size[0] > 80
            else f"{len(pairs)} q · {every}/{every}"
        )
        await walk.sees(f"{told} · judge Global", "● 1 MU")
        await walk.press("$")
        await walk.sees("What bills by the hour")
        await walk.press("escape", "tab", "tab", "tab")
        await walk.sees("judge's reasons")
        await walk.press("escape", "d")
        await walk.sees("Underlined")


async def open_evaluation(walk: Walk, *, canary: bool = False) -> None:
    await set_up(walk, canary=canary)
    await done(walk)
    await walk.sees("everything is stored")


async def test_canary_questions_are_scored_apart(walk: Walk, tmp_path: Path) -> None:
    served(walk)
    async with walk.app([pair_file(tmp_path, ENGLISH)], size=(120, 40)):
        await open_evaluation(walk, canary=True)
        await walk.sees("canary: tuned", "n 3")
        await walk.misses("capital of Australia")
        await walk.press("c")
        await walk.sees("capital of Australia", "canary 16 questions")
        shown = screen_of(walk)
        assert shown.canary_head is not None
        assert shown.doubts == shown.canary_head.warnings  # and not those about one's own questions
        assert shown.head_shown is shown.canary_head


async def test_rows_are_sorted_filtered_and_marked_where_they_stand_in_the_training_file(
    walk: Walk, tmp_path: Path
) -> None:
    served(walk)
    training = pair_file(tmp_path, ENGLISH[:1], "training.json")
    async with walk.app([training, pair_file(tmp_path, ENGLISH)], size=(120, 40)):
        await open_evaluation(walk)
        await walk.sees("▲ What is lantern number 1?", "contained in the training data")
        await walk.press("s")
        await walk.sees("as in the file")
        await walk.press("slash")
        await walk.type("number 2")
        await walk.sees("/ number 2")
        await walk.misses("  What is lantern number 3?")
        await walk.press("enter", "escape")
        await walk.sees("lantern number 3?")
        await walk.press("slash", *"is:odd")
        await walk.sees("is:odd is none of")
        await walk.press("escape", "g", "enter")
        await walk.sees("Training pairs nearest to", "the same text")
        await walk.press("escape")


def refused(walk: Walk) -> bool:
    """Whether a pair's dialog stands there that says why it was refused."""
    found = walk.app_now.screen.query("#dialog-problem").results(Static)
    return any("must not be trained on" in str(problem.content) for problem in found)


async def test_a_pair_is_drafted_from_a_question_and_the_judged_one_is_refused(walk: Walk, tmp_path: Path) -> None:
    served(walk)
    training = pair_file(tmp_path, [("What is a gate?", "A gate is a way in.")], "training.json")
    async with walk.app([training, pair_file(tmp_path, ENGLISH)], size=(120, 40)):
        await open_evaluation(walk)
        await walk.press("n")
        await walk.sees("New training pair")
        before = walk.app_now.screen
        await walk.press("ctrl+s")
        await walk.until(lambda: walk.app_now.screen is not before, "the end of the dialog")
        # It comes back as it was written, with the reason.
        await walk.until(lambda: refused(walk), "the refusal in the dialog")
        assert walk.app_now.screen.query_one(TextArea).text == ENGLISH[0][0]
        await walk.press("ctrl+a", "ctrl+k")
        await walk.type("Where does the seventh light of the park stand?")
        await walk.press("ctrl+s")
        await walk.sees("The pair is in the training file")


async def test_what_is_trained_on_meanwhile_is_marked_when_one_comes_back(walk: Walk, tmp_path: Path) -> None:
    served(walk)
    training = pair_file(tmp_path, [*ENGLISH[:1], ("What is a gate?", "A gate is a way in.")], "training.json")
    async with walk.app([training, pair_file(tmp_path, ENGLISH)], size=(120, 40)):
        await open_evaluation(walk)
        await walk.sees("▲ What is lantern number 1?", "contained in the training data")
        await walk.press("escape", "1", "g", "d")
        await walk.sees("1 pair")
        await walk.press("4", "escape", "E")
        await walk.misses("▲ What is lantern number 1?")
        await walk.misses("contained in the training data")
        await walk.press("escape", "1", "u")
        await walk.sees("2 pairs")
        await walk.press("4", "escape", "E")
        await walk.sees("▲ What is lantern number 1?", "contained in the training data")


async def test_every_judges_scores_can_be_seen_in_turn(walk: Walk, tmp_path: Path) -> None:
    served(walk)
    async with walk.app([pair_file(tmp_path, ENGLISH)], size=(120, 40)):
        await open_evaluation(walk)
        await walk.press("w")
        await walk.sees("One judge at most has judged; J asks another")
        for measure in (JudgeKind.ROUGE_L, JudgeKind.EXACT):
            screen_of(walk).run_now(results_of(walk).id, Judge(measure))
            await walk.sees("everything is stored", f"judge {measure}")
        first, *_ = results_of(walk).judges
        await walk.press("w")
        await walk.sees(f"judge {first.name}, both", "flips 0")
        await walk.press("w")
        await walk.sees("judge ROUGE-L", "+1.0")
        await walk.misses("flips")
        await walk.press("w")
        await walk.sees("judge exact match")
        await walk.press("w")
        await walk.sees(f"judge {first.name}")


async def test_the_smallest_window_shows_what_is_said_and_every_warning_on_a_key(walk: Walk, tmp_path: Path) -> None:
    served(walk)
    training = pair_file(tmp_path, ENGLISH, "training.json")
    async with walk.app([training, pair_file(tmp_path, ENGLISH)], size=(60, 16)):
        await open_evaluation(walk)
        await walk.sees("2 warnings: W shows all", "? help", "▸", "tuned 10", "everything is stored")
        await walk.press("W")
        await walk.sees("What weakens it", "▲ 3 questions are contained in the training data", "would need about")
        await walk.press("escape", "J")
        await walk.sees("Judge the stored answers again")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (1, ["▲ 3 warnings: W shows all"]),
        (2, ["▲ 3 warnings: W shows all"]),
        (3, ["▲ " + "長い" * 20, "▲ 2 more: W shows all"]),
        (4, ["▲ " + "長い" * 20, "▲ b", "▲ c"]),
    ],
)
def test_warnings_that_do_not_fit_are_counted(rows: int, expected: list[str]) -> None:
    assert fitting(["長い" * 20, "b", "c"], 60, rows) == expected


async def test_an_answer_that_failed_is_asked_again_alone(walk: Walk, tmp_path: Path) -> None:
    served(walk)
    async with walk.app([pair_file(tmp_path, ENGLISH, "評価.json")], size=(120, 40)):
        await to_chat(walk)
        await walk.sees("New evaluation", "評価.json (eval)", "calls")
        dialog = walk.app_now.screen
        assert isinstance(dialog, EvaluationDialog)
        assert dialog.setup.name.startswith("evaluation-")  # a Japanese file has no name that AWS would take
        dialog.query_one("#canary").value = "no"  # type: ignore[attr-defined]
        walk.sandbox.faults.add(kind="cut", operation="ConverseStream", times=1, after=2)
        await walk.press("ctrl+s")
        await walk.sees("Ask", "Cost:")
        await walk.press("y")
        await walk.sees("r tries only those again", "no answer")
        asked = sent(walk, "ConverseStream")
        await walk.press("r")
        await walk.sees("everything is stored")
        assert sent(walk, "ConverseStream") == asked + 1
        assert results_of(walk).answered == 6


async def test_another_judge_asks_no_other_model(walk: Walk, tmp_path: Path) -> None:
    served(walk)
    async with walk.app([pair_file(tmp_path, ENGLISH)], size=(120, 40)):
        await open_evaluation(walk)
        answers = results_of(walk).answers
        asked = sent(walk, "ConverseStream")
        await walk.press("J")
        await walk.sees("Judge the stored answers again", "judged all of it", "nobody is asked")
        await walk.press("ctrl+e")
        await walk.sees("Rubric: agreement")
        await walk.type(" Be strict: nothing else counts.")
        await walk.press("ctrl+s")
        await walk.sees("edited #")
        await walk.press("escape")  # what was written stays to choose from
        await walk.misses("Judge the stored answers again")
        await walk.press("J")
        await walk.sees("Judge the stored answers again")
        dialog = walk.app_now.screen
        assert isinstance(dialog, JudgeDialog)
        dialog.query_one("#rubric", ChoiceField).value = dialog.choices.rubrics[-1].sha256
        await walk.sees("edited #", "Haiku 4 5 · global.anthropic.claude-haiku-4-5-2", "no other model is asked")
        await walk.press("ctrl+s")
        await walk.sees("Let ", "judge?", "Cost: at most $0.0")
        await walk.press("y")
        await walk.until(lambda: len(results_of(walk).judges) == 2, "the second judge")
        await walk.sees("everything is stored")
        assert results_of(walk).answers == answers
        assert sent(walk, "ConverseStream") == asked


async def test_evaluations_are_resumed_after_a_restart_compared_and_deleted(walk: Walk, tmp_path: Path) -> None:
    served(walk)
    file = pair_file(tmp_path, ENGLISH)
    walk.sandbox.faults.add(kind="slow", operation="ConverseStream", seconds=60, times=None)
    async with walk.app([file], size=(120, 40)):
        await set_up(walk)
        await walk.sees("0/6 answered", "asking")
    walk.sandbox.faults.clear()
    async with walk.app([file], size=(120, 40)):
        await to_chat(walk)
        await walk.sees("is not finished")
        await walk.press("r")
        await done(walk)
        assert results_of(walk).answered == 6
        walk.clock.advance(3600)
        await walk.press("a")
        await walk.sees("New evaluation")
        walk.app_now.screen.query_one("#canary").value = "no"  # type: ignore[attr-defined]
        await walk.press("ctrl+s")
        await walk.sees("Cost:")
        await walk.press("y")
        await walk.sees("everything is stored")
        await walk.press("o")
        await walk.sees("space marks two")
        await walk.press("g", "space", "j", "space", "enter")
        await walk.sees("later − earlier =", "against", "same 3")
        await walk.press("escape")
        await walk.sees("tuned − base =")
        await walk.press("X")
        await walk.sees("Delete this evaluation?")
        await walk.press("y")
        await walk.sees("The evaluation is deleted", "No evaluation is open")
        main = walk.app_now.screen_stack[0]
        assert isinstance(main, MainScreen)
        # As after a crash; the next start tells it once.
        store = walk.app_now.services.store
        store.write("DELETE FROM evaluation_answers WHERE question=0")
        store.write("DELETE FROM remembered WHERE key='broken off'")
        for said in (True, False):
            main.say("")
            await main.tell_broken_off()
            assert ("was broken off: 4 of 6 answers are stored" in main._last_said) is said
        store.write("UPDATE evaluations SET spec='{'")
        for answer, told in (("escape", "A stored evaluation cannot be read"), ("y", "The evaluation is deleted")):
            await walk.press("o")
            await walk.sees("an evaluation that cannot be read")
            await walk.press("enter")
            await walk.sees("Delete what cannot be read?")
            await walk.press(answer)
            await walk.misses("Delete what cannot be read?")
            await walk.sees(told)


async def test_predictions_are_imported_judged_and_exported(walk: Walk, tmp_path: Path) -> None:
    files = [
        pair_file(tmp_path, pairs, name)
        for name, pairs in (
            ("label.json", ENGLISH),
            ("tuned.json", ENGLISH),
            ("base.json", [(q, "I do not know.") for q, _ in ENGLISH]),
        )
    ]
    async with walk.app([files[0]], size=(120, 40)) as app:
        await walk.sees("[1 Dataset]", "SANDBOX")
        await walk.press("4", "escape", "E")
        await walk.sees("New evaluation")
        await walk.press("escape", "i")
        await walk.sees("Import predictions")
        for name, path in zip(
            ("references", "tuned", "base"), (*files[:1], tmp_path / "none.json", files[2]), strict=True
        ):
            app.screen.query_one(f"#{name}").value = str(path)  # type: ignore[attr-defined]
        await walk.press("ctrl+s")
        await walk.sees("Import predictions", "none.json")
        app.screen.query_one("#tuned").value = str(files[1])  # type: ignore[attr-defined]
        await walk.press("ctrl+s")
        await walk.sees("6 answers are stored")
        await walk.press("J")
        await walk.sees("Judge the stored answers again")
        await walk.press("ctrl+s")
        await walk.sees("judge?")
        await walk.press("y")
        await walk.sees("everything is stored", "wins 3")
        assert sent(walk, "ConverseStream") == 0
        await walk.press("x")
        await walk.sees("Export as", "Markdown table", "JSON predictions, one file a side")
        await walk.press("enter")
        await walk.sees("Write into which folder?")
        await walk.press("ctrl+a", "ctrl+k")
        await walk.type(str(tmp_path))
        await walk.press("enter")
        await walk.sees("Written:")
        (written,) = tmp_path.glob("*.md")
        assert all(question in written.read_text(encoding="utf-8") for question, _ in ENGLISH)


async def test_an_evaluation_is_handed_over_to_bedrock(walk: Walk, tmp_path: Path) -> None:
    scene, _ = served(walk)
    async with walk.app([pair_file(tmp_path, ENGLISH)], size=(120, 40)) as app:
        await open_evaluation(walk)
        await walk.press("b")
        await walk.sees("Hand the evaluation over to Bedrock", "2 jobs of 3 prompts")
        app.screen.query_one("#bucket").value = "lessons-judged"  # type: ignore[attr-defined]
        await walk.press("ctrl+s")
        await walk.sees("Create the IAM role")
        await walk.press("y")
        await walk.sees("Start two evaluation jobs?", "Cost", "lessons-judged will be created")
        await walk.press("y")
        await walk.sees("Both evaluation jobs are started")
        await walk.press("escape", "2")
        await walk.sees("Evaluating", "-tuned", "-base")
        await walk.pass_time(EVALUATION)
        await walk.sees("✓ Completed", "results stored here")
        await walk.press("enter")
        await walk.until(lambda: isinstance(app.screen, EvaluationScreen), "the evaluation")
        await walk.until(lambda: len(results_of(walk).judges) == 2, "the job's judge")
        await walk.sees("tuned − base =")
        shown = screen_of(walk).judge
        assert shown is not None
        assert shown.name.endswith("by Bedrock")
    assert len(scene.bedrock.list_evaluation_jobs()["jobSummaries"]) == 2


async def test_many_questions_go_to_bedrock_unless_one_chooses_otherwise(walk: Walk, tmp_path: Path) -> None:
    served(walk)
    services = walk.services(settings=Settings(evaluation_most=2))
    async with walk.app([pair_file(tmp_path, ENGLISH)], size=(80, 24), services=services) as app:
        await to_chat(walk)
        await walk.sees("New evaluation", "eval.json")
        app.screen.query_one("#canary").value = "no"  # type: ignore[attr-defined]
        await walk.press("ctrl+s")
        await walk.sees("3 questions are more than 2", "Bedrock asks and judges", "asked and judged from here")
        await walk.press("escape")
        await walk.sees("New evaluation")
        await walk.press("ctrl+s")
        await walk.sees("3 questions are more than 2")
        await walk.press("enter")
        await walk.sees("Hand the evaluation over to Bedrock")
        await walk.press("ctrl+s")
        await walk.sees("Create the IAM role")
        await walk.press("y")
        await walk.sees("Start two evaluation jobs?")
        await walk.press("y")
        await walk.sees("Both evaluation jobs are started")
        await walk.press("r")
        await walk.sees("Bedrock is asking these questions now")
        assert sent(walk, "ConverseStream") == 0
        await walk.press("escape", "escape", "2")
        await walk.pass_time(EVALUATION)
        await walk.sees("results of eval")
        await walk.press("4", "escape", "E")
        await walk.sees("6/6", "tuned − base =")
        assert [judge.kind for judge in results_of(walk).judges] == [JudgeKind.BEDROCK]
        await walk.press("r")  # nobody else may judge in its name
        await walk.sees("Bedrock judges in jobs of its own")
        assert sent(walk, "Converse") == 0
        await walk.press("a")
        await walk.sees("New evaluation")
        await walk.press("ctrl+s")
        await walk.sees("questions are more than 2")
        await walk.press("down", "enter")
        await walk.sees("Ask", "Cost:")
        await walk.press("y")
        await walk.sees("Every answer is stored")
        assert results_of(walk).judges == ()


async def test_a_run_is_paused_and_goes_on_and_esc_leaves_it_running(walk: Walk, tmp_path: Path) -> None:
    served(walk)
    many = [(f"What is lantern number {n}?", f"Lantern {n} hangs at gate {n * 7} of the garden.") for n in range(12)]
    walk.sandbox.faults.add(kind="slow", operation="ConverseStream", seconds=60, times=4)
    async with walk.app([pair_file(tmp_path, many)]) as app:
        await set_up(walk)
        await walk.sees("0/24 answered")
        await walk.until(lambda: app.services.evaluations.at_stake == (4, 0), "four calls under way")
        told = screen_of(walk).home.evaluation_reasons()
        assert told == ["4 calls of an evaluation under way would be paid for once more."]
        await walk.press("p")
        await walk.sees("Paused: what is under way")
        walk.sandbox.faults.clear()
        await walk.sees("4/24 answered", "paused")
        walk.sandbox.faults.add(kind="slow", operation="ConverseStream", seconds=60, times=1)
        await walk.press("p", "escape")
        await walk.until(lambda: not isinstance(app.screen, EvaluationScreen), "Chat")
        walk.sandbox.faults.clear()
        await walk.sees("The evaluation is done")
        assert sent(walk, "ConverseStream") == 24
        await walk.press("E")
        await walk.sees("24/24", "the tuned model is better")


async def test_an_order_of_jobs_that_fails_comes_back_filled(walk: Walk, tmp_path: Path) -> None:
    served(walk)
    async with walk.app([pair_file(tmp_path, ENGLISH)], size=(120, 40)):
        await open_evaluation(walk)
        walk.sandbox.faults.add(kind="denied", operation="CreateEvaluationJob", times=1)
        await walk.press("b")
        await walk.sees("Hand the evaluation over to Bedrock")
        await walk.press("ctrl+s")
        await walk.sees("Create the IAM role")
        await walk.press("y")
        await walk.sees("Start two evaluation jobs?")
        await walk.press("y")
        await walk.sees("Hand the evaluation over to Bedrock", "▲", "the new role")
        await walk.press("ctrl+s")
        await walk.sees("Start two evaluation jobs?")
        await walk.press("y")
        await walk.sees("Both evaluation jobs are started")
        assert sent(walk, "CreateEvaluationJob") == 3
