"""CSV and TSV: opened whatever their manner, and kept byte for byte where they are not edited."""

from __future__ import annotations

import csv
import io
import time
from array import array
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.errors import AppError
from tui.domain.files.csv_text import Dialect, cells, row_spans, sniff, written
from tui.domain.files.document import Document, Encoding
from tui.domain.files.formats import FormatError, Record, Turn
from tui.domain.files.pairs import Columns, Damaged, Keys, Shape, UnclearKeys, read

PLAIN = b"question,answer\nWhat is it?,A lamp.\nWhere?,At the gate.\n"
TABLES: dict[str, bytes] = {
    "plain": PLAIN,
    "CR LF": PLAIN.replace(b"\n", b"\r\n"),
    "CR": PLAIN.replace(b"\n", b"\r"),
    "no final newline": PLAIN[:-1],
    "mark": b"\xef\xbb\xbf" + PLAIN,
    "UTF-16": "question\tanswer\r\n提灯は？\t門です。\r\nWhere?\tThere.\r\n".encode("utf-16"),
    "quoted": b'"question","answer"\r\n"What, ""it""?","A\r\nlamp."\r\n"Where?","There."\r\n',
    "some quoted": b'id,question,answer\n1,"What, or who?",A lamp\n2,Where?,"There"\n',
    "semicolons": b"question;answer\nWhat, then?;A lamp, perhaps.\nWhere?;There.\n",
    "bars": b"question|answer\nWhat?|A lamp.\nWhere?|There.\n",
    "padded": b'question, answer\n"What, it?", "A lamp, yes."\n"Where?", "There"\n',
    "blank lines": b"question,answer\n\nWhat?,A lamp.\n \nWhere?,There.\n\n\n",
    "no names": b"What is the first lamp?,It hangs at gate one.\nWhat is the second lamp?,It hangs at gate two.\n",
    "extra columns": "id,質問,note,回答,x\n1,提灯は？,n,門です。,\n2,どこ？,,そこ。,y\n".encode(),
    "system": b"system,question,answer\nBe kind.,What?,A lamp.\n,Where?,There.\n",
    "delimiter named": b"sep=;\r\nquestion;answer\r\nWhat, then?;A lamp.\r\nWhere?;There.\r\n",
    "delimiter named in UTF-16": "sep=^\nquestion^answer\n提灯は？^門です。\nWhere?^There.\n".encode("utf-16"),
    "delimiter named, padded": b'sep=;\nquestion; answer\n"What; it?"; "A lamp; yes."\n"Where?"; "There"\n',
    "empty fields": b'question,answer\n"",\nWhere?,""\n',
}


def opened(raw: bytes, keys: Keys | None = None, name: str = "pairs.csv") -> Document:
    return Document(read(Path(name), raw, keys), Encoding.of(raw))


def bytes_of(document: Document) -> bytes:
    return b"".join(document.now.render(document.encoding))


def texts(document: Document) -> list[tuple[str, str]]:
    return [(r.question, r.answer) if isinstance(r, Record) else ("damaged", r.reason) for r in document.now]


def answered(document: Document, index: int, answer: str) -> Record:
    record = document.now[index]
    assert isinstance(record, Record)
    return replace(record, turns=(record.turns[0], Turn("assistant", answer)))


@pytest.mark.parametrize("raw", TABLES.values(), ids=TABLES.keys())
def test_a_table_opens_and_stays_as_it_is(raw: bytes) -> None:
    document = opened(raw)
    assert document.now.shape is Shape.TABLE
    assert len(document.now) == 2
    assert all(isinstance(record, Record) for record in document.now)
    assert bytes_of(document) == raw


@pytest.mark.parametrize("raw", TABLES.values(), ids=TABLES.keys())
def test_one_edit_leaves_the_other_rows_and_fields_as_they_are(raw: bytes) -> None:
    document = opened(raw)
    other = document.now.text(1)
    new = 'said "so",\nthen; went | away\t提灯'
    document.do(document.edit(0, answered(document, 0, new)))
    assert document.now.text(1) == other
    again = opened(bytes_of(document))
    assert texts(again) == [(texts(opened(raw))[0][0], new), texts(opened(raw))[1]]
    document.do(document.next_undo)  # type: ignore[arg-type]
    assert bytes_of(document) == raw


@pytest.mark.parametrize("raw", TABLES.values(), ids=TABLES.keys())
def test_new_copied_and_deleted_rows(raw: bytes) -> None:
    document = opened(raw)
    before = texts(document)
    document.do(document.add(2, Record.of("New, one?", "Yes.")))
    document.do(document.duplicate(0))
    again = opened(bytes_of(document))
    assert texts(again) == [before[0], before[0], before[1], ("New, one?", "Yes.")]
    assert [document.now.line(i) for i in range(4)] == [again.now.line(i) for i in range(4)]
    document.do(document.remove([0, 1, 3]))
    assert texts(opened(bytes_of(document), document.now.layout)) == [before[1]]  # type: ignore[arg-type]


def test_a_new_row_is_quoted_as_its_neighbour_and_other_columns_stay_empty() -> None:
    quoted = opened(b'"id","question","answer"\r\n"1","What?","A lamp."\r\n')
    quoted.do(quoted.add(1, Record.of("Where?", "There.")))
    assert bytes_of(quoted) == b'"id","question","answer"\r\n"1","What?","A lamp."\r\n"","Where?","There."\r\n'
    bare = opened(b"id,question,answer\n1,What?,A lamp.\n")
    bare.do(bare.add(0, Record.of("Where, then?", "There.")))
    assert bytes_of(bare) == b'id,question,answer\n,"Where, then?",There.\n1,What?,A lamp.\n'


def test_a_system_prompt_needs_a_column() -> None:
    without = opened(PLAIN)
    with pytest.raises(FormatError, match="no column for a system prompt"):
        without.add(0, Record.of("Q", "A", "S"))
    document = opened(TABLES["system"])
    assert document.now[0] == Record.of("What?", "A lamp.", "Be kind.")
    document.do(document.edit(1, replace(Record.of("Where?", "There."), system="Be brief.")))
    assert bytes_of(document) == TABLES["system"].replace(b"\n,Where", b"\nBe brief.,Where")


def test_a_lone_surrogate_is_refused() -> None:
    document = opened(PLAIN)
    with pytest.raises(FormatError, match="lone surrogate"):
        document.edit(0, answered(document, 0, "a\ud800"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"What?", "only 1 field; answer is missing"),
        (b"What, then?,A lamp,really", "4 fields where there are 2 columns"),
        (b'"What?,A lamp', "a quote is opened and never closed"),
        (b'"What"s it?",A lamp', "text follows a closing quote"),
    ],
)
def test_a_ragged_row_is_kept_named_and_mended(row: bytes, reason: str) -> None:
    raw = b"question,answer\nFirst?,One.\n" + row + b"\n"
    document = opened(raw)
    damaged = document.now[1]
    assert isinstance(damaged, Damaged)
    assert damaged.reason == reason
    assert document.now.line(1) == 3
    assert bytes_of(document) == raw
    with pytest.raises(FormatError, match="more than one row"):
        document.rewrite(1, "a,b\nc,d")
    document.do(document.rewrite(1, '"What?",A lamp\n'))
    assert bytes_of(document) == b'question,answer\nFirst?,One.\n"What?",A lamp\n'


def test_a_new_quote_must_not_close_one_that_stands_open_in_another_row() -> None:
    raw = b'question,answer\n"What?,A lamp\nWhere?,There.\n'
    document = opened(raw)
    with pytest.raises(FormatError, match="opened at line 2 is never closed"):
        document.edit(1, answered(document, 1, "Here, there."))
    with pytest.raises(FormatError, match="opened at line 2 is never closed"):
        document.insert(2, ['"a",b'], "arrival")
    document.do(document.edit(1, answered(document, 1, "Here.")))
    assert bytes_of(document) == raw.replace(b"There.", b"Here.")
    document.do(document.rewrite(0, '"What?",A lamp'))
    document.do(document.edit(1, answered(document, 1, "Here, there.")))
    assert texts(opened(bytes_of(document))) == [("What?", "A lamp"), ("Where?", "Here, there.")]


def test_trailing_delimiters_and_a_missing_last_field_are_no_damage() -> None:
    document = opened(b"question,answer,note\nWhat?,A lamp.\nWhere?,There.,n,,\n")
    assert texts(document) == [("What?", "A lamp."), ("Where?", "There.")]
    document.do(document.edit(0, answered(document, 0, "B")))
    assert bytes_of(document) == b"question,answer,note\nWhat?,B\nWhere?,There.,n,,\n"


def test_lines_are_those_of_the_file() -> None:
    document = opened(b'question,answer\n\n"a\nb",c\nd,e\n')
    assert [document.now.line(i) for i in range(2)] == [3, 5]


def test_columns_are_asked_for_when_they_are_unclear() -> None:
    raw = b"left,right,other\nWhat is the first?,That one is it,No more\nWhat is the second?,This one,None\n"
    with pytest.raises(UnclearKeys) as caught:
        opened(raw)
    assert caught.value.candidates == ("left", "right", "other")
    assert caught.value.samples[:2] == ("What is the first?", "That one is it")
    assert texts(opened(raw, Keys("left", "other")))[0] == ("What is the first?", "No more")
    assert texts(opened(raw, Keys("column 1", "column 3", heading=False)))[0] == ("left", "other")
    with pytest.raises(UnclearKeys):
        opened(raw, Keys("gone", "other"))


def test_names_that_repeat_or_are_missing() -> None:
    document = opened(b"question,,answer,answer\na,b,c,d\n")
    layout = document.now.layout
    assert isinstance(layout, Columns)
    assert layout.names == ("question", "column 2", "answer", "answer (4)")
    assert texts(document) == [("a", "c")]


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        (b"foo,bar\nWhat is the first lamp?,It hangs at the first gate.\n", True),
        (b"Who?,Me.\nWhat is the first lamp?,It hangs at the first gate.\n", False),
        (b"1,2\nWhat is the first lamp?,It hangs at the first gate.\n", False),
        (b"foo,bar\n", False),
        (b"foo,foo\nWhat is the first lamp?,It hangs at the first gate.\n", False),
    ],
)
def test_the_first_row_names_the_columns_or_not(raw: bytes, names: bool) -> None:
    assert len(opened(raw).now) == raw.count(b"\n") - names
    assert opened(raw).now.notes == (() if names else ("its columns have no names",))


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("a.csv", b"only one\ncolumn here\n", "one column only"),
        ("a.csv", b"question,answer\n", "only the names of columns"),
        ("a.csv", b"", "is empty"),
        ("a.txt", b"Some words, and more.\nNo table at all\n", "holds no pairs"),
        ("a.json", PLAIN, "holds no pairs"),
    ],
)
def test_what_is_no_table_is_refused(name: str, raw: bytes, words: str) -> None:
    with pytest.raises(AppError, match=words):
        opened(raw, name=name)


def test_json_in_a_file_called_csv_is_json_and_a_table_in_a_text_file_a_table() -> None:
    assert opened(b'{"q": "a", "a": "b"}\n').now.shape is Shape.JSONL
    assert opened(b"[1],b\n[2],c\n").now.shape is Shape.TABLE
    assert opened(PLAIN, name="pairs.txt").now.shape is Shape.TABLE


fields = st.text(st.sampled_from('ab",;\t|\n 日\u2028'), max_size=6)


@given(
    st.lists(st.lists(fields, min_size=3, max_size=3), min_size=1, max_size=6),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_rows_and_fields_are_those_of_the_standard_reader(
    rows: list[list[str]], mark: str, quoting: int, end: str
) -> None:
    held = io.StringIO()
    csv.writer(held, delimiter=mark, quoting=quoting, lineterminator=end).writerows(rows)  # type: ignore[arg-type]
    data, dialect = held.getvalue().encode(), Dialect(mark)
    spans = row_spans(data, dialect)
    found = [[c.text for c in cells(data[a:b].decode(), dialect)] for a, b in zip(spans[::2], spans[1::2], strict=True)]
    assert found == [row for row in csv.reader(io.StringIO(held.getvalue(), newline=""), delimiter=mark) if row]


pairs = st.lists(st.tuples(fields, fields), min_size=1, max_size=6)


@given(pairs, st.integers(0, 5), fields, st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_an_edit_of_any_table_is_read_back_and_undone(
    rows: list[tuple[str, str]], at: int, text: str, quoting: int
) -> None:
    held = io.StringIO()
    writer = csv.writer(held, quoting=quoting, lineterminator="\n")  # type: ignore[arg-type]
    writer.writerows([("question", "answer"), *rows])
    raw = held.getvalue().encode()
    document = opened(raw)
    assert texts(document) == rows
    at %= len(rows)
    document.do(document.edit(at, answered(document, at, text)))
    after = [(q, text if n == at else a) for n, (q, a) in enumerate(rows)]
    assert list(csv.reader(io.StringIO(bytes_of(document).decode(), newline="")))[1:] == [list(row) for row in after]
    if document.next_undo is not None:
        document.do(document.next_undo)
    assert bytes_of(document) == raw


@given(st.binary(max_size=60) | st.lists(st.sampled_from([*b'a",;\t\n\r |']), max_size=40).map(bytes))
def test_any_bytes_are_cut_into_rows_without_loss(data: bytes) -> None:
    dialect = sniff(data, ".csv") or Dialect()
    spans = row_spans(data, dialect)
    assert array("Q", sorted(spans)) == spans
    covered = {n for a, b in zip(spans[::2], spans[1::2], strict=True) for n in range(a, b)}
    assert all(data[n] in b"\r\n " for n in range(len(data)) if n not in covered)


def test_a_hundred_thousand_rows_open_fast() -> None:
    row = '"What is Amazon Bedrock, {0}?","A managed service. ""Really"", {0}\nit is."\r\n'
    data = ("question,answer\r\n" + "".join(row.format(n) for n in range(100_000))).encode()
    began = time.thread_time()
    file = read(Path("pairs.csv"), data)
    assert len(file) == 100_000
    assert file[99_999].answer == 'A managed service. "Really", 99999\nit is.'
    assert time.thread_time() - began < 4


def test_an_unclosed_quote_before_much_text_costs_little() -> None:
    data = b"question,answer\n" + b'"a,b\n' + b"c,d\n" * 200_000
    began = time.thread_time()
    file = read(Path("pairs.csv"), data)
    assert len(file) == 200_001
    assert isinstance(file[0], Damaged)
    assert time.thread_time() - began < 4


def test_a_first_row_that_names_question_and_answer_tells_how_the_fields_are_parted() -> None:
    data = b"question\tanswer\n" + b"".join(b"one; two\tthree" + b"\t" * (n % 3) + b"\n" for n in range(9))
    assert sniff(data, ".tsv") == Dialect(";")
    assert sniff(data, ".tsv", ("question",), ("answer",)) == Dialect("\t")


def test_chosen_columns_part_a_table_as_they_were_chosen_where_they_fit() -> None:
    rows = b"a;b,c\nd;e,f\n"
    told = Keys("column 1", "column 2", None, False, Dialect(","))
    layout = read(Path("x.csv"), rows, told).layout
    assert isinstance(layout, Columns)
    assert layout.plain == told
    assert Keys.of(told.noted) == told
    assert Keys.of(["q", "a", None, None]) == Keys("q", "a")
    other = Keys("left", "right", None, True, Dialect(","))
    found = read(Path("x.csv"), b"left;right\nlong enough here;and here too\n", other)
    assert found.layout == Columns("left", "right", None, True, Dialect(";"), ("left", "right"))


def test_what_begins_like_a_byte_order_mark_is_quoted() -> None:
    assert written("\ufeffx", Dialect(), quoted=False) == '"\ufeffx"'


@pytest.mark.parametrize(
    "row",
    ["Frage;Antwort", "Pregunta;Respuesta", "问题;答案", "질문;답변", "Вопрос;Ответ", "سؤال;جواب", "No;問題;回答"],
)
def test_columns_named_in_other_languages(row: str) -> None:
    fields = ";".join(["x"] * (row.count(";") + 1))
    layout = read(Path("x.csv"), f"{row}\n{fields}\n".encode()).layout
    assert isinstance(layout, Columns)
    assert [layout.question, layout.answer] == row.split(";")[-2:]


def test_a_file_that_names_its_delimiter_and_nothing_else_is_refused() -> None:
    with pytest.raises(AppError, match="holds no records"):
        opened(b"sep=;\r\n")
