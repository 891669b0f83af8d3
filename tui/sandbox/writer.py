"""A rule that writes questions and answers from a text: nothing is understood, sentences are taken as they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from tui.sandbox.document_blocks import Block
from tui.sandbox.tokens import has_cjk

MOST = 10
"""Pairs in one answer, however many are asked for: larger models too give fewer than they are asked for."""
_LONGEST_ANSWER = 600
_SENTENCE = re.compile(r"[^。\uff01\uff1f\n]*[。\uff01\uff1f]|.+?(?:[.!?](?=[\s”\"')]|$)|$)", re.DOTALL)
_DEFINED = re.compile(
    r"((?:The |An? )?)(\w[\w()'’/-]*(?: [\w()'’/-]+){0,3}?) (is|are|was|were) (?!not\b)\S.{10,}", re.DOTALL
)
_POINTING = re.compile(r"(It|This|These|That|Those|There|Here|They|He|She|We|You|I|Which|Who|One|Each|All)\b")
_WHEN = re.compile(r"(If|When|Once|Before|After) ([^,]{8,120}), \S", re.DOTALL)
_TO_DO = re.compile(r"To ([a-z][^,]{6,120}), \S", re.DOTALL)
_DEFINED_JA = re.compile(r"([^、。はをにがで\s][^、。はをにが]{0,30}?)(?:とは|(?<![でにとへも])は)、?\S{6,}")
_FOR_JA = re.compile(r"([^、。]{3,60}?)(には|場合は|ときは)、?\S{4,}")
_ASKED = re.compile(r"question|prompt|input|query|質問|問い")
_ANSWERED = re.compile(r"answer|completion|response|output|回答|答え")

Pair = tuple[str, str]


def write(blocks: Sequence[Block], wanted: int, *, language: str = "", known: Iterable[str] = ()) -> list[Pair]:
    """At most `wanted` (and `MOST`) pairs in the order of the text, none with a question that is `known`.

    `language` is English or Japanese for the words around what is taken from the text; empty for the text's own.
    """
    seen = {_folded(question) for question in known}
    found: list[Pair] = []
    for question, answer in _pairs(blocks, language):
        key = _folded(question)
        if key in seen or len(answer.strip()) < 2:
            continue
        seen.add(key)
        found.append((question, answer[:_LONGEST_ANSWER].strip()))
        if len(found) >= min(wanted, MOST):
            break
    return found


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph."""
    return [found for match in _SENTENCE.finditer(text) if (found := match.group().strip())]


def _folded(question: str) -> str:
    return re.sub(r"\W+", "", question).casefold()


def _pairs(blocks: Sequence[Block], language: str) -> Iterator[Pair]:
    last = ""
    for block in blocks:
        if block.cells:
            yield from _of_row(block)
            continue
        japanese = has_cjk(block.text)
        found = sentences(block.text)
        if block.heading and block.heading != last:
            last = block.heading
            yield _of_heading(block.heading, _few(found, japanese), _japanese(language, japanese))
        for sentence in found:
            question = (_question_ja if japanese else _question)(sentence, _japanese(language, japanese))
            if question:
                yield question, sentence


def _japanese(language: str, text_is: bool) -> bool:
    return language == "Japanese" or (language != "English" and text_is)


def _few(found: list[str], japanese: bool) -> str:
    return ("" if japanese else " ").join(found[:3])


def _of_heading(heading: str, answer: str, japanese: bool) -> Pair:
    if heading.endswith(("?", "\uff1f")):
        return heading, answer
    if japanese:
        return f"「{heading}」について説明してください。", answer
    return f"What should I know about “{heading}”?", answer


def _of_row(block: Block) -> Iterator[Pair]:
    asked = next((cell for name, cell in block.cells if _ASKED.search(name.casefold())), "")
    answered = next((cell for name, cell in block.cells if _ANSWERED.search(name.casefold())), "")
    if asked and answered:
        yield asked, answered
        return
    for name, cell in block.cells[1:]:
        if has_cjk(name):
            yield f"{block.heading}の{name}は何ですか。", f"{block.heading}の{name}は{cell}です。"
        else:
            yield f"What is the {name} of {block.heading}?", f"The {name} of {block.heading} is {cell}."


def _question(sentence: str, japanese: bool) -> str:
    if len(sentence) < 25 or _POINTING.match(sentence):
        return ""
    to_do = _TO_DO.match(sentence)
    if to_do:
        return f"「{to_do[1]}」にはどうすればよいですか。" if japanese else f"How do I {to_do[1]}?"
    when = _WHEN.match(sentence)
    if when:
        return f"「{when[2]}」場合はどうなりますか。" if japanese else f"What happens {when[1].lower()} {when[2]}?"
    defined = _DEFINED.match(sentence)
    if defined:
        article, subject, verb = defined.groups()
        return f"「{subject}」とは何ですか。" if japanese else f"What {verb} {article.lower()}{subject}?"
    return ""


def _question_ja(sentence: str, japanese: bool) -> str:
    if len(sentence) < 12 or sentence.startswith(("これ", "それ", "この", "その", "また", "なお")):
        return ""
    purpose = _FOR_JA.match(sentence)
    if purpose:
        return f"{purpose[1]}{purpose[2]}どうすればよいですか。" if japanese else f"What applies to “{purpose[1]}”?"
    defined = _DEFINED_JA.match(sentence)
    if defined:
        return f"{defined[1]}とは何ですか。" if japanese else f"What is “{defined[1]}”?"
    return ""
