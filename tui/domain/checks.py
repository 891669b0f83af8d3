"""What is wrong with a file of pairs: a list to walk, naming record, field, rule and its source."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from tui.domain.base_models import GUIDE, BaseModel, DataFormat, Limits
from tui.domain.formats import Record
from tui.domain.pairs import Damaged, Pairs, Role
from tui.domain.text import UNSAFE, count, normalised, safe_line

_SAMPLES = "aws-samples data validation script"


class Severity(StrEnum):
    """An error makes AWS refuse the file or the job; a warning is worth a look."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. `index` is the record from 0, None for the file as a whole; `line` counts from 1."""

    rule: str
    severity: Severity
    message: str
    field: str = ""
    index: int | None = None
    line: int | None = None
    source: str = "tanzaku"


Found = tuple[str, Severity, str, str, str]
"""Rule, severity, field, message, source of a finding in one record."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def check_record(record: Record | Damaged, model: BaseModel) -> list[Found]:
    """Findings in one record, for `model`. Never raises, whatever the record is."""
    if isinstance(record, Damaged):
        return [("unreadable", Severity.ERROR, "record", record.reason, f"{GUIDE}, fine-tuning-troubleshooting")]
    found = _structure(record, model)
    texts = [(_field(i, record), t.text) for i, t in enumerate(record.turns)]
    if record.system is not None:
        texts.insert(0, ("system", record.system))
    for field, text in texts:
        found += _text(field, text, model)
    return found


def _field(number: int, record: Record) -> str:
    if record.is_pair:
        return ("question", "answer")[number]
    return f"messages[{number + 1}]"


def _structure(record: Record, model: BaseModel) -> list[Found]:
    source = model.limits.source
    roles = [t.role for t in record.turns]
    found: list[Found] = []

    def error(rule: str, field: str, message: str) -> None:
        found.append((rule, Severity.ERROR, field, message, source))

    if len(roles) < 2:
        error("two messages", "messages", "at least a question and an answer are needed")
    unknown = sorted({role for role in roles if role not in ("user", "assistant")})
    if unknown:
        error("roles", "messages", f"role {safe_line(unknown[0], 40)!r} is neither user nor assistant")
    elif roles and roles[0] != "user":
        error("first is user", "messages", "the first message is not the user's")
    elif roles and roles[-1] != "assistant":
        error("last is assistant", "messages", "the last message is not the assistant's")
    elif any(a == b for a, b in pairwise(roles)):
        error("alternation", "messages", "user and assistant do not alternate")
    if model.data_format is DataFormat.PROMPT_COMPLETION and len(roles) > 2:
        error(
            "one exchange",
            "messages",
            f"{model.name} takes one question and one answer, not {len(roles)} messages",
        )
    if record.extra_keys and model.data_format is DataFormat.CLAUDE_MESSAGES:
        keys = ", ".join(safe_line(key, 40) for key in record.extra_keys[:3])
        found.append(("extra keys", Severity.ERROR, keys, f"keys that the format does not know: {keys}", source))
    tokens = record.tokens(model.limits.characters_per_token)
    if tokens > model.limits.tokens_per_record:
        error("tokens", "record", f"≈ {tokens:,} tokens, the limit is {model.limits.tokens_per_record:,}")
    return found


def _text(field: str, text: str, model: BaseModel) -> list[Found]:
    if not text.strip():
        return [("blank", Severity.ERROR, field, f"the {field} is blank", model.limits.source)]
    found: list[Found] = []
    held = [word for word in model.reserved if word in text]
    if held:
        message = f"holds {held[0]!r}, which {model.name} reserves"
        found.append(("reserved text", Severity.ERROR, field, message, _SAMPLES))
    if _LONE_SURROGATE.search(text):
        found.append(
            (
                "half a character",
                Severity.ERROR,
                field,
                "holds a lone surrogate, which UTF-8 cannot hold",
                "RFC 3629",
            )
        )
    elif UNSAFE.search(text):
        found.append(("control character", Severity.WARNING, field, "holds invisible or control characters", "tanzaku"))
    if text != text.strip():
        found.append(("outer space", Severity.WARNING, field, "begins or ends with white space", "tanzaku"))
    return found


def check(
    pairs: Pairs, model: BaseModel, role: Role, *, should_stop: Callable[[], bool] = lambda: False
) -> list[Problem]:
    """All problems of a file, those of the whole file first. Returns early when told to stop."""
    problems = list(file_problems(len(pairs), pairs.size, model.limits, role))
    if pairs.blank_lines:
        lines = ", ".join(str(n) for n in pairs.blank_lines[:5])
        text = f"{count(len(pairs.blank_lines), 'blank line')} (line {lines}); left out when converting"
        problems.append(Problem("blank line", Severity.WARNING, text, source=f"{GUIDE}, fine-tuning-troubleshooting"))
    questions: dict[str, list[tuple[int, str]]] = defaultdict(list)
    per_record: list[Problem] = []
    for index, record in enumerate(pairs):
        if index % 1000 == 0 and should_stop():
            return problems
        for rule, severity, field, message, source in check_record(record, model):
            per_record.append(Problem(rule, severity, message, field, index, pairs.line(index), source))
        if isinstance(record, Record) and record.is_pair and record.question.strip():
            questions[normalised(record.question) or record.question].append((index, record.answer))
    per_record += _duplicates(pairs, questions)
    per_record.sort(key=lambda p: (p.index or 0, p.severity))
    return problems + per_record


def _duplicates(pairs: Pairs, questions: dict[str, list[tuple[int, str]]]) -> Iterable[Problem]:
    for places in questions.values():
        first, answer = places[0]
        for index, other in places[1:]:
            same = normalised(other) == normalised(answer)
            rule = "duplicate" if same else "two answers"
            what = "the same pair" if same else "the same question with another answer"
            message = f"{what} stands in record {first + 1}, line {pairs.line(first)}"
            yield Problem(rule, Severity.WARNING, message, "question", index, pairs.line(index))


def file_problems(records: int, size: int, limits: Limits, role: Role) -> Iterable[Problem]:
    """What the limits say of a file of `records` lines and `size` bytes; nothing for evaluation files."""
    if role is Role.EVAL:
        return
    training = role is Role.TRAIN
    low, high = limits.training_records if training else limits.validation_records
    if not low <= records <= high:
        message = f"{count(records, 'record')}; a {role} file takes {low:,} to {high:,}"
        yield Problem("record count", Severity.ERROR, message, "file", source=limits.source)
    most = limits.training_bytes if training else limits.validation_bytes
    if most is not None and size > most:
        message = f"{size:,} bytes, the limit is {most:,}"
        yield Problem("file size", Severity.ERROR, message, "file", source=limits.source)


def total_problem(training: int, validation: int, limits: Limits) -> Problem | None:
    """What the limit on training and validation records together says; None when it is kept."""
    low, high = limits.total_records
    if low <= training + validation <= high:
        return None
    message = f"{training + validation:,} records in both files together; {low:,} to {high:,} are taken"
    return Problem("total records", Severity.ERROR, message, "file", source=limits.source)
