"""Fixes: each mends what its rule names and nothing else, in one step that can be taken back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.base_models import CATALOGUE
from tui.domain.dataset.characters import composed, visible
from tui.domain.dataset.checks import check, check_record
from tui.domain.dataset.fixes import FIXES, plain_keys, planned, step
from tui.domain.dataset.scrutiny import look_closer, merged
from tui.domain.errors import AppError
from tui.domain.files.document import Document
from tui.domain.files.formats import FormatError, Record
from tui.domain.files.pairs import Role, read

HAIKU = CATALOGUE[0]


def document(text: str, name: str = "pairs.jsonl") -> Document:
    return Document(read(Path(name), text.encode()))


def lines(*records: Any) -> str:
    return "".join(r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) + "\n" for r in records)


def content(of: Document) -> str:
    return b"".join(of.now.render(of.encoding)).decode()


def mended(of: Document, *rules: str) -> str:
    of.do(step(of, planned(of.now, rules, range(len(of.now)))))
    return content(of)


C_ALONE = {"q": "c", "a": " "}
AB, CD, EF = ({"q": q, "a": a} for q, a in ("ab", "cd", "ef"))


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        (
            "outer space",
            lines({"q": " a\u3000", "a": "b\n"}, {"q": "a", "a": "b c"}),
            lines(AB, {"q": "a", "a": "b c"}),
        ),
        ("decomposed", lines({"q": "e\u0301", "a": "か\u3099"}), lines({"q": "é", "a": "が"})),
        ("control character", lines({"q": "a\x1b[1mb", "a": "\ufeffc\u202e"}), lines({"q": "a[1mb", "a": "c"})),
        (
            "blank",
            lines({"q": " ", "a": ""}, {**AB, "system": " "}, {"q": "c", "a": " "}, {**AB, "system": "x"}),
            lines(AB, {"q": "c", "a": " "}, {**AB, "system": "x"}),
        ),
        ("duplicate", lines(AB, {"q": "A", "a": "b"}, AB), lines(AB, {"q": "A", "a": "b"})),
        (
            "roles",
            '{"messages": [{"role":"system","content":"x"}, {"role":"user","content":"a"}], "id": 1.0}\n'
            '{"messages": [{"role":"judge","content":"x"}]}\n' + lines(*[{"system": "y", "messages": []}] * 3),
            '{"system": "x", "messages": [{"role":"user","content":"a"}], "id": 1.0}\n'
            '{"messages": [{"role":"judge","content":"x"}]}\n' + lines(*[{"system": "y", "messages": []}] * 3),
        ),
        (
            "context apart",
            '{"instruction":"Translate.", "input":"Good day \\u3042", "output":"x"}\n'
            '{"instruction":"Say a.", "input":"a", "output":"x"}\n{"instruction":"R.","input":"","output":"x"}\n{"\n',
            '{"instruction":"Translate.\\n\\nGood day \\u3042", "input":"Good day \\u3042", "output":"x"}\n'
            '{"instruction":"Say a.", "input":"a", "output":"x"}\n{"instruction":"R.","input":"","output":"x"}\n{"\n',
        ),
        (
            "line end",
            '{"messages":\r[{"role":"user","content":"a\\r"},\r\r{"role":"assistant","content":"b"}]}\r\n' * 2,
            '{"messages":[{"role":"user","content":"a\\r"},{"role":"assistant","content":"b"}]}\r\n' * 2,
        ),
        ("blank line", lines(AB, "\n", "\n", CD, EF), lines(AB, CD, EF)),
    ],
)
def test_each_fix(rule: str, before: str, after: str) -> None:
    one = document(before)
    assert mended(one, rule) == after
    assert one.next_undo is not None
    assert one.next_undo.name.startswith(f"fix of {rule} in ")
    one.undo()
    assert content(one) == before
    assert planned(document(after).now, [rule], range(len(document(after).now))).mends == ()


def test_roles_are_mended_by_their_own_fix_alone() -> None:
    one = document('{"messages": [{"role":"system","content":"x"}, {"role":"user","content":" a"}]}\n')
    assert mended(one, "outer space") == content(one)
    assert '"role":"system","content":"x"' in content(one)


def test_keys_that_the_format_does_not_know_go_and_the_rest_stays_as_it_is_written() -> None:
    before = (
        '{"id":7,"messages": [{"role":"user","content":"\\u00e9","at":1}, {"role":"assistant","content":"b"}],"x":{}}'
    )
    after = '{"messages": [{"role":"user","content":"\\u00e9"}, {"role":"assistant","content":"b"}]}'
    assert plain_keys(before) == after
    one = document(before + "\n")
    assert "extra keys" in {p.rule for p in check(one.now, HAIKU, Role.EVAL)}
    assert mended(one, "extra keys") == after + "\n"
    assert check(one.now, HAIKU, Role.EVAL) == []


ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc\x0bd\x85e\u2028f", "a\nb\nc\nd\ne\nf"),
        ("zero\u200bwidth\u00ad", "zerowidth"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\u200cb", "ab"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("lost \ud800", "lost \ud800"),
        (
            "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
            "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        ),
        ("hid\U000e0067\U000e0062den", "hidden"),
        ("קובץ\u200e (1)\u202e", "קובץ\u200e (1)"),
        ("file\u200e (1)", "file (1)"),
        ("tab\tand\nline", "tab\tand\nline"),
    ],
)
def test_invisible_characters(text: str, expected: str) -> None:
    assert visible(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Cafe\u0301", "Café"),
        ("か\u3099っこう", "がっこう"),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", "한글"),
        ("x\u0301", "x\u0301"),
        ("\ufa19社", "\ufa19社"),  # NFC would make it the other ideograph
        ("\u0915\u093c", "\u0915\u093c"),
        ("a\u0301" * 3 + "日本", "á" * 3 + "日本"),
    ],
)
def test_letters_and_their_marks(text: str, expected: str) -> None:
    assert composed(text) == expected
    assert ("decomposed" in {f[0] for f in check_record(Record.of(text, "y"), HAIKU)}) is (text != expected)


def test_what_a_script_is_written_with_is_no_control_character() -> None:
    assert check_record(Record.of("می\u200cخواهم", "קובץ\u200e (1)"), HAIKU) == []


def test_what_was_edited_meanwhile_stays_as_it_is() -> None:
    one = document(lines({"q": " a", "a": "b"}, {"q": " c", "a": "d"}))
    mending = planned(one.now, ["outer space"], [0, 1])
    one.do(one.edit(0, Record.of(" mine", "b")))
    one.do(step(one, mending))
    assert content(one) == lines({"q": " mine", "a": "b"}, {"q": "c", "a": "d"})


def test_a_file_is_never_emptied() -> None:
    one = document(lines({"q": "", "a": ""}))
    with pytest.raises(FormatError, match="nothing would be left"):
        step(one, planned(one.now, ["blank"], [0]))


def test_told_to_stop_nothing_more_is_planned() -> None:
    one = document(lines({"q": " a", "a": "b"}))
    assert planned(one.now, ["outer space"], [0], lambda: True).mends == ()


TEXT = st.text(
    st.sampled_from([*"ab \t\n\r\u3000", "\ufeff", "\u200b", "\x1b", "\u202e", "あ", "\u200c", "\u0301"]), max_size=6
)


@given(st.lists(st.fixed_dictionaries({"q": TEXT, "a": TEXT}, optional={"system": TEXT}), min_size=1, max_size=8))
def test_after_all_fixes_none_of_it_is_left_to_be_fixed(records: list[Any]) -> None:
    try:
        one = document(lines(*records))
    except AppError:
        return
    for _ in range(3):
        for rule in FIXES:
            try:
                mended(one, rule)
            except FormatError:
                return
    found = merged(check(one.now, HAIKU, Role.EVAL), look_closer(one.now, HAIKU))
    left = {p.rule for p in found} & FIXES.keys()
    # Half of a pair is not thrown away: somebody has to write the other half.
    assert left <= {"blank", "outer space"}
    for index in range(len(one.now)):
        record = one.now.read(index)
        if isinstance(record, Record) and all(t.text.strip() for t in record.turns):
            assert not {f[0] for f in check_record(record, HAIKU)} & {"outer space", "blank"}
