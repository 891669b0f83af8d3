"""Evaluations as files: predictions read and written, tables for people, data for Bedrock's own evaluation jobs.

Everything here is text in, text out; the caller reads and writes the files.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from enum import StrEnum

from tui.domain.evaluation.headline import headline
from tui.domain.evaluation.jobs import MOST_PROMPTS
from tui.domain.evaluation.judging import Comparison, Failure, Score, Side
from tui.domain.evaluation.results import Results, Row
from tui.domain.evaluation.spec import Answer, Group, Question, Slot
from tui.domain.text import guarded, safe, safe_line

_NOT_IN_NAMES = re.compile(r"[^\w.-]+")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~#&$])")


class Export(StrEnum):
    """What can be written; the value is what a list shows."""

    MARKDOWN = "Markdown table"
    CSV = "CSV, one line an answered question"
    PREDICTIONS = "JSON predictions, one file a side, and the references"
    BEDROCK = "JSONL for Bedrock evaluation jobs, one file a side"


def export(results: Results, judge_id: str, kind: Export, *, leaked: Collection[int] = ()) -> dict[str, str]:
    """The files of one export: name (without folder, safe as a file name) and content.

    CSV begins with a byte order mark, without which spreadsheets misread everything that is not English. Takes as long
    as the headline: not for the UI thread with hundreds of questions.
    """
    makers: dict[Export, Callable[[], dict[str, str]]] = {
        Export.MARKDOWN: lambda: {f"{_stem(results)}.md": _markdown(results, judge_id, leaked)},
        Export.CSV: lambda: {f"{_stem(results)}.csv": _csv(results, judge_id)},
        Export.PREDICTIONS: lambda: _predictions(results),
        Export.BEDROCK: lambda: _bedrock(results),
    }
    return makers[kind]()


def _stem(results: Results) -> str:
    name = unicodedata.normalize("NFC", results.spec.name).encode("utf-8", "replace").decode()
    clean = _NOT_IN_NAMES.sub("-", name).strip("-._")
    while len(clean.encode()) > 120:
        clean = clean[:-1]
    return clean or "evaluation"


# Markdown


def _markdown(results: Results, judge_id: str, leaked: Collection[int]) -> str:
    spec = results.spec
    lines = [f"# {_escaped(spec.name)}", ""]
    judge = results.judge(judge_id)
    if judge is not None:
        groups = {question.group for question in spec.questions}
        found = headline(results, judge_id, group=Group.OWN if Group.OWN in groups else None, leaked=leaked)
        rubric = f", rubric {judge.rubric.sha256[:12]}" if judge.compares else ""
        lines += [f"{_escaped(found.text)}  ", f"{_escaped(found.conclusion)}  "]
        lines += [f"{_escaped(warning)}  " for warning in found.warnings]
        if groups == set(Group):
            apart = headline(results, judge_id, group=Group.CANARY)
            lines.append(f"general questions, scored apart: {_escaped(apart.text)}  ")
        lines += [f"judge: {_escaped(judge.name)}{rubric}", ""]
    lines += ["| prompt | fine-tuned answer | base answer | verdict |", "| --- | --- | --- | --- |"]
    for row in results.rows(judge_id):
        answers = [_cell(_joined(row.answers(side))) for side in Side]
        lines.append(f"| {_cell(row.question.text)} | {answers[0]} | {answers[1]} | {_cell(_verdict(row))} |")
    return "\n".join(lines) + "\n"


def _verdict(row: Row) -> str:
    """`tuned (9 : 3)`."""
    if row.tuned_score is None or row.base_score is None:
        return row.verdict
    return f"{row.verdict} ({row.tuned_score:g} : {row.base_score:g})"


def _joined(answers: tuple[Answer | Failure | None, ...]) -> str:
    texts = [a.text if isinstance(a, Answer) else "(no answer)" for a in answers]
    return texts[0] if len(texts) == 1 else "\n\n".join(f"{n}. {text}" for n, text in enumerate(texts, 1))


def _escaped(text: str) -> str:
    """On one line, and nothing in it is markup."""
    return _MARKDOWN.sub(r"\\\1", safe_line(text, len(text)))


def _cell(text: str) -> str:
    """The whole text in one cell: line ends as `<br>`, the only markup there is."""
    return "<br>".join(_MARKDOWN.sub(r"\\\1", line.replace("\t", " ")) for line in safe(text.strip()).split("\n"))


# CSV

_COLUMNS = (
    "question number", "line", "set", "sample", "question", "reference", "tuned answer", "base answer",
    "tuned score", "base score", "tuned - base", "verdict", "tuned first prefers", "base first prefers", "flipped",
    "reasons", "problems",
)  # fmt: skip


def _csv(results: Results, judge_id: str) -> str:
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for number in range(len(results.spec.questions)):
        for sample in range(results.spec.samples):
            writer.writerow(_csv_row(results, judge_id, number, sample))
    return out.getvalue()


def _csv_row(results: Results, judge_id: str, number: int, sample: int) -> list[str | int | float]:
    question = results.spec.questions[number]
    slots = [Slot(number, sample, side) for side in Side]
    answers = [results.answers.get(slot) for slot in slots]
    scores = [results.scores.get((judge_id, slot)) for slot in slots]
    compared = results.comparisons.get((judge_id, number, sample), Comparison())
    judge = results.judge(judge_id)
    outcome = results.outcome(judge, number, sample) if judge else None
    values = [s.value if isinstance(s, Score) else None for s in scores]
    tuned, base = values
    delta = "" if tuned is None or base is None else tuned - base
    orders = (compared.tuned_first, compared.base_first)
    prefers = ["" if o is None or isinstance(o, Failure) else str(o.prefers or "tie") for o in orders]
    given = [*answers, *scores, *orders]
    reasons = [s.reasons for s in (*scores, *compared.rulings) if s is not None and not isinstance(s, Failure)]
    texts = [a.text if isinstance(a, Answer) else "" for a in answers]
    return [
        number + 1,
        question.line or "",
        str(question.group),
        sample + 1,
        *map(guarded, (question.text, question.reference, *texts)),
        *("" if v is None else v for v in values),
        delta,
        str(outcome or ""),
        *prefers,
        "yes" if compared.flipped else "",
        guarded("\n".join(filter(None, reasons))),
        guarded("\n".join(dict.fromkeys(f.reason for f in given if isinstance(f, Failure)))),
    ]


# Predictions and datasets


def _predictions(results: Results) -> dict[str, str]:
    """A list of questions and answers for each side, and one with the references; turns before a question are part of
    it."""
    spec, stem = results.spec, _stem(results)
    labels = [{"question": q.prompt, "answer": q.reference} for q in spec.questions]
    files = {f"{stem}-label.json": labels}
    names = {Side.TUNED: "fine-tuning-model_prediction", Side.BASE: "base-model_prediction"}
    for side, name in names.items():
        files[f"{stem}-{name}.json"] = [{"question": q.prompt, "answer": a.text} for q, a in _answered(results, side)]
    return {name: _dumped(value, indent=2) + "\n" for name, value in files.items()}


def _bedrock(results: Results) -> dict[str, str]:
    """One dataset a side with its answers brought along, in parts of at most `MOST_PROMPTS` lines."""
    files = {}
    for side in Side:
        lines = [_bedrock_line(question, answer, side) for question, answer in _answered(results, side)]
        parts = [lines[n : n + MOST_PROMPTS] for n in range(0, len(lines), MOST_PROMPTS)] or [[]]
        for number, part in enumerate(parts, 1):
            name = f"{_stem(results)}-{side}" + (f"-{number}" if len(parts) > 1 else "")
            files[f"{name}.jsonl"] = "".join(part)
    return files


def _bedrock_line(question: Question, answer: Answer, side: Side) -> str:
    record = {
        "prompt": question.prompt,
        "referenceResponse": question.reference,
        "category": str(question.group),
        "modelResponses": [{"response": answer.text, "modelIdentifier": str(side)}],
    }
    return _dumped(record) + "\n"


def _answered(results: Results, side: Side) -> Iterator[tuple[Question, Answer]]:
    for slot in results.spec.slots:
        answer = results.answers.get(slot)
        if slot.side is side and isinstance(answer, Answer):
            yield results.spec.questions[slot.question], answer


def _dumped(value: object, indent: int | None = None) -> str:
    """JSON with text as it is, but for lone surrogates, which no file can hold."""
    return json.dumps(value, ensure_ascii=False, indent=indent).encode("utf-8", "replace").decode()
