"""Text to tokens and to question words, for the sandbox's language model.

A token is a word with the space before it, a mark, up to four digits, or one kana or kanji. Pieces that
a vocabulary does not hold are spelled in UTF-8 bytes, so that every text can be written and read.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

END = 256
"""Id of the token that ends an answer; ids 0 to 255 are bytes, pieces start at FIRST_PIECE."""
FIRST_PIECE = 257
MAX_WORDS = 32
"""Distinct question words looked at; of a longer question the first and the last half of these."""

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LETTER = rf"(?:(?![{_CJK}])[^\W\d_])"
_PIECE = re.compile(rf" ?{_LETTER}{{1,24}}(?:['’]{_LETTER}{{1,3}})?| ?\d{{1,4}}| ?[^\w\s]|\n{{1,2}}|.", re.DOTALL)
_WORD = re.compile(r"[\u30a0-\u30ff]+|[\u3400-\u9fff々]+|[\u3040-\u309f]+|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
_KANJI = re.compile(r"[\u3400-\u9fff々]{3,}")
_CJK_MARK = re.compile(f"[{_CJK}]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """The text with lone surrogates, which UTF-8 cannot hold, replaced by U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)


def pieces(text: str) -> Iterator[str]:
    """The pieces of a text; joined they give the (cleaned) text again."""
    return (match.group() for match in _PIECE.finditer(clean(text)))


def count_tokens(text: str) -> int:
    """Sandbox tokens of a text: its pieces, whatever a model's vocabulary holds; 0 for empty text only."""
    return sum(1 for _ in pieces(text))


def has_cjk(text: str) -> bool:
    """Whether the text holds a kana or a kanji."""
    return _CJK_MARK.search(text) is not None


def hash_text(text: str) -> int:
    """A stable 64-bit hash (BLAKE2b) of a text."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def question_words(text: str) -> list[str]:
    """Every word of a question in order: case and width folded, kanji runs as pairs of neighbours."""
    words: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFKC", clean(text)).casefold()):
        if _KANJI.fullmatch(word):
            words.extend(word[i : i + 2] for i in range(len(word) - 1))
        else:
            words.append(word)
    return words


def chosen_words(words: Sequence[str]) -> list[str]:
    """At most MAX_WORDS distinct words, from both ends of a long question."""
    distinct = list(dict.fromkeys(words))
    half = MAX_WORDS // 2
    return distinct if len(distinct) <= MAX_WORDS else distinct[:half] + distinct[-half:]


class Vocabulary:
    """Token ids: bytes, the end, then pieces in a fixed order. Immutable."""

    def __init__(self, known: Iterable[str]) -> None:
        self.pieces = tuple(dict.fromkeys(known))
        self._ids = {piece: FIRST_PIECE + index for index, piece in enumerate(self.pieces)}
        special = [hash_text(f"\0byte {number}") for number in range(256)] + [hash_text("\0end")]
        self.hashes: Hashes = np.array(special + [hash_text(piece) for piece in self.pieces], dtype=np.uint64)

    def __len__(self) -> int:
        return FIRST_PIECE + len(self.pieces)

    def extended(self, more: Iterable[str]) -> Vocabulary:
        """The same ids for what is known already, new ids after them."""
        new = [piece for piece in more if piece not in self._ids]
        return Vocabulary((*self.pieces, *new)) if new else self

    def id_of(self, piece: str) -> int:
        """Id of a piece held as a whole; KeyError otherwise."""
        return self._ids[piece]

    def encode(self, text: str, limit: int) -> list[int]:
        """Token ids of a text, at most `limit`; unknown pieces are spelled in bytes."""
        ids: list[int] = []
        for piece in islice(pieces(text), limit):
            known = self._ids.get(piece)
            ids.extend(piece.encode() if known is None else (known,))
        return ids[:limit]

    def encode_spelled(self, text: str, every: int, offset: int) -> list[int]:
        """Token ids where each `every`-th piece is spelled in bytes although it is known."""
        ids: list[int] = []
        for index, piece in enumerate(pieces(text)):
            ids.extend(piece.encode() if (index + offset) % every == 0 else (self._ids[piece],))
        return ids

    def raw(self, token: int) -> bytes:
        """The bytes a token stands for; none for END."""
        if token < END:
            return bytes((token,))
        return b"" if token == END else self.pieces[token - FIRST_PIECE].encode()


def new_pieces(texts: Iterable[str], vocabulary: Vocabulary, limit: int, tokens_per_text: int) -> list[str]:
    """Pieces of the texts that the vocabulary lacks, most frequent first, at most `limit`."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(islice(pieces(text), tokens_per_text))
    known = set(vocabulary.pieces)
    fresh = sorted((piece for piece in counts if piece not in known), key=lambda piece: (-counts[piece], piece))
    return fresh[:limit]
