"""Predictions that were made elsewhere, or exported from here, read so that they can be judged without any model."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tui.domain.chat.chat import Target
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation import canary
from tui.domain.evaluation.judging import Side
from tui.domain.evaluation.spec import IMPORTED, Answer, Question, Slot, Spec, questions_of
from tui.domain.files import pairs
from tui.domain.files.pairs import Damaged
from tui.domain.text import count, normalised, safe_line
from tui.domain.values import dataclass

File = tuple[Path, bytes]
_MOST_NOTES = 5
_CANARY = {(q.text, q.reference): q for q in canary.QUESTIONS}
"""Shipped questions are known again, so that they stay apart."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """Questions with references, the answers of both sides, and what is missing, as sentences.

    `Evaluations.create(place, predictions.spec(name), predictions.answers)` makes an evaluation of them; its sides
    have no model id, so what is missing is never asked for.
    """

    questions: tuple[Question, ...]
    samples: int
    answers: Mapping[Slot, Answer]
    names: tuple[str, str]
    notes: tuple[str, ...] = ()

    def spec(self, name: str, source: str = "") -> Spec:
        """What was asked, as far as the files tell; `source` is the file of references."""
        tuned, base = (
            Target(safe_line(Path(file).stem, 60), "", IMPORTED, side is Side.TUNED)
            for file, side in zip(self.names, Side, strict=True)
        )
        return Spec(name, self.questions, tuned, base, samples=self.samples, source=safe_line(source, 80))


def import_predictions(references: File, tuned: File, base: File, at: datetime) -> Predictions:
    """Questions with references and each side's predictions, matched by question.

    Each file is any file of pairs: in the reference file the answers are the references, in the others predictions. A
    question that stands several times among the predictions has several samples. Raises AppError with the line of what
    is wrong: records that cannot be read, references that ask the same, predictions for a question without reference.
    """
    path, data = references
    questions, skipped = questions_of(pairs.read(path, data))
    if skipped:
        raise _refused(path, skipped[0])
    # Asked twice with one reference, it is one question with several samples.
    questions = tuple({(q.prompt.strip(), q.reference): q for q in reversed(questions)}.values())[::-1]
    numbers = _numbers(path, questions)
    given = {side: _read_side(numbers, *file) for side, file in zip(Side, (tuned, base), strict=True)}
    return _together(questions, given, (tuned[0].name, base[0].name), at)


def import_jsonl(tuned: File, base: File, at: datetime) -> Predictions:
    """The same from JSONL of evaluation jobs, datasets or results, which carries prompts, references and answers.

    Raises AppError with the line of what is wrong, also when the two files have not the same references.
    """
    sides = {side: _read_dataset(*file) for side, file in zip(Side, (tuned, base), strict=True)}
    questions: dict[str, Question] = {}
    for side, (path, _) in zip(Side, (tuned, base), strict=True):
        for line, prompt, reference, _ in sides[side]:
            known = questions.setdefault(prompt, Question(prompt, reference, line))
            if known.reference != reference:
                raise _refused(path, f"line {line}: the same question has another reference elsewhere")
    numbers = {prompt: n for n, prompt in enumerate(questions)}
    given: dict[Side, dict[int, list[str]]] = {side: {} for side in Side}
    for side in Side:
        for _, prompt, _, response in sides[side]:
            given[side].setdefault(numbers[prompt], []).append(response)
    return _together(tuple(questions.values()), given, (tuned[0].name, base[0].name), at)


def _known(question: Question) -> Question:
    """A canary question as such."""
    canary_one = _CANARY.get((question.text.strip(), question.reference.strip()))
    return question if canary_one is None else replace(canary_one, line=question.line)


def _together(
    questions: tuple[Question, ...], given: Mapping[Side, Mapping[int, list[str]]], names: tuple[str, str], at: datetime
) -> Predictions:
    questions = tuple(map(_known, questions))
    samples = max((len(texts) for side in given.values() for texts in side.values()), default=1)
    answers = {
        Slot(number, sample, side): Answer(text, at, stop_reason="", imported=True)
        for side, texts_of in given.items()
        for number, texts in texts_of.items()
        for sample, text in enumerate(texts)
    }
    notes = []
    for side, name in zip(Side, names, strict=True):
        missing = [q.line for n, q in enumerate(questions) if len(given[side].get(n, ())) < samples]
        if missing:
            lines = ", ".join(map(str, missing[:_MOST_NOTES])) + (" …" if len(missing) > _MOST_NOTES else "")
            notes.append(f"{safe_line(name, 60)} lacks answers to {count(len(missing), 'question')}: lines {lines}")
    return Predictions(questions, samples, answers, names, tuple(notes))


def _numbers(path: Path, questions: tuple[Question, ...]) -> dict[str, int]:
    """Numbers of the questions by text, and by normalised text where only one has it."""
    numbers: dict[str, int] = {}
    for number, question in enumerate(questions):
        first = numbers.setdefault(question.text.strip(), number)
        if first != number:
            raise _refused(path, f"line {question.line} asks the same as line {questions[first].line}")
    plain = [normalised(q.text) for q in questions]
    often = Counter(plain)
    return {text: n for n, text in enumerate(plain) if text and often[text] == 1} | numbers


def _read_side(numbers: Mapping[str, int], path: Path, data: bytes) -> dict[int, list[str]]:
    given: dict[int, list[str]] = {}
    file = pairs.read(path, data)
    for index, record in enumerate(file):
        where = f"line {file.line(index)}"
        if isinstance(record, Damaged):
            raise _refused(path, f"{where}: {record.reason}")
        question = record.turns[-2].text if len(record.turns) >= 2 else record.question
        number = numbers.get(question.strip(), numbers.get(normalised(question)))
        if number is None:
            raise _refused(path, f"{where}: no reference for {safe_line(question, 80) or 'an empty question'}")
        given.setdefault(number, []).append(record.answer)
    return given


_Line = tuple[int, str, str, str]


def _read_dataset(path: Path, data: bytes) -> list[_Line]:
    """Line, prompt, reference and response of each record."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].count(b"\n")
        raise _refused(path, f"line {before + 1} is not UTF-8") from None
    found: list[_Line] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            raise _refused(path, f"line {number} is not valid JSON") from None
        found.append((number, *_dataset_record(path, number, value)))
    if not found:
        raise AppError(Cause.FILE, f"{safe_line(path.name, 60)} is empty")
    return found


def _dataset_record(path: Path, number: int, value: Any) -> tuple[str, str, str]:
    outer: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    inner = outer.get("inputRecord", outer)
    if not isinstance(inner, Mapping):
        raise _refused(path, f"line {number}: inputRecord is no object")
    prompt, reference = inner.get("prompt"), inner.get("referenceResponse")
    for name, text in (("prompt", prompt), ("referenceResponse", reference)):
        if not isinstance(text, str) or not text.strip():
            raise _refused(path, f"line {number}: {name} is {'missing' if text is None else 'no text'}")
    responses = outer.get("modelResponses") or inner.get("modelResponses")
    if not isinstance(responses, list) or len(responses) != 1 or not isinstance(responses[0], Mapping):
        raise _refused(path, f"line {number}: modelResponses has to hold one response")
    response = responses[0].get("response")
    if not isinstance(response, str):
        raise _refused(path, f"line {number}: the response is {'missing' if response is None else 'no text'}")
    return str(prompt), str(reference), response


def _refused(path: Path, reason: str) -> AppError:
    return AppError(
        Cause.FILE,
        f"{safe_line(path.name, 60)} cannot be imported",
        safe_line(reason, 300),
        "Mend that line, then try again",
    )
