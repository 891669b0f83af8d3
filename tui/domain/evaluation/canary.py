"""What did tuning break? A few general questions, scored apart from the user's own.

They ask for what any base model knows or can do: facts, arithmetic, following a form, keeping to a language, and
declining to make something up. A tuned model that answers them worse has unlearnt something. They are few: they
raise suspicion, and prove nothing.
"""

from __future__ import annotations

import re
import unicodedata

from tui.domain.evaluation.judging import Side
from tui.domain.evaluation.results import Results
from tui.domain.evaluation.spec import Answer, Group, Question
from tui.domain.text import count
from tui.domain.values import dataclass


def _canary(text: str, reference: str, *accepted: str) -> Question:
    return Question(text, reference, group=Group.CANARY, accepted=accepted)


QUESTIONS: tuple[Question, ...] = (
    _canary("What is the capital of Australia?", "Canberra.", "canberra"),
    _canary("How much is 17 times 6? Answer with the number only.", "102", "102"),
    _canary("At what temperature does water boil at sea level, in degrees Celsius?", "100 °C.", "100", "hundred"),
    _canary("Spell the word “rhythm” backwards.", "mhtyhr", "mhtyhr"),
    _canary("Which is heavier: one kilogram of iron or one kilogram of feathers?", "Neither: both weigh one kilogram.",
            "neither", "same", "equal", "equally"),
    _canary("Translate into French: “Good morning”.", "Bonjour.", "bonjour"),
    _canary("If all cats are animals and Tama is a cat, is Tama an animal? Answer yes or no.", "Yes.", "yes"),
    _canary("What does this Python expression give: len('tea' * 3)?", "9", "9", "nine"),
    _canary("Name the largest planet of the solar system.", "Jupiter.", "jupiter"),
    _canary("Write the numbers one to five as a JSON list of integers, and nothing else.", "[1, 2, 3, 4, 5]",
            "[1, 2, 3, 4, 5]", "[1,2,3,4,5]"),
    _canary("日本で一番高い山は何ですか。", "富士山です。", "富士山", "富士"),
    _canary("「猫」の読みをひらがなで答えてください。", "ねこ", "ねこ"),
    _canary("1時間は何秒ですか。数字で答えてください。", "3600秒です。", "3600", "3,600"),
    _canary("次の文を英語に訳してください。「今日は雨です。」", "It is raining today.",
            "rain", "raining", "rains", "rainy"),
    _canary("「大きい」の反対の言葉は何ですか。", "「小さい」です。", "小さい", "ちいさい"),
    _canary("りんごを3個買い、2個もらい、1個食べました。残りは何個ですか。", "4個です。", "4", "四"),
)  # fmt: skip
"""Written for this app; references are short, and `accepted` are what a right answer has to say."""


def is_right(question: Question, answer: str) -> bool | None:
    """Whether an answer says one of the accepted words; None for a question that names none.

    NFKC, case folded; numbers and words of alphabets have to stand by themselves. The question, where the answer
    repeats it, does not count.
    """
    if not question.accepted:
        return None
    text = _folded(answer).replace(_folded(question.text), " ")
    return any(_says(text, _folded(wanted)) for wanted in question.accepted)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _says(text: str, wanted: str) -> bool:
    if not wanted.isascii():
        return wanted in text
    ends = rf"(?<![0-9a-z])(?<![0-9][.,]){re.escape(wanted)}(?![0-9a-z]|[.,][0-9])"
    return re.search(ends, text) is not None


@dataclass(frozen=True, slots=True)
class Canaries:
    """How many canary answers are right, by side, of `n` questions and samples answered on both; `broken` are the
    numbers of questions that base gets right more often than tuned."""

    n: int
    tuned: int
    base: int
    broken: tuple[int, ...]

    @property
    def text(self) -> str:
        """`canary: tuned 14, base 16 of 16 right · 2 questions broken by tuning`, or nothing without answers."""
        if not self.n:
            return ""
        parts = [f"canary: tuned {self.tuned}, base {self.base} of {self.n} right"]
        if self.broken:
            parts.append(f"{count(len(self.broken), 'question')} answered worse than by base")
        return " · ".join(parts)


def canaries(results: Results) -> Canaries:
    """The canary questions of an evaluation, checked without a judge."""
    n = tuned = base = 0
    broken = []
    for number, question in enumerate(results.spec.questions):
        if question.group is not Group.CANARY or not question.accepted:
            continue
        row = results.row(number)
        right = dict.fromkeys(Side, 0)
        for one, two in zip(row.tuned, row.base, strict=True):
            if isinstance(one, Answer) and isinstance(two, Answer):
                n += 1
                right[Side.TUNED] += bool(is_right(question, one.text))
                right[Side.BASE] += bool(is_right(question, two.text))
        tuned, base = tuned + right[Side.TUNED], base + right[Side.BASE]
        if right[Side.TUNED] < right[Side.BASE]:
            broken.append(number)
    return Canaries(n, tuned, base, tuple(broken))
