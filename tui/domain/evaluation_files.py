"""Evaluations as files: predictions read and written, tables for people, data for Bedrock's own evaluation jobs.

Everything here is text in, text out; the caller reads and writes the files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tui.domain.evaluation import Answer, Question, Results, Side, Slot


class Export(StrEnum):
    """What can be written; the value is what a list shows."""

    MARKDOWN = "Markdown table"
    CSV = "CSV, one line a question"
    PREDICTIONS = "JSON predictions, one file a side, and the references"
    BEDROCK = "JSONL for Bedrock evaluation jobs, one file a side"


@dataclass(frozen=True, slots=True)
class Predictions:
    """Imported predictions: questions with references, the answers of both sides, and what was left out."""

    questions: tuple[Question, ...]
    samples: int
    answers: Mapping[Slot, Answer]
    notes: tuple[str, ...] = ()


def export(results: Results, judge_id: str, kind: Export) -> dict[str, str]:
    """The files of one export: name (without folder, safe as a file name) and content."""
    raise NotImplementedError


def import_predictions(
    references: tuple[Path, bytes], tuned: tuple[Path, bytes], base: tuple[Path, bytes]
) -> Predictions:
    """Questions with references and each side's predictions, matched by question.

    Each file is a JSON list or JSONL of questions and answers, or JSONL of a Bedrock evaluation job. A question that
    stands several times in a prediction file has several samples. Raises AppError with the line of what is wrong:
    records that cannot be read, predictions for questions that have no reference, references without any prediction.
    """
    raise NotImplementedError


def import_jsonl(tuned: tuple[Path, bytes], base: tuple[Path, bytes]) -> Predictions:
    """The same from two files of JSONL for evaluation jobs, which carry the references. Raises AppError."""
    raise NotImplementedError


def names(results: Results) -> Sequence[str]:
    """Names of the two sides as they stand in the heads of tables."""
    return [f"{side}: {results.spec.target(side).name}" for side in Side]
