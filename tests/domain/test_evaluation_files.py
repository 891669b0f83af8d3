"""Exports that people and machines read, imports of the same, and files that are refused by line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.evaluated import AT, FAILED, JUDGE, comparison, results
from tui.domain.chat.chat import Message
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation import canary
from tui.domain.evaluation.files import Export, export
from tui.domain.evaluation.headline import headline
from tui.domain.evaluation.jobs import MOST_PROMPTS
from tui.domain.evaluation.judging import Side
from tui.domain.evaluation.predictions import Predictions, import_jsonl, import_predictions
from tui.domain.evaluation.results import Results
from tui.domain.evaluation.spec import IMPORTED, Answer, Group, Question, Slot

QUESTIONS = ("What are Lanterns for?", "提灯とは何ですか。", "Who lights the lanterns?", "When is the festival?")


def predicted(texts: list[tuple[str, str]]) -> bytes:
    """A file of predictions: a JSON list of questions and answers."""
    return json.dumps([{"question": q, "answer": a} for q, a in texts], indent=2, ensure_ascii=False).encode()


LABELS = predicted([(q, f"reference {n}") for n, q in enumerate(QUESTIONS)])
TUNED = predicted([(q, f"tuned | answer {n}\nwith <b>lines</b>") for n, q in enumerate(QUESTIONS)])
BASE = predicted([(q, f"base answer {n}") for n, q in enumerate(QUESTIONS)])


def read(labels: bytes = LABELS, tuned: bytes = TUNED, base: bytes = BASE) -> Predictions:
    names = ("label.json", "fine-tuning-model_prediction.json", "base-model_prediction.json")
    files = [(Path(name), data) for name, data in zip(names, (labels, tuned, base), strict=True)]
    return import_predictions(files[0], files[1], files[2], AT)


def imported(predictions: Predictions) -> Results:
    return Results("1", predictions.spec("lanterns"), AT, predictions.answers)


def refusal(**files: bytes) -> AppError:
    with pytest.raises(AppError) as told:
        read(**files)
    assert told.value.cause is Cause.FILE
    return told.value


def refused(importing: Callable[[], object]) -> AppError | None:
    """The refusal, if it is refused; anything else that is raised is a bug."""
    try:
        importing()
    except AppError as error:
        return error
    return None


def test_predictions_are_imported_side_by_side() -> None:
    found = read()
    assert [q.text for q in found.questions] == list(QUESTIONS)
    assert [q.reference for q in found.questions] == [f"reference {n}" for n in range(4)]
    assert (found.samples, len(found.answers), found.notes) == (1, 8, ())
    assert found.answers[Slot(1, 0, Side.BASE)] == Answer("base answer 1", AT, stop_reason="", imported=True)
    spec = found.spec("lanterns")
    assert (spec.tuned.kind, spec.tuned.model_id, spec.tuned.tuned, spec.base.tuned) == (IMPORTED, "", True, False)
    assert spec.base.name == "base-model_prediction"
    assert imported(found).wanted == imported(found).answered == 8


def test_predictions_in_another_order_case_and_width_are_matched() -> None:
    turned = [("ｗｈｅｎ is the FESTIVAL", "soon"), (QUESTIONS[0], "light")]
    found = read(tuned=predicted(turned))
    assert isinstance(found.answers[Slot(3, 0, Side.TUNED)], Answer)
    assert found.answers[Slot(0, 0, Side.TUNED)].text == "light"
    assert found.notes == ("fine-tuning-model_prediction.json lacks answers to 2 questions: lines 6, 10",)


def test_questions_that_differ_in_signs_only_stay_apart() -> None:
    signs = ["What is C?", "What is C++?", "What is C#?"]
    files = [predicted([(q, f"{kind} {q}") for q in signs]) for kind in ("r", "t", "b")]
    found = read(*files)
    assert [found.answers[Slot(n, 0, Side.TUNED)].text for n in range(3)] == [f"t {q}" for q in signs]


def test_repeated_questions_are_samples() -> None:
    twice = predicted([(q, f"{q} {n}") for n in range(2) for q in QUESTIONS])
    found = read(tuned=twice)
    assert found.samples == 2
    assert found.answers[Slot(2, 1, Side.TUNED)].text == f"{QUESTIONS[2]} 1"
    assert found.notes == ("base-model_prediction.json lacks answers to 4 questions: lines 2, 6, 10, 14",)


@pytest.mark.parametrize(
    ("files", "name", "said"),
    [
        ({"tuned": predicted([("Who?", "x")])}, "fine-tuning-model", "line 2: no reference for Who?"),
        ({"labels": predicted([("A?", "1"), ("B?", "2"), ("A?", "3")])}, "label", "line 10 asks the same as line 2"),
        ({"labels": predicted([("A?", " ")])}, "label", "line 2: the answer is empty"),
        ({"base": b'{"question": "a", "answer": "b"}\n{"question": 1, "answer": 2}\n'}, "base", "line 1: no reference"),
        ({"base": b'{"question": "What are Lanterns for?", "answer": "b"}\n{"question": 3}\n'}, "base", "line 2: "),
        ({"labels": b"[{]"}, "label", ""),
        ({"labels": b""}, "label", ""),
        ({"base": b"\xff\xfe\x00"}, "base", ""),
        ({"tuned": b"=cmd|' /C calc'!A0"}, "fine-tuning", ""),
    ],
)
def test_hostile_files_are_refused_with_their_line(files: dict[str, bytes], name: str, said: str) -> None:
    error = refusal(**files)
    assert name in error.title
    assert said in error.detail


@given(st.binary(max_size=60), st.sampled_from(["labels", "tuned", "base"]))
def test_no_file_crashes_the_import(data: bytes, which: str) -> None:
    problem = refused(lambda: read(**{which: data}))
    assert problem is None or problem.cause is Cause.FILE


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["prompt", "referenceResponse", "modelResponses", "response", "inputRecord"]), inner
        ),
    ),
    max_leaves=12,
)


@given(VALUES)
def test_no_record_crashes_the_import_of_datasets(value: object) -> None:
    data = (json.dumps(value) + "\n").encode()
    problem = refused(lambda: import_jsonl((Path("a"), data), (Path("b"), data), AT))
    if problem is not None:
        assert problem.cause is Cause.FILE
        assert "line 1" in problem.detail or "empty" in problem.title


def test_the_markdown_table_holds_every_question_in_one_line_each() -> None:
    shown = replace(imported(read()), judges=(JUDGE,))
    scored = results([(9.0, 3.0), (6.0, 3.0), (7.0, 2.0), (6.0, 2.0)])
    shown = replace(shown, scores=scored.scores, comparisons=scored.comparisons)
    ((name, text),) = export(shown, JUDGE.id, Export.MARKDOWN).items()
    lines = text.splitlines()
    assert name == "lanterns.md"
    assert lines[0] == "# lanterns"
    assert "tuned − base = +4.5" in text
    assert "no difference shown: 4 questions are too few" in text
    head = lines.index("| prompt | fine-tuned answer | base answer | verdict |")
    rows = lines[head + 2 :]
    assert len(rows) == 4
    for question, row in zip(QUESTIONS, rows, strict=True):
        assert row.startswith(f"| {question} |")
    assert rows[0].endswith(r"tuned \| answer 0<br>with \<b\>lines\</b\> | base answer 0 | tuned (9 : 3) |")


def test_the_table_s_headline_is_the_screen_s_with_general_questions_apart() -> None:
    shown = results([(9.0, 3.0), (6.0, 3.0), (7.0, 2.0), (2.0, 9.0)])
    *own, last = shown.spec.questions
    shown = replace(shown, spec=replace(shown.spec, questions=(*own, replace(last, group=Group.CANARY))))
    lines = [line.strip() for line in export(shown, JUDGE.id, Export.MARKDOWN)["lanterns.md"].splitlines()]
    assert headline(shown, JUDGE.id).text in lines
    apart = headline(shown, JUDGE.id, group=Group.CANARY).text
    assert f"general questions, scored apart: {apart}" in lines


def test_nothing_in_a_cell_is_markup() -> None:
    odd = "a|b\n[x](http://evil) <script> \\ `c` \x1b[31m\r\n*d* &lt; $x$"
    shown = results([(5.0, 5.0)], texts=(odd, "b"))
    text = export(shown, JUDGE.id, Export.MARKDOWN)["lanterns.md"]
    (row,) = [line for line in text.splitlines() if line.startswith("| What")]
    assert r"a\|b<br>\[x\](http://evil) \<script\> \\ \`c\` ␛\[31m<br>\*d\* \&lt; \$x\$" in row
    assert row.replace(r"\|", "").count("|") == 5


def test_csv_holds_every_score_and_no_formula() -> None:
    shown = results([(9.0, FAILED), (2.0, 8.0)], [comparison(Side.TUNED, FAILED), comparison(Side.TUNED, Side.BASE)])
    shown = replace(shown, answers={**shown.answers, Slot(0, 0, Side.TUNED): Answer('=HYPERLINK("x")', AT)})
    text = export(shown, JUDGE.id, Export.CSV)["lanterns.csv"]
    assert text.startswith("\ufeff")
    one, two = csv.DictReader(io.StringIO(text[1:]))
    assert (one["tuned answer"], one["tuned score"], one["base score"], one["tuned - base"]) == (
        "'=HYPERLINK(\"x\")", "9.0", "", "",
    )  # fmt: skip
    assert one["problems"] == FAILED.reason
    assert (two["tuned - base"], two["verdict"], two["flipped"]) == ("-6.0", "tie", "yes")
    assert (two["tuned first prefers"], two["base first prefers"]) == ("tuned", "base")
    assert two["reasons"] == "tuned 2\nbase 8\nwhy\nwhy"


def test_exported_predictions_are_imported_as_they_were() -> None:
    before = read()
    files = export(imported(before), "", Export.PREDICTIONS)
    names = ["label", "fine-tuning-model_prediction", "base-model_prediction"]
    assert list(files) == [f"lanterns-{name}.json" for name in names]
    again = read(*(text.encode() for text in files.values()))
    assert again.answers == before.answers
    assert [q.text for q in again.questions] == [q.text for q in before.questions]
    assert json.loads(files["lanterns-label.json"])[1] == {"question": QUESTIONS[1], "answer": "reference 1"}


@pytest.mark.parametrize("kind", [Export.PREDICTIONS, Export.BEDROCK])
def test_samples_canaries_turns_and_repeated_questions_survive_export_and_import(kind: Export) -> None:
    turns = (Message("user", "Which one?"), Message("assistant", "The red one."))
    asked = [
        Question("Why?", "Because.", 1, earlier=turns),
        Question("Why?", "For light.", 2),
        Question("Why?", "For light.", 3),
        *(replace(q, line=4 + n) for n, q in enumerate(canary.QUESTIONS)),
    ]
    spec = replace(imported(read()).spec, questions=tuple(asked), samples=2)
    answers = {slot: Answer(f"{slot.side} {slot.question} {slot.sample}", AT) for slot in spec.slots}
    made = export(Results("1", spec, AT, answers), "", kind)
    *labels, tuned, base = ((Path(name), text.encode()) for name, text in made.items())
    again = import_predictions(labels[0], tuned, base, AT) if labels else import_jsonl(tuned, base, AT)
    assert [q.text for q in again.questions[:2]] == ["user: Which one?\nassistant: The red one.\nWhy?", "Why?"]
    assert [q.accepted for q in again.questions[2:]] == [q.accepted for q in canary.QUESTIONS]
    assert {q.group for q in again.questions[2:]} == {Group.CANARY}
    assert again.questions[1].group is Group.OWN
    given = [again.answers[Slot(1, sample, Side.BASE)].text for sample in range(4)]
    assert given == ["base 1 0", "base 1 1", "base 2 0", "base 2 1"]
    assert len(again.answers) == len(answers)


def test_exported_datasets_are_imported_as_they_were() -> None:
    before = imported(read())
    files = export(before, "", Export.BEDROCK)
    tuned, base = ((Path(name), text.encode()) for name, text in files.items())
    assert (tuned[0].name, base[0].name) == ("lanterns-tuned.jsonl", "lanterns-base.jsonl")
    assert json.loads(tuned[1].splitlines()[1]) == {
        "prompt": QUESTIONS[1],
        "referenceResponse": "reference 1",
        "category": "own",
        "modelResponses": [{"response": "tuned | answer 1\nwith <b>lines</b>", "modelIdentifier": "tuned"}],
    }
    again = import_jsonl(tuned, base, AT)
    assert again.answers == before.answers
    assert [q.reference for q in again.questions] == [f"reference {n}" for n in range(4)]


def test_results_of_a_job_are_imported_too() -> None:
    record = {"prompt": "Why?", "referenceResponse": "Because."}
    line = {"inputRecord": record, "modelResponses": [{"response": "So.", "modelIdentifier": "tuned"}]}
    file = (Path("x.jsonl"), json.dumps(line).encode())
    assert import_jsonl(file, file, AT).answers[Slot(0, 0, Side.BASE)].text == "So."


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "line 2 is not valid JSON"),
        (b"[]", "line 2: prompt is missing"),
        (b'{"prompt": 1}', "line 2: prompt is no text"),
        (b'{"prompt": "a"}', "line 2: referenceResponse is missing"),
        (b'{"prompt": "a", "referenceResponse": "b"}', "line 2: modelResponses has to hold one response"),
        (b'{"prompt": "a", "referenceResponse": "b", "modelResponses": [{}]}', "line 2: the response is missing"),
        (b'{"prompt":"Why?","referenceResponse":"b","modelResponses":[{"response":"x"}]}', "another reference"),
        (b"\xff", "line 2 is not UTF-8"),
    ],
)
def test_datasets_are_refused_with_their_line(line: bytes, said: str) -> None:
    good = b'{"prompt": "Why?", "referenceResponse": "r", "modelResponses": [{"response": "x"}]}\n'
    with pytest.raises(AppError) as told:
        import_jsonl((Path("a.jsonl"), good), (Path("b.jsonl"), good + line), AT)
    assert said in told.value.detail
    assert "b.jsonl" in told.value.title


def test_datasets_larger_than_a_job_takes_are_cut_into_parts() -> None:
    many = results([(5.0, 5.0)] * (MOST_PROMPTS + 1))
    files = export(many, JUDGE.id, Export.BEDROCK)
    assert [(name, text.count("\n")) for name, text in files.items()] == [
        ("lanterns-tuned-1.jsonl", MOST_PROMPTS),
        ("lanterns-tuned-2.jsonl", 1),
        ("lanterns-base-1.jsonl", MOST_PROMPTS),
        ("lanterns-base-2.jsonl", 1),
    ]


@given(st.text(max_size=200))
def test_names_of_files_are_safe(name: str) -> None:
    shown = results([(5.0, 5.0)])
    shown = replace(shown, spec=replace(shown.spec, name=name))
    for kind in Export:
        for file, text in export(shown, JUDGE.id, kind).items():
            assert Path(file).name == file
            assert not file.startswith((".", "-"))
            assert len(file.encode()) <= 200
            text.encode()


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
def test_any_text_survives_export_and_import(reference: str, answer: str) -> None:
    shown = results([(5.0, 5.0)], texts=(answer, "b"))
    question = Question("What?", reference)
    shown = replace(shown, spec=replace(shown.spec, questions=(question,)))
    files = [(Path(n), t.encode()) for n, t in export(shown, "", Export.BEDROCK).items()]
    if reference.strip():
        again = import_jsonl(files[0], files[1], AT)
        assert again.answers[Slot(0, 0, Side.TUNED)].text == answer.encode("utf-8", "replace").decode()
