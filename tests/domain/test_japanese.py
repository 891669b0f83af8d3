"""Shift_JIS and EUC-JP: read where they certainly are that, kept byte for byte, and nothing else taken for them."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest

from tui.domain.errors import AppError
from tui.domain.files.document import Document
from tui.domain.files.formats import Record
from tui.domain.files.japanese import WINDOWS, encode, foreign, japanese
from tui.domain.files.material import Encoding
from tui.domain.files.pairs import read

ROWS = "".join(f"{n}番の提灯はどこにありますか,門の前にあるものです ｶﾅ\r\n" for n in range(20))
TABLE = f"質問,回答\r\n{ROWS}"
LINES = "".join(f'{{"question": "表{n}はどこで見られますか", "answer": "能登の予約所まで"}}\n' for n in range(20))


@pytest.mark.parametrize("text", [TABLE, LINES, "question,answer\n" * 9_000 + TABLE], ids=["table", "lines", "late"])
@pytest.mark.parametrize(
    ("codec", "more", "title"),
    [
        ("cp932", "", "Shift_JIS"),
        (WINDOWS, "髙﨑さんの①～②", "Shift_JIS"),
        ("cp932", "髙﨑さんの①～②", "Shift_JIS"),
        ("euc_jp", "〜", "EUC-JP"),
        ("euc_jis_2004", "①㈱", "EUC-JP"),
    ],
)
def test_read_and_kept(text: str, codec: str, more: str, title: str) -> None:
    text = text.replace("提灯", f"提灯{more}").replace("予約", f"予約{more}")
    raw = encode(text, codec)
    file = read(Path("pairs.csv" if text is not LINES and "{" not in text else "pairs.jsonl"), raw)
    assert file.data.decode() == text
    assert file.notes[0] == f"read as {title}"
    document = Document(file, Encoding.of(raw))
    assert document.encoding.title == title
    assert b"".join(document.now.render(document.encoding)) == raw


def test_what_ibm_added_is_written_where_windows_has_it() -> None:
    assert encode("髙﨑", WINDOWS) == b"\xfb\xfc\xfa\xb1"
    assert encode("髙﨑", "cp932") == b"\xee\xe0\xed\x95"
    assert encode("〜−", WINDOWS) == encode("～－", WINDOWS) == b"\x81\x60\x81\x7c"
    both = TABLE.encode("cp932") + b"\xfb\xfc,\xee\xe0\r\n"
    assert japanese(both) is None  # neither way is it written back as it is


@pytest.mark.parametrize(
    ("text", "codecs"),
    [
        ("Où est le café ? À l'été, très bien : ça ira.", "latin-1 cp1252 mac-roman"),
        ("Wo ist die „Straße“ für Ärzte? Größer ‚so‘ ƒ 5 €.", "cp1252"),
        ("中文提问与回答，请问这是什么？这是一个例子。", "gbk gb18030 big5hkscs"),
        ("请问“ありがとう”和“すみません、ごめんなさい”是什么意思，中文怎么说", "gbk gb18030"),
        ("질문과 대답입니다 ㅋㅋ ㅠㅠ ㅎㅎ 그렇습니다", "euc_kr cp949 johab"),
        ("Где находится вход? Здесь, у ворот.", "koi8-r cp1251 cp866 iso8859-5"),
        ("คำถามและคำตอบ", "tis-620"),
        ("שאלה ותשובה", "cp1255"),
        ("سؤال وجواب", "cp1256"),
        ("提灯はどこにありますか、門の前にあるものです", "utf-8 utf-16-le iso2022_jp"),
    ],
)
def test_nothing_else_is_taken_for_japanese(text: str, codecs: str) -> None:
    for codec in codecs.split():
        for times in (1, 50):
            raw = f"question,answer\n{text},{text}\n".replace("\n", f"\n{text}") * times
            assert japanese(raw.encode(codec, "replace")) is None, (codec, times)


def test_damaged_text_is_refused_as_before() -> None:
    for damaged in (TABLE.encode("cp932") + b"\x82", TABLE.encode("cp932") + b"\x80", TABLE.encode()[:-5] + b"\xff"):
        with pytest.raises(AppError, match="is not valid UTF-8"):
            read(Path("pairs.csv"), damaged)
    with pytest.raises(AppError, match="ends in the middle of a character"):
        read(Path("pairs.csv"), TABLE.encode()[:-2].removesuffix("ﾅ".encode()) + b"\xef\xbe")


@pytest.mark.parametrize(
    ("text", "codec", "found"),
    [
        ("門と灯 ABC ～", WINDOWS, ""),
        ("髙﨑〜−", WINDOWS, ""),
        ("門😀", WINDOWS, "😀"),
        ("門\uf8f0", "cp932", "\uf8f0"),
        ("한", "cp932", "한"),
        ("100¥", "euc_jp", "¥"),  # Python writes a backslash for it
        ("①", "euc_jp", "①"),
        ("か\u309a①", "euc_jis_2004", ""),
    ],
)
def test_what_cannot_be_written(text: str, codec: str, found: str) -> None:
    assert foreign(text, codec) == found


def test_records_that_cannot_be_written_are_named() -> None:
    raw = LINES.encode("cp932")
    document = Document(read(Path("pairs.jsonl"), raw), Encoding.of(raw))
    assert document.now.foreign(document.encoding) is None
    document.do(document.edit(3, Record.of("門はどこですか", "そこです🏮")))
    assert document.now.foreign(document.encoding) == (3, "🏮")
    assert document.now.foreign(Encoding()) is None
    document.do(document.edit(3, Record.of("門はどこですか", "髙い〜所です")))
    assert document.now.foreign(document.encoding) is None
    lines = b"".join(document.now.render(document.encoding)).splitlines()
    assert lines[3].decode("cp932").endswith('"answer": "髙い～所です"}')
    assert lines[:3] + lines[4:] == raw.splitlines()[:3] + raw.splitlines()[4:]
    assert isinstance(document.now.numbers, array)
