"""What is wrong with a file of pairs: a list to walk, naming record, field, rule and its source."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import pairwise

from tui.domain.base_models import GUIDE, BaseModel, DataFormat, Limits
from tui.domain.files.bulk_texts import Texts, batches
from tui.domain.files.formats import Record
from tui.domain.files.pairs import Damaged, Pairs, Role
from tui.domain.text import count, has_unsafe, normalised, normalised_lines, safe_line
from tui.domain.values import dataclass

_SAMPLES = "aws-samples data validation script"
OWN_RULE = "tanzaku"
"""The source of what no limit of AWS forbids."""


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
    source: str = OWN_RULE


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
        found.append(_too_long(tokens, model.limits))
    return found


def check_texts(texts: Texts, model: BaseModel, *, closer: bool = True) -> list[Found]:
    """What `check_record` finds in a record that is one question and one answer and nothing else.

    Not `closer`: none of the texts holds a character or word that matters.
    """
    question, answer, system = texts
    tokens, found = _tokens(texts, model), list[Found]()
    if tokens > model.limits.tokens_per_record:
        found.append(_too_long(tokens, model.limits))
    if system is not None:
        found += _text("system", system, model, closer)
    return found + _text("question", question, model, closer) + _text("answer", answer, model, closer)


def _tokens(texts: Texts, model: BaseModel) -> int:
    question, answer, system = texts
    divisor = model.limits.characters_per_token
    return len(question) // divisor + len(answer) // divisor + (len(system) // divisor if system else 0)


def _too_long(tokens: int, limits: Limits) -> Found:
    message = f"≈ {tokens:,} tokens, the limit is {limits.tokens_per_record:,}"
    return "tokens", Severity.ERROR, "record", message, limits.source


def _text(field: str, text: str, model: BaseModel, closer: bool = True) -> list[Found]:
    bare = text.strip()
    if not bare:
        if field == "system":
            return [("blank", Severity.WARNING, field, "the system prompt is blank", OWN_RULE)]
        return [("blank", Severity.ERROR, field, f"the {field} is blank", model.limits.source)]
    found = _held(field, text, model) if closer else []
    if text != bare:
        found.append(("outer space", Severity.WARNING, field, "begins or ends with white space", OWN_RULE))
    return found


def _held(field: str, text: str, model: BaseModel) -> list[Found]:
    """Words and characters in a text that ought not to be there."""
    found: list[Found] = []
    held = [word for word in model.reserved if word in text]
    if held:
        message = f"holds {held[0]!r}, which {model.name} reserves"
        found.append(("reserved text", Severity.ERROR, field, message, _SAMPLES))
    if has_unsafe(text):
        from tui.domain.dataset.characters import visible

        if _LONE_SURROGATE.search(text):
            message = "holds a lone surrogate, which UTF-8 cannot hold"
            found.append(("half a character", Severity.ERROR, field, message, "RFC 3629"))
        elif visible(text) != text:
            message = "holds invisible or control characters"
            found.append(("control character", Severity.WARNING, field, message, OWN_RULE))
    if not text.isascii():
        from tui.domain.dataset.characters import composed

        if composed(text) != text:
            message = "holds letters apart from their marks (not NFC): the same word is another one to a model"
            found.append(("decomposed", Severity.WARNING, field, message, "Unicode Standard Annex 15"))
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
    per_record: list[Problem] = []
    questions = Questions()
    for start, batch in batches(pairs):
        if should_stop():
            return problems
        for offset, closer in doubtful(batch, model):
            texts, index = batch[offset], start + offset
            found = check_texts(texts, model, closer=closer) if texts else check_record(pairs.read(index), model)
            for rule, severity, field, message, source in found:
                if rule == "extra keys" and pairs.layout is not model.data_format:
                    continue  # it is written anew without them, which is told there
                per_record.append(Problem(rule, severity, message, field, index, pairs.line(index), source))
        questions.take(pairs, start, batch)
    again = list(_duplicates(pairs, questions))
    return problems + (sorted([*per_record, *again], key=lambda p: (p.index or 0, p.severity)) if again else per_record)


def doubtful(batch: Sequence[Texts | None], model: BaseModel) -> Iterator[tuple[int, bool]]:
    """Which records of a batch `check_record` has to look at, and how closely; it finds nothing in the others.

    Of a plain pair only the texts can be wrong: these are the rules of `_text`, and that of the tokens, for many
    texts at once.
    """
    limit = model.limits.tokens_per_record
    joined = "\n".join(text for texts in batch if texts for text in texts if text)
    closer = _suspect(joined, model)
    for offset, texts in enumerate(batch):
        if texts is None:
            yield offset, True
            continue
        question, answer, system = texts
        wrong = not question or not answer or question.strip() != question or answer.strip() != answer
        wrong = wrong or _tokens(texts, model) > limit
        wrong = wrong or (system is not None and (not system or system.strip() != system))
        if wrong or (closer and any(text is not None and _suspect(text, model) for text in texts)):
            yield offset, closer


def _suspect(text: str, model: BaseModel) -> bool:
    if not text.isascii():
        from tui.domain.dataset.characters import APART

        if APART.search(text):
            return True
    return has_unsafe(text) or any(word in text for word in model.reserved)


class Questions:
    """Which records ask the same, by the hash of their questions: a file's worth of them is not kept twice."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        self.again: dict[int, list[int]] = {}
        """For the first record of each question that comes again: the records that repeat it, in their order."""

    def take(self, pairs: Pairs, start: int, batch: Sequence[Texts | None]) -> None:
        """Add the records of a batch."""
        asked: list[tuple[int, str]] = []
        for index, texts in enumerate(batch, start):
            question = texts[0] if texts else _question(pairs.read(index))
            if question and not question.isspace():
                asked.append((index, question))
        keys = normalised_lines([question for _, question in asked])
        for (index, question), key in zip(asked, keys, strict=True):
            first = self._first.setdefault(hash(key or question), index)
            if first != index:
                self.again.setdefault(first, []).append(index)


def _question(record: Record | Damaged) -> str:
    return record.question if isinstance(record, Record) and record.is_pair else ""


def _duplicates(pairs: Pairs, questions: Questions) -> Iterator[Problem]:
    for first, places in questions.again.items():
        record = pairs.read(first)
        question, answer = _question(record), record.answer if isinstance(record, Record) else ""
        for index in places:
            other = pairs.read(index)
            if not isinstance(other, Record) or _asked(other.question) != _asked(question):
                continue  # the same hash of another question
            if other == record:
                rule, what = "duplicate", "the same pair"
            elif normalised(other.answer) == normalised(answer):
                rule, what = "near duplicate", "the same pair but for case, punctuation or system prompt"
            else:
                rule, what = "two answers", "the same question with another answer"
            message = f"{what} stands in record {first + 1}, line {pairs.line(first)}"
            yield Problem(rule, Severity.WARNING, message, "question", index, pairs.line(index))


def _asked(question: str) -> str:
    return normalised(question) or question


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
    if not validation and not limits.training_records[0] <= training <= limits.training_records[1]:
        return None  # the limits of the training file say so
    where = "for training and validation together" if validation else "for training, and none for validation"
    message = f"{count(training + validation, 'record')} {where}; {low:,} to {high:,} are taken"
    return Problem("total records", Severity.ERROR, message, "file", source=limits.source)
