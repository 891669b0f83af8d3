"""Records that go to another file: as they are where both are written alike, else with what has a place there."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from tui.domain.files.document import Document, Encoding
from tui.domain.files.formats import FormatError
from tui.domain.files.json_text import one_line
from tui.domain.files.moving import carried
from tui.domain.files.pairs import read

PAIRS = b'[\n  {"question": "a", "id": 1.10, "answer": "\\u3042"},\n  {"question":"c","answer":"d"}\n]\n'
LINES = b'{"question":"x","answer":"y"}\r\n'
OTHER = b'{"prompt_text":"x","question":"z","output":"y"}\n'
TABLE = b'"id","question","answer"\r\n"1","Q?","A."\r\n'
CLAUDE = b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}\n'
LONG = (
    b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},'
    b'{"role":"user","content":"c"},{"role":"assistant","content":"d"}]}\n'
)


def opened(raw: bytes, name: str = "pairs.json") -> Document:
    return Document(read(Path(name), raw), Encoding.of(raw))


def moved(source: bytes, target: bytes, indices: list[int], *, to: str = "pairs.json") -> tuple[bytes, tuple[str, ...]]:
    document = opened(target, to)
    found = carried(opened(source, "a.csv" if source.startswith(b'"') else "a.json").now, indices, document)
    document.do(document.insert(len(document.now), found.texts, "arrival"))
    return b"".join(document.now.render(document.encoding)), found.left_out


def test_alike_records_keep_every_byte() -> None:
    after, left_out = moved(PAIRS, LINES, [0, 1])
    assert after == LINES + b'{"question": "a", "id": 1.10, "answer": "\\u3042"}\r\n{"question":"c","answer":"d"}\r\n'
    assert left_out == ()
    after, _ = moved(LINES, PAIRS, [0])
    assert after == PAIRS.replace(b'"d"}\n]', b'"d"},\n  {"question":"x","answer":"y"}\n]')


def test_a_record_over_several_lines_becomes_one_line() -> None:
    assert moved(b'[{\n "question": "a",\n "answer": "b\\n"}]', LINES, [0])[0] == (
        LINES + b'{"question": "a","answer": "b\\n"}\r\n'
    )


def test_one_line_of_a_long_string_takes_no_more_memory_than_some_copies_of_it() -> None:
    text = json.dumps({"question": 'a "b" \\' * 40_000}, indent=1)
    tracemalloc.start()
    line = one_line(text)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (json.loads(line), "\n" in line) == (json.loads(text), False)
    assert most < 8 * len(text)


def test_other_keys_are_written_as_the_target_names_them_and_the_rest_goes_along() -> None:
    after, left_out = moved(PAIRS, b'{"q":"x","a":"y"}\n', [0, 1])
    assert [json.loads(line) for line in after.splitlines()[1:]] == [
        {"q": "a", "a": "あ", "id": 1.1},
        {"q": "c", "a": "d"},
    ]
    assert left_out == ()


def test_a_table_takes_what_it_has_columns_for() -> None:
    after, left_out = moved(b'[{"question":"a, b","answer":"c","id":"7","n":2}]', TABLE, [0], to="t.csv")
    assert after == TABLE + b'"7","a, b","c"\r\n'
    assert left_out == ("n",)
    after, left_out = moved(TABLE, LINES, [0])
    assert json.loads(after.splitlines()[1]) == {"question": "Q?", "answer": "A.", "id": "1"}
    assert left_out == ()


def test_formats_of_messages() -> None:
    after, left_out = moved(PAIRS, CLAUDE, [0])
    assert json.loads(after.splitlines()[1])["messages"][0] == {"role": "user", "content": "a"}
    assert left_out == ("id",)
    assert moved(LONG, CLAUDE, [0])[0] == CLAUDE + LONG
    with pytest.raises(FormatError, match="more turns"):
        moved(LONG, LINES, [0])


def test_what_cannot_be_read_moves_only_where_it_is_written_alike() -> None:
    damaged = b'{"question":"a","answer":"b"}\n{"question": oh\n'
    assert moved(damaged, LINES, [1])[0] == LINES + b'{"question": oh\r\n'
    with pytest.raises(FormatError, match="pair 2 is not valid JSON and would break the other file's list"):
        moved(damaged, PAIRS, [1])
    odd = b'{"question":"a","answer":"b"}\n{"question": 7}\n'
    assert b'},\n  {"question": 7}\n]' in moved(odd, PAIRS, [1])[0]
    with pytest.raises(FormatError, match="pair 2 cannot be read"):
        moved(damaged, CLAUDE, [1])
    document = opened(damaged)
    document.do(document.remove([0]))
    assert len(document.now) == 1
    after, _ = moved(LINES, b'{"question": oh\n{"question":"a","answer":"b"}\n{"question": oh\n', [0])
    assert after.endswith(b'oh\n{"question":"x","answer":"y"}\n')


def test_a_field_of_blanks_at_the_edge_of_a_row_moves_whole() -> None:
    source = b'"id",question,answer\n\t,Q,A \n'
    assert moved(source, b'"id",question,answer\n1,x,y\n', [0], to="t.csv")[0].endswith(b"\n\t,Q,A \n")
