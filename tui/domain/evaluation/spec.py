"""What an evaluation asks of whom, and the answers: questions with references, two targets, slots.

How the parts are used:

1. `questions_of(pairs)` makes questions of a file of pairs; `canary.QUESTIONS` are the shipped ones.
2. A `Spec` says what is asked of whom. `services.evaluation.evaluations.Evaluations.create` stores it, `run` asks and
   judges.
3. `Evaluations.load` gives a `results.Results`: everything stored. `results.rows(judge_id)` are the lines of a table,
   `headline.headline(results, judge_id)` is what stands above them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from tui.domain.chat.chat import Message, Parameters, Target
from tui.domain.evaluation.judging import Side
from tui.domain.files.formats import Record
from tui.domain.files.pairs import Damaged, Pairs
from tui.domain.text import normalised
from tui.domain.values import dataclass

IMPORTED = "imported"
"""The kind of a target that only stands for predictions from a file: it has no model id, and is never asked."""


class Group(StrEnum):
    """Where a question comes from. Canary questions are scored apart: they tell what tuning broke."""

    OWN = "own"
    CANARY = "canary"


@dataclass(frozen=True, slots=True)
class Question:
    """One question with its reference answer.

    `line` is its line in the source file, 0 when it has none. `earlier` are the turns before it, `system` its own
    system prompt (else the evaluation's is used). `accepted`: any of these words in an answer counts as right,
    for questions that can be checked without a judge.
    """

    text: str
    reference: str
    line: int = 0
    group: Group = Group.OWN
    earlier: tuple[Message, ...] = ()
    system: str = ""
    accepted: tuple[str, ...] = ()

    @property
    def messages(self) -> tuple[Message, ...]:
        """What is sent."""
        return (*self.earlier, Message("user", self.text))

    @property
    def prompt(self) -> str:
        """The question as one text, with the turns before it."""
        return "".join(f"{turn.role}: {turn.text}\n" for turn in self.earlier) + self.text

    @property
    def key(self) -> str:
        """The same for the same question in any evaluation, whatever its case, width and punctuation."""
        before = "\n".join(m.text for m in self.earlier)
        return normalised(f"{before}\n{self.text}") or f"{before}\n{self.text}"


@dataclass(frozen=True, slots=True)
class Spec:
    """What is asked: both sides get the same messages, system prompt and parameters, `samples` times each.

    `source` is the name of the file of questions and `sha256` that of its content, where there is one; `job_arn`
    the customization job that made the tuned model, where it is known.
    """

    name: str
    questions: tuple[Question, ...]
    tuned: Target
    base: Target
    parameters: Parameters = field(default_factory=Parameters)
    system: str = ""
    samples: int = 1
    source: str = ""
    sha256: str = ""
    job_arn: str = ""

    def target(self, side: Side) -> Target:
        """Who answers on a side."""
        return self.tuned if side is Side.TUNED else self.base

    def system_of(self, question: Question) -> str:
        """The system prompt that a question is asked with."""
        return question.system or self.system

    def can_ask(self, side: Side) -> bool:
        """Whether there is a model to ask; predictions from a file have none."""
        return bool(self.target(side).model_id)

    @property
    def slots(self) -> Iterator[Slot]:
        """Every answer that is wanted, question by question."""
        for number in range(len(self.questions)):
            for sample in range(self.samples):
                yield Slot(number, sample, Side.TUNED)
                yield Slot(number, sample, Side.BASE)


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """The place of one answer: number of the question from 0, sample from 0, side."""

    question: int
    sample: int
    side: Side


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer as it was given. Times in seconds; `sent` are the parameters really asked with.

    `imported` ones came from a file: no model of this evaluation was asked.
    """

    text: str
    at: datetime
    stop_reason: str = "end_turn"
    input_tokens: int | None = None
    output_tokens: int | None = None
    seconds: float | None = None
    sent: Parameters | None = None
    imported: bool = False


def questions_of(pairs: Pairs) -> tuple[tuple[Question, ...], tuple[str, ...]]:
    """The questions with references in a file of pairs, and a sentence for each record that is none.

    Of a conversation the last exchange is asked, with the turns before it.
    """
    found: list[Question] = []
    skipped: list[str] = []
    for index, record in enumerate(pairs):
        line = pairs.line(index)
        made = f"line {line}: {record.reason}" if isinstance(record, Damaged) else _question(record, line)
        if isinstance(made, Question):
            found.append(made)
        else:
            skipped.append(made)
    return tuple(found), tuple(skipped)


def _question(record: Record, line: int) -> Question | str:
    turns = record.turns
    if len(turns) < 2 or [t.role for t in turns[-2:]] != ["user", "assistant"]:
        return f"line {line}: the record does not end in a question and its answer"
    question, answer = turns[-2].text, turns[-1].text
    if not question.strip() or not answer.strip():
        return f"line {line}: the {'answer' if question.strip() else 'question'} is empty"
    earlier = tuple(Message(t.role, t.text) for t in turns[:-2])
    return Question(question, answer, line, earlier=earlier, system=record.system or "")
