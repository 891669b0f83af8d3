"""Where in a record the question and the answer stand, and how to guess it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tui.domain.base_models import DataFormat
from tui.domain.errors import AppError, Cause
from tui.domain.files.chats import Chat
from tui.domain.files.csv_text import COMMAS, Dialect
from tui.domain.text import safe_line
from tui.domain.values import dataclass

QUESTION_KEYS = (
    "question", "sentence1", "prompt", "instruction", "input", "query", "user", "human", "q", "source",
    "質問", "問", "問題", "入力", "问题", "问", "질문", "frage", "pregunta", "domanda", "pergunta", "vraag", "вопрос",
    "سؤال",
)  # fmt: skip
ANSWER_KEYS = (
    "answer", "sentence2", "completion", "output", "response", "reply", "assistant", "label", "reference",
    "referenceresponse", "target", "a", "回答", "答え", "答", "出力", "答案", "답변", "antwort", "réponse", "respuesta",
    "risposta", "resposta", "antwoord", "ответ", "جواب",
)  # fmt: skip
_NAMED = 12
"""Keys that a sentence names before it tells how many more there are."""
SYSTEM_KEYS = ("system", "system_prompt", "systemprompt")


@dataclass(frozen=True, slots=True)
class Keys:
    """Which keys of a plain pair hold the question, the answer and, if any, the system prompt."""

    question: str
    answer: str
    system: str | None = None
    heading: bool | None = None
    """Of a table: whether its first row names the columns; None where that is guessed."""
    dialect: Dialect | None = None
    """Of a table: how its fields are parted; None where that is guessed."""

    @classmethod
    def of(cls, noted: Sequence[Any]) -> Keys:
        """What `noted` gave, of this version or of one before it."""
        question, answer, system, heading, *dialect = noted
        return cls(question, answer, system, heading, Dialect(*dialect) if dialect else None)

    @property
    def noted(self) -> list[Any]:
        """As plain JSON."""
        dialect = [self.dialect.delimiter, self.dialect.padded] if self.dialect else []
        return [self.question, self.answer, self.system, self.heading, *dialect]

    @property
    def plain(self) -> Keys:
        """The same choice of keys, for any file."""
        return Keys(self.question, self.answer, self.system, self.heading, self.dialect)

    def agrees(self, chosen: Keys) -> bool:
        """Whether these are the chosen keys already."""
        same = (self.question, self.answer) == (chosen.question, chosen.answer)
        parted = self.dialect is None or chosen.dialect in (None, self.dialect)
        return same and parted and chosen.heading in (None, self.heading)

    @property
    def system_key(self) -> str:
        """Where a pair of its own system prompt keeps it, also when no pair has had one yet; else nothing."""
        return self.system or ("" if "system" in (self.question, self.answer) else "system")


@dataclass(frozen=True, slots=True)
class Columns(Keys):
    """Which columns of a table hold them; `names` are those of all columns, given or made."""

    dialect: Dialect = COMMAS
    names: tuple[str, ...] = ()

    @property
    def system_key(self) -> str:
        """The column of system prompts; a table gets no new column."""
        return self.system or ""

    @property
    def places(self) -> tuple[int, int, int | None]:
        """Where question, answer and system prompt stand in a row, from 0."""
        at = self.names.index
        return at(self.question), at(self.answer), None if self.system is None else at(self.system)


Layout = Keys | DataFormat | Chat


class UnclearKeys(AppError):
    """The keys do not tell question from answer; `candidates` may be chosen, `samples` tell what each holds."""

    def __init__(self, name: str, candidates: tuple[str, ...], samples: Sequence[str] = ()) -> None:
        super().__init__(
            Cause.FILE,
            f"{name}: which keys hold the question and the answer?",
            f"keys: {_named(candidates)}",
            "Choose the two keys",
        )
        self.candidates = candidates
        self.samples = tuple(samples)


def _named(keys: Sequence[str]) -> str:
    """The first keys by name; how many there are beside them."""
    more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
    return ", ".join(safe_line(str(key), 30) for key in keys[:_NAMED]) + more


def guess_keys(name: str, sample: Sequence[Mapping[str, Any]]) -> Keys:
    """Question and answer keys by their usual names, else the only two keys that hold text.

    Raises UnclearKeys when neither tells.
    """
    texts: dict[str, int] = {}
    for value in sample:
        for key, content in value.items():
            if isinstance(content, str):
                texts[key] = texts.get(key, 0) + 1
    often = [key for key, number in texts.items() if number * 2 >= len(sample)]
    by_name = {key.strip().casefold(): key for key in often}
    system = next((by_name[n] for n in SYSTEM_KEYS if n in by_name), None)
    question = next((by_name[n] for n in QUESTION_KEYS if n in by_name), None)
    answer = next((by_name[n] for n in ANSWER_KEYS if n in by_name and by_name[n] != question), None)
    rest = [key for key in often if key != system]
    if (question is None) != (answer is None) and len(str(question or answer).strip()) == 1:
        question = answer = None  # `a` means the answer beside `q` only, not beside `b`
    if question is not None and answer is not None:
        return Keys(question, answer, system)
    if len(rest) == 2 and (question is None) == (answer is None):
        return Keys(rest[0], rest[1], system)
    if len(rest) == 2:
        other = next(key for key in rest if key not in (question, answer))
        return Keys(question, other, system) if question is not None else Keys(other, str(answer), system)
    candidates = tuple(rest or texts)
    if len(candidates) < 2:
        seen = _named(list(sample[0])) if sample and sample[0] else "none"
        raise AppError(
            Cause.FILE,
            f"{name} holds no pairs",
            f"keys: {seen}",
            "Two keys with text are needed: a question and an answer",
        )
    raise unclear(name, sample, candidates)


def unclear(name: str, sample: Sequence[Mapping[str, Any]], candidates: Sequence[str] = ()) -> UnclearKeys:
    """To be raised where the keys have to be chosen; all keys with text when no candidates are named."""
    texts = {key: value[key] for value in reversed(sample) for key in value if isinstance(value[key], str)}
    chosen = tuple(candidates or dict.fromkeys(key for value in sample for key in value if key in texts))
    return UnclearKeys(name, chosen, [safe_line(texts.get(key, ""), 80) for key in chosen])
