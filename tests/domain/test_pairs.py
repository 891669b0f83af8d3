"""Files of pairs: what is opened, what is refused, and where."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tui.domain.base_models import DataFormat
from tui.domain.errors import AppError, Cause
from tui.domain.files.csv_text import column_names
from tui.domain.files.formats import Record
from tui.domain.files.pairs import Damaged, Keys, PairFile, Role, Shape, UnclearKeys, guess_keys, guess_role, read

PATH = Path("pairs.json")
DEEP = b'[{"q":"x","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]"
PAIR = {"question": "What is it?", "answer": "A lamp."}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
plain_text = st.text(max_size=30)


def opened(data: bytes | str, keys: Keys | None = None) -> PairFile:
    return read(PATH, data.encode("utf-8") if isinstance(data, str) else data, keys)


def refusal(data: bytes | str) -> AppError:
    with pytest.raises(AppError) as caught:
        opened(data)
    assert caught.value.cause is Cause.FILE
    return caught.value


def texts(file: PairFile) -> list[tuple[str, str]]:
    records = list(file)
    assert all(isinstance(r, Record) for r in records)
    return [(r.question, r.answer) for r in records if isinstance(r, Record)]


@pytest.mark.parametrize(
    "keys",
    [
        ("question", "answer"),
        ("sentence1", "sentence2"),
        ("prompt", "response"),
        ("instruction", "output"),
        ("input", "target"),
        ("Question", " Answer "),
        ("質問", "回答"),
        ("q", "a"),
        ("a", "b"),
        ("x", "answer"),
        ("question", "y"),
        ("foo", "bar"),
    ],
    ids=str,
)
@pytest.mark.parametrize("shape", [Shape.JSON_LIST, Shape.JSONL])
def test_pairs_open_whatever_their_keys_are_called(keys: tuple[str, str], shape: Shape) -> None:
    records = [{keys[0]: f"Q{n}", keys[1]: f"A{n}"} for n in range(3)]
    listed = json.dumps(records, ensure_ascii=False)
    data = listed if shape is Shape.JSON_LIST else "\n".join(json.dumps(r, ensure_ascii=False) for r in records)
    file = opened(data)
    assert file.shape is shape
    assert texts(file) == [("Q0", "A0"), ("Q1", "A1"), ("Q2", "A2")]


def test_the_order_of_known_keys_does_not_matter() -> None:
    assert texts(opened('[{"answer": "A", "id": "7", "question": "Q"}]')) == [("Q", "A")]


def test_a_system_key_is_read() -> None:
    record = opened('[{"system": "S", "question": "Q", "answer": "A"}]')[0]
    assert record == Record.of("Q", "A", "S")


def test_unclear_keys_are_asked_for_and_then_taken() -> None:
    data = '[{"left": "Q", "right": "A", "other": "O"}]'
    with pytest.raises(UnclearKeys) as caught:
        opened(data)
    assert caught.value.candidates == ("left", "right", "other")
    assert texts(opened(data, Keys("right", "other"))) == [("A", "O")]


def test_chosen_keys_need_not_stand_together() -> None:
    data = '[{"left": "Q"}, {"right": "A"}, {"other": "O"}]'
    with pytest.raises(UnclearKeys):
        opened(data)
    assert [isinstance(r, Damaged) for r in opened(data, Keys("left", "right"))] == [True] * 3


def test_guessing_is_the_same_for_every_order_of_records() -> None:
    sample = [{"user": "u", "assistant": "a"}, {"assistant": "a", "user": "u"}]
    assert guess_keys("f", sample) == guess_keys("f", sample[::-1]) == Keys("user", "assistant")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}, "CLAUDE_MESSAGES"),
        (
            {
                "schemaVersion": "bedrock-conversation-2024",
                "messages": [
                    {"role": "user", "content": [{"text": "Q"}]},
                    {"role": "assistant", "content": [{"text": "A"}]},
                ],
            },
            "BEDROCK_CONVERSATION",
        ),
        ({"prompt": "Q", "completion": "A"}, "PROMPT_COMPLETION"),
    ],
)
def test_the_formats_of_bedrock_are_recognised(line: dict[str, Any], expected: str) -> None:
    file = opened(json.dumps(line) + "\n")
    assert file.layout is DataFormat[expected]
    assert texts(file) == [("Q", "A")]


def test_the_more_frequent_format_wins_and_the_first_of_equals() -> None:
    claude = json.dumps({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]})
    pair = json.dumps({"prompt": "Q", "completion": "A"})
    assert opened(f"{pair}\n{claude}\n").layout is DataFormat.PROMPT_COMPLETION
    assert opened(f"{claude}\n{pair}\n").layout is DataFormat.CLAUDE_MESSAGES
    assert opened(f"{claude}\n{pair}\n{pair}\n").layout is DataFormat.PROMPT_COMPLETION


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (b"\xef\xbb\xbf" + json.dumps([PAIR]).encode(), "byte order mark skipped"),
        (json.dumps([PAIR]).encode("utf-16"), "read as UTF-16"),
        (b"\xfe\xff" + json.dumps([PAIR]).encode("utf-16-be"), "read as UTF-16"),
        (json.dumps([PAIR]).encode("utf-16-le"), "read as UTF-16 without a byte order mark"),
        (json.dumps([PAIR]).encode("utf-16-be"), "read as UTF-16 without a byte order mark"),
    ],
)
def test_byte_order_marks_and_utf_16(data: bytes, note: str) -> None:
    file = opened(data)
    assert texts(file) == [("What is it?", "A lamp.")]
    assert file.notes == (note,)


def test_line_ends_blank_lines_and_a_missing_final_newline() -> None:
    line = json.dumps(PAIR)
    file = opened(f"{line}\r\n\r\n  \n{line}\r\n{line}")
    assert len(file) == 3
    assert file.blank_lines == (2, 3)
    assert [file.line(n) for n in range(3)] == [1, 4, 5]


def test_columns_are_named_apart_however_many_there_are() -> None:
    names = column_names(["a (3)", "a", "a", "", " a ", *[""] * 30_000])
    assert names[:5] == ("a (3)", "a", "a (4)", "column 4", "a (5)")  # the third would be the first
    assert len(set(names)) == 30_005


def test_separators_inside_texts_do_not_cut_a_line() -> None:
    text = "a\u2028b\u0085c"
    line = json.dumps({"q": text, "a": "x"}, ensure_ascii=False)
    assert texts(opened(f"{line}\n{line}\n")) == [(text, "x")] * 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b" \n\t ", "is empty"),
        (b"[]", "holds no records"),
        (b"[1, 2]", "holds no objects"),
        (b'["a", "b"]', "holds no objects"),
        (b'[{"a": 1, "b": 2}]', "holds no pairs"),
        (b'{"question": "Q",\n "answer": "A"}', "it is one JSON object"),
        (b'[{"q": "x", "a": "y"},]', "not valid JSON at line 1, column"),
        (b'[\n{"q": "x", "a": "y"}\n{"q": "x", "a": "y"}]', "not valid JSON at line 3, column 1"),
        (b'[{"q": "x", "a": "y"}', "not valid JSON"),
        (b'[{"q": "x", "a": "y"}] trailing', "not valid JSON"),
        (b"[" * 100_000, "cannot be read at line 1"),
        (DEEP, "the first record, at line 1: nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", "cannot be read at line 1"),
        (b"plain words", "holds no pairs"),
        (b"q,a\nx,y\n", "holds no pairs"),
        (b"42", "holds no pairs"),
        (b"null", "holds no pairs"),
        (gzip.compress(b"[]", mtime=0), "compressed (gzip)"),
        (b"\xff\xfe[", "not valid UTF-16 at line 1, column 1"),
        (b'{"q": "x",\n"a": "\xe9"}', "not valid UTF-8 at line 2, column 7"),
        (b"\x89PNG\r\n\x1a\n\0\0\xff", "is not a text file"),
        (bytes(range(256)) * 9, "is not a text file"),
        (bytes(4096), "is not a text file"),
        *((json.dumps([PAIR]).encode(f"utf-32{end}"), "is written in UTF-32") for end in ("", "-le", "-be")),
        (json.dumps([PAIR]).encode() + "提灯".encode()[:4], "ends in the middle of a character, at line 1, column"),
        ("質問,回答\n提灯,門\n".encode("iso2022_jp"), "is written in ISO-2022-JP"),
        (
            b'{"q": "a\tb", "a": "c"}\n' * 2,
            "the first record, at line 1: not valid JSON at column 9: Invalid control",
        ),
        (b'\n{"q": %s, "a": "c"}\n' % (b"9" * 5000), "holds a number of more than"),
        ('[{"q": "x", "a": "y"}]'.encode("utf-16-le")[:-1], "not valid UTF-16 at line 1, column 22"),
        ('[\n{"q": "x", "a": "\ud800"}]'.encode("utf-16-le", "surrogatepass"), "not valid UTF-16 at line 2, column 18"),
        (b"\1\0\2\0\3\0" * 9, "is not a text file"),
        (b"PK\x03\x04" + b"\0" * 26 + b"xl/workbook.xml", "is an Excel workbook"),
        (b"PK\x03\x04" + b"\0" * 26 + b"a.json", "is an archive (zip)"),
        (b"PAR1" + bytes(9), "is a Parquet file"),
        (b"%PDF-1.7\n", "is a PDF"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_what_holds_no_pairs_is_refused_with_the_reason(data: bytes, words: str) -> None:
    error = refusal(data)
    assert words in f"{error.title} {error.detail}"


@pytest.mark.parametrize(("codec", "title"), [("cp932", "Shift_JIS"), ("euc_jp", "EUC-JP")])
def test_what_may_be_a_japanese_encoding_is_named(codec: str, title: str) -> None:
    error = refusal('{"q": "ok", "a": "ok"}\n{"q": "提灯は何処", "a": "門"}\n'.encode(codec))
    assert "not valid UTF-8 at line 2, column 8" in error.title
    assert f"{title}: iconv -f {codec.upper().replace('_', '-')}" in error.hint


def test_half_a_character_is_told_by_line_and_column() -> None:
    error = refusal('{"q": "提灯'.encode() + b'\xe3\x81", "a": "y"}')
    assert "at line 1, column 10" in error.title
    assert "byte 14 of that line" in error.detail


def test_numbers_that_json_does_not_know_are_read_as_python_reads_them() -> None:
    file = opened('[{"q": "x", "a": "y", "n": NaN, "m": 1e999}]')
    assert texts(file) == [("x", "y")]


def test_of_repeated_keys_the_last_counts() -> None:
    assert texts(opened('[{"q": "1", "q": "2", "a": "3"}]')) == [("2", "3")]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"q": "x"', "not valid JSON at column"),
        ('{"q": "x"}', "a is missing"),
        ('{"q": 5, "a": "y"}', "q is not a string"),
        ("[1]", "not an object"),
        ('"text"', "not an object"),
        ('{"q": "x", "a": ' + "9" * 5000 + "}", "a number of more than 4,300 digits"),
        ('{"q": "x", "a": ' + "[" * 60_000 + "}", "nested too deeply"),
        ('{"q": "tab\there", "a": "y"}', "Invalid control character"),
    ],
    ids=lambda value: value[:20],
)
def test_a_damaged_line_is_kept_with_its_reason(bad: str, reason: str) -> None:
    good = '{"q": "x", "a": "y"}'
    file = opened(f"{good}\n{bad}\n{good}\n")
    damaged = file[1]
    assert isinstance(damaged, Damaged)
    assert reason in damaged.reason
    assert damaged.raw == bad[:2000]
    assert [isinstance(r, Record) for r in file] == [True, False, True]


def test_a_broken_first_line_among_others_is_a_damaged_record() -> None:
    file = opened('{"q": "x",\n{"q": "x", "a": "y"}\n{"q": "x", "a": "y"}\n')
    assert isinstance(file[0], Damaged)
    assert len(file) == 3


blanks = st.text(" \n\r\t", max_size=3)


@given(st.lists(json_values, min_size=1, max_size=6), st.lists(blanks, min_size=12, max_size=12), st.booleans())
def test_the_spans_of_a_list_are_its_elements(values: list[Any], gaps: list[str], escape: bool) -> None:
    values = [*values, PAIR]
    parts = [gaps[i % 12] + json.dumps(v, ensure_ascii=escape) + gaps[-1 - i % 12] for i, v in enumerate(values)]
    data = ("\n [" + ",".join(parts) + "] \n").encode("utf-8", "surrogatepass")
    try:
        whole = json.loads(data)
    except UnicodeDecodeError:
        assert "not valid UTF-8" in refusal(data).title
        return
    try:
        file = opened(data)
    except UnclearKeys as unclear:
        file = opened(data, Keys(unclear.candidates[0], unclear.candidates[1]))
    except AppError:  # objects without two texts in common say nothing of question and answer
        return
    assert [json.loads(file.raw(n)) for n in range(len(file))] == whole


@given(st.lists(st.tuples(plain_text, plain_text), min_size=1, max_size=20), st.sampled_from(["\n", "\r\n"]))
def test_jsonl_gives_back_what_was_written(pairs: list[tuple[str, str]], end: str) -> None:
    data = end.join(json.dumps({"question": q, "answer": a}, ensure_ascii=False) for q, a in pairs)
    file = opened(data)
    assert texts(file) == pairs
    assert [file.line(n) for n in range(len(file))] == list(range(1, len(pairs) + 1))


fragments = st.lists(
    st.sampled_from(
        [
            *b'[ ] { } : , \\ " " "q" "a" 1e9 null {"q":"x","a":"y"}'.split(b" "),
            *(b"\n", b"\r", b"\0", b"\x0c", b"\xff", b"\xe3\x81"),
            *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b"),
        ]
    ),
    max_size=25,
).map(b"".join)


@settings(max_examples=300)
@given(st.binary(max_size=80) | fragments)
@example(b"\x0b\x0c")
@example(b"\xff\xfe\0\0[\0\0\0")
def test_random_bytes_are_opened_or_refused(data: bytes) -> None:
    try:
        file = opened(data)
    except AppError:
        return
    for index, record in enumerate(file):
        assert isinstance(record, Record | Damaged)
        assert file.line(index) >= 1


def test_a_file_is_a_sequence() -> None:
    file = opened(json.dumps([{"q": str(n), "a": "x"} for n in range(600)]))
    assert file[-1].question == "599"
    assert [r.question for r in file[1:4]] == ["1", "2", "3"]
    assert file[0] is file[0]
    for index in (600, -601):
        with pytest.raises(IndexError):
            file[index]


def test_a_hundred_thousand_pairs_open_fast() -> None:
    line = json.dumps({"question": "What is Amazon Bedrock?" * 3, "answer": "A managed service. " * 8}) + "\n"
    data = (line * 100_000).encode()
    began = time.thread_time()
    file = opened(data)
    assert len(file) == 100_000
    assert file[99_999].answer.startswith("A managed")
    # About 0.1 s where this was measured; the rest is room for slow machines.
    assert time.thread_time() - began < 4


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("training.json", Role.TRAIN),
        ("validation.ja.json", Role.VALIDATION),
        ("val-1.jsonl", Role.VALIDATION),
        ("values.json", Role.TRAIN),
        ("label.json", Role.EVAL),
        ("my_test_set.json", Role.EVAL),
        ("evaluation.json", Role.EVAL),
        ("eval/x.json", Role.EVAL),
        ("latest.json", Role.TRAIN),
        ("retrieval-training.json", Role.TRAIN),
        ("質問.json", Role.TRAIN),
        ("学習 データ.json", Role.TRAIN),
        ("検証用データ.json", Role.VALIDATION),
        ("dev.jsonl", Role.VALIDATION),
        ("device.jsonl", Role.TRAIN),
        ("評価.json", Role.EVAL),
        ("ﾃｽﾄ_2.json", Role.EVAL),
    ],
)
def test_roles_by_name(name: str, role: Role) -> None:
    assert guess_role(Path(name)) is role


@pytest.mark.parametrize("first", [b"null", b"5", b"[]", b'[{"q": "x"}]', b'"text"', b'{"question": "cut'])
def test_a_first_line_without_an_object_is_one_damaged_record_of_jsonl(first: bytes) -> None:
    data = first + b'\n{"question": "What?", "answer": "That."}\n'
    file = read(Path("x.jsonl"), data)
    assert (file.shape, len(file)) == (Shape.JSONL, 2)
    assert isinstance(file[0], Damaged)
    assert file[1] == Record.of("What?", "That.")


def test_of_as_many_records_of_a_format_as_of_none_the_format_counts() -> None:
    data = b'{"question": "What?", "answer": null}\n{"prompt": "What?", "completion": "That."}\n'
    assert read(Path("x.jsonl"), data).layout is DataFormat.PROMPT_COMPLETION


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"data": [PAIR, PAIR]}, indent=2),
        json.dumps({"errors": [], "n": 2, "questions": ["a", "b"], "pairs": [PAIR, 7, PAIR, PAIR]}),
        json.dumps({"pairs": [PAIR], "sources": [{"url": "x"}]}, indent=1),
        json.dumps({"items": [{"messages": [{"role": "user", "content": "a"}]}] * 2}),
    ],
)
def test_records_inside_an_object_are_opened_and_their_place_is_said(text: str) -> None:
    file = opened(text)
    assert file.shape is Shape.JSON_LIST
    assert [type(json.loads(file.raw(n))) for n in (0, len(file) - 1)] == [dict, dict]
    assert file.notes[0].startswith("its records stand in ")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (json.dumps({"train": [PAIR], "test": [PAIR]}), "holds several lists: train, test"),
        ('{"data": [{"q": "a"}], "data": [{"q": "b"}]}', "holds several lists: data, data"),
        (json.dumps({"question": ["a", "b"], "answer": ["c", "d"]}), "columns, not records: question, answer"),
        (
            json.dumps({"question": {"0": "a"}, "answer": {"0": "b"}}, indent=1),
            "columns, not records: question, answer",
        ),
        ((json.dumps(PAIR, indent=2) + "\n") * 3, "objects one after another, each over several lines"),
        (json.dumps(PAIR, indent=2), "it is one JSON object, not a list of records"),
        ('{"data": [1, 2]}', "holds no pairs"),
        ('{"data": []}', "holds no pairs"),
        ('["What?", "That."]\n["Where?", "There."]\n', "its lines are lists, not objects"),
    ],
)
def test_an_object_that_holds_pairs_otherwise_is_refused_with_the_reason(text: str, sentence: str) -> None:
    assert sentence in refusal(text).title


@pytest.mark.parametrize(
    "record",
    [
        {**PAIR, "sources": [{"url": "x"}]},
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
        {"one": "a", "other": "b", "tags": [{"name": "x"}]},
    ],
)
def test_one_record_alone_is_a_record_whatever_lists_it_holds(record: dict[str, Any]) -> None:
    file = opened(json.dumps(record) + "\n")
    assert (file.shape, len(file)) == (Shape.JSONL, 1)


def test_of_a_thousand_columns_the_first_are_named() -> None:
    names = [f"c{n}" for n in range(1000)]
    error = refusal(json.dumps([dict.fromkeys(names, 1)]))
    assert error.detail == f"keys: {', '.join(names[:12])} and 988 more"
    with pytest.raises(UnclearKeys) as caught:
        opened(json.dumps([dict.fromkeys(names, "x")]))
    assert caught.value.detail == error.detail
    assert len(caught.value.candidates) == 1000


def test_a_long_list_inside_an_object_is_opened_by_its_beginning() -> None:
    many = [{"question": f"What is lamp {n}?", "answer": "It burns."} for n in range(2000)]
    file = opened(json.dumps({"tags": ["x"] * 20_000, "data": many, "n": {"a": [1] * 30_000}}, indent=1))
    assert len(file) == 2000
    assert texts(file)[-1] == ("What is lamp 1999?", "It burns.")
    assert (
        "columns, not records: question, answer"
        in refusal(json.dumps({"question": ["a"] * 20_000, "answer": ["b"] * 20_000})).title
    )


def test_the_mark_of_one_encoding_before_the_text_of_another_is_no_text() -> None:
    """What the mark says counts: the bytes could not be written again as they were."""
    text = "question,answer\r\n" + "What is it?,A lamp.\r\n" * 9
    for codec in ("utf-16-le", "utf-16-be"):
        with pytest.raises(AppError, match="not a text file"):
            read(Path("a.csv"), b"\xef\xbb\xbf" + b"q,a\r\n" + text.encode(codec))


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ('{"q": "x\\"]}", "a": ' + "[" * 50_000 + '"]}"' + "]" * 50_000 + "}", "nested too deeply"),
        ('{"q": "x", "a": "y", "n": ' + "9" * 5_000 + "}", "holds a number of more than"),
    ],
    ids=["deep", "digits"],
)
@pytest.mark.parametrize("gap", [",", " ,\n  "])
def test_one_record_of_a_list_that_cannot_be_read_is_one_damaged_record(broken: str, why: str, gap: str) -> None:
    good = '{"q": "提灯は?", "a": "門"}'
    file = opened(f"[{gap.join((good, broken, good))}]")
    assert file.raw(1).decode() == broken
    assert file[0] == file[2] == Record.of("提灯は?", "門")
    assert isinstance(file[1], Damaged)
    assert why in file[1].reason
    for cut in (len(good) + len(gap) + 1000, len(good) + len(gap) + len(broken) - 5):
        assert "line" in refusal(f"[{gap.join((good, broken))}"[:cut]).title
