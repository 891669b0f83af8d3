"""Pairs written anew for others to read: in a base model's format, or as plain JSON, JSONL and CSV."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from tui.domain.base_models import BaseModel, DataFormat
from tui.domain.files.formats import FormatError, Record, line
from tui.domain.names import key_problem, plain
from tui.domain.text import count
from tui.domain.values import dataclass

QUESTION, ANSWER, SYSTEM = "question", "answer", "system"
"""Keys of plain pairs, by which every reader knows what is what."""


class Target(StrEnum):
    """What a file is written as."""

    MODEL = "the base model's format, JSONL"
    JSON = "question and answer, JSON list"
    JSONL = "question and answer, JSONL"
    CSV = "question and answer, CSV"


class Systems(StrEnum):
    """Which system prompt each pair is written with."""

    FILL = "its own, else the one set with s"
    SAME = "the one set with s, for all"
    OWN = "its own, else none"
    NONE = "none at all"


@dataclass(frozen=True, slots=True)
class Export:
    """How pairs are written. `system` is the prompt set for the file; `escape`: everything outside ASCII as \\uXXXX."""

    target: Target = Target.MODEL
    systems: Systems = Systems.FILL
    system: str = ""
    escape: bool = False

    def with_system(self, record: Record) -> Record:
        """The record with the system prompt that it is written with."""
        common = self.system if self.system.strip() else None
        own = record.system or None
        match self.systems:
            case Systems.FILL:
                return record if own else replace(record, system=common)
            case Systems.SAME:
                return replace(record, system=common)
            case Systems.OWN:
                return record
            case Systems.NONE:
                return replace(record, system=None)

    @property
    def suffix(self) -> str:
        """How the file's name ends."""
        return {Target.JSON: ".json", Target.CSV: ".csv"}.get(self.target, ".jsonl")


def text_of(record: Record, export: Export, data_format: DataFormat, *, system_column: bool = False) -> str:
    """One record as it stands in the file, without what separates it from the next; `record` has its system prompt.

    Raises FormatError when the target cannot hold it.
    """
    if export.target is Target.MODEL:
        text = line(record, data_format, escape=export.escape)
    elif not record.is_pair:
        turns = count(len(record.turns), "message")
        raise FormatError(f"a plain pair is one question and one answer, this record has {turns}")
    elif export.target is Target.CSV:
        text = _row([record.question, record.answer, *([record.system or ""] if system_column else [])])
    else:
        value = {QUESTION: record.question, ANSWER: record.answer}
        if record.system:
            value[SYSTEM] = record.system
        text = json.dumps(value, ensure_ascii=export.escape)
    if _HALF.search(text):
        raise FormatError("it holds a lone surrogate, which UTF-8 cannot hold")
    return text


_HALF = re.compile("[\ud800-\udfff]")


def _row(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)  # it quotes what its line end is made of
    return out.getvalue().removesuffix("\r\n")


def whole(texts: Iterable[str], export: Export, *, system_column: bool = False) -> Iterator[str]:
    """The file, piece by piece, from the texts of its records."""
    if export.target is Target.CSV:
        yield _row([QUESTION, ANSWER, *([SYSTEM] if system_column else [])]) + "\r\n"
        yield from (f"{text}\r\n" for text in texts)
    elif export.target is Target.JSON:
        before = "[\n  "
        for text in texts:
            yield before + text
            before = ",\n  "
        yield "\n]\n" if before != "[\n  " else "[]\n"
    else:
        yield from (f"{text}\n" for text in texts)


def proposed_path(source: Path, model: BaseModel, export: Export) -> Path:
    """A name beside the source that says what the file is, and that the base model takes."""
    if export.target is not Target.MODEL:
        return source.with_name(f"{source.stem}.pairs{export.suffix}")
    name = f"{source.stem}.{model.key}{export.suffix}"
    return source.with_name(name if not name_problem(name, model) else f"{plain(source.stem)}.{model.key}.jsonl")


def name_problem(name: str, model: BaseModel) -> str:
    """What is wrong with the name of a training file for a base model; empty when nothing is."""
    if model.file_name_pattern and not re.fullmatch(model.file_name_pattern, name):
        return f"{model.name} takes file names of letters, digits and - _ . only"
    return f"S3 keys that jobs read: {found}" if (found := key_problem(name)) else ""
