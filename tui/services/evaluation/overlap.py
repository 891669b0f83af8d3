"""How much of the reference an answer has: token F1, ROUGE-L and exact match. No model is asked."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from tui.domain.values import dataclass

_TOKEN = re.compile(
    "[\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af\U00020000-\U0003ffff]"
    "|[^\\W_\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af\U00020000-\U0003ffff]+"
)
_LONGEST = 20_000
"""Tokens; what stands after them is not compared, so that no text takes seconds."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Each from 0 to 1; `exact` when nothing but case, width, spaces and punctuation differs."""

    token_f1: float
    rouge_l: float
    exact: bool


def tokens(text: str) -> list[str]:
    """Words of alphabets; each kana, Han or Hangul character by itself, since those scripts put no spaces.

    NFKC, case folded, punctuation left out; combining marks stay with their letter.
    """
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())[:_LONGEST]


def overlap(reference: str, answer: str) -> Overlap:
    """Of an answer with its reference. Takes milliseconds for usual answers.

    Token F1: harmonic mean of precision and recall of the bags of tokens (as in SQuAD's evaluation, Rajpurkar et al.
    2016, without dropping articles). ROUGE-L: F1 of the longest common subsequence (Lin 2004, section 3.1, β = 1).
    """
    from rapidfuzz.distance import LCSseq

    wanted, given = tokens(reference), tokens(answer)
    if not wanted or not given:
        same = wanted == given
        return Overlap(float(same), float(same), same)
    shared = (Counter(wanted) & Counter(given)).total()
    longest = LCSseq.similarity(wanted, given)
    total = len(wanted) + len(given)
    return Overlap(2 * shared / total, 2 * longest / total, wanted == given)
