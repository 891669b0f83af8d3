"""A rule that judges answers by the words they share with a reference. It says what it is in every reasoning."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tui.sandbox.assessment import overlap

_TIE = 0.03
"""Difference of the two overlaps below which neither answer is called better."""
_NAMES = {
    "question": ("question", "prompt", "input", "user question"),
    "reference": ("reference", "reference answer", "ground truth", "expected answer", "expected", "correct answer"),
    "a": ("answer a", "response a", "assistant a", "a", "first answer", "first", "answer 1", "response 1"),
    "b": ("answer b", "response b", "assistant b", "b", "second answer", "second", "answer 2", "response 2"),
    "answer": ("answer", "response", "prediction", "submission", "candidate", "model answer", "assistant's answer"),
}
_MEANT = {name: role for role, names in _NAMES.items() for name in names}
_TAGGED = re.compile(r"<([a-z][a-z_ 0-9-]{0,30})>\s*(.*?)\s*</\1>", re.DOTALL | re.IGNORECASE)
_BETWEEN = re.compile(r"\[The Start of ([^\]]{1,40})\]\s*(.*?)\s*\[The End of [^\]]{1,40}\]", re.DOTALL | re.IGNORECASE)
_HEADED = re.compile(
    r"(?:^[ \t]*(?:#{1,6}[ \t]*|\*\*|\[)?|\[(?=(?i:ground truth|reference)\]))"
    r"([A-Za-z][\w' ]{0,30}?)(?:\*\*|\])?[ \t]*(:|(?<=\])|$)",
    re.MULTILINE,
)
_ORDERS = re.compile(r"\n[ \t]*Begin your evaluation\b.*", re.DOTALL | re.IGNORECASE)
"""What some prompts say to the judge right after the reference, under the same heading."""


class Manner(StrEnum):
    """How a judge fails: no answer that can be read, the first answer always, the contrary of its own reasoning."""

    UNREADABLE = "unreadable"
    FIRST = "first"
    CONTRARY = "contrary"


@dataclass(frozen=True, slots=True)
class Judgement:
    """`shares` are the overlaps of what was judged with the reference, 0 to 1, in the order given."""

    shares: tuple[float, ...]
    manner: Manner | None = None

    @property
    def reasoning(self) -> str:
        """What the rule found, and that it is one."""
        head = "Rule of the sandbox, not a judgement: "
        if len(self.shares) < 2:
            return f"{head}answer and reference share {self.shares[0]:.0%} of their words."
        first, second = self.shares[:2]
        better = {"a": "The first is closer.", "b": "The second is closer."}.get(self._winner, "Neither is closer.")
        shares = f"the first answer shares {first:.0%} of its words with the reference, the second {second:.0%}"
        return f"{head}{shares}. {better}"

    @property
    def _winner(self) -> str:
        if len(self.shares) < 2 or abs(self.shares[0] - self.shares[1]) < _TIE:
            return "tie"
        return "a" if self.shares[0] > self.shares[1] else "b"

    def score(self, low: float, high: float, which: int = 0) -> float:
        """A mark on a scale."""
        share = self.shares[min(which, len(self.shares) - 1)]
        if self.manner is Manner.FIRST and len(self.shares) > 1:
            share = 1.0 if which == 0 else 0.0
        if self.manner is Manner.CONTRARY:
            share = 1 - share
        return low + share * (high - low)

    def verdict(self, choices: Sequence[str]) -> str:
        """The better one among the names for first, second and neither."""
        winner = self._winner
        if self.manner is Manner.FIRST:
            winner = "a"
        elif self.manner is Manner.CONTRARY and winner != "tie":
            winner = "b" if winner == "a" else "a"
        return _choice(choices, winner)


def judge(prompt: str, manner: Manner | None = None) -> Judgement | None:
    """What the rule makes of a prompt that holds answers and a reference in named parts; None when it holds none."""
    parts = sections(prompt)
    reference = parts.get("reference") or parts.get("question", "")
    answers = [parts[name] for name in ("a", "b") if name in parts]
    if len(answers) < 2:
        answers = [parts["answer"]] if "answer" in parts else answers
    if not answers:
        return None
    return Judgement(tuple(overlap(answer, reference) for answer in answers), manner)


def sections(prompt: str) -> Mapping[str, str]:
    """The named parts of a prompt: between tags, between start and end marks, else under headings."""
    found: dict[str, str] = {}
    for pattern in (_TAGGED, _BETWEEN):
        for name, text in pattern.findall(prompt):
            role = _role(name)
            if role:
                found.setdefault(role, text)
    heads = [match for match in _HEADED.finditer(prompt) if _role(match[1])]
    ends = [*(match.start() for match in heads), len(prompt)][1:]
    for match, end in zip(heads, ends, strict=False):
        text = prompt[match.end() : end]
        found.setdefault(_role(match[1]), _ORDERS.sub("", text).strip())
    return found


def _role(name: str) -> str:
    return _MEANT.get(" ".join(re.split(r"[\s_-]+", name.strip().casefold())), "")


def _choice(choices: Sequence[str], winner: str) -> str:
    wanted = {"a": {"a", "first", "left", "1"}, "b": {"b", "second", "right", "2"}}
    for choice in choices:
        words = set(re.split(r"[\s_-]+", choice.casefold()))
        if winner in wanted and words & wanted[winner] and "both" not in words:
            return choice
        if winner == "tie" and words & {"tie", "draw", "equal", "neither", "both", "c", "same"}:
            return choice
    return choices[min({"a": 0, "b": 1, "tie": 2}[winner], len(choices) - 1)]
