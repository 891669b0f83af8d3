"""Documents: untouched records keep their bytes, every action can be undone, a journal can be replayed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.domain.files.document import Document, Encoding
from tui.domain.files.formats import FormatError, Record, Turn
from tui.domain.files.pairs import Damaged, Keys, read

ODD: Mapping[str, bytes] = {
    "plain list": b'[{"question": "a", "answer": "b"}, {"question": "c", "answer": "d"}]',
    "indented": b'[\n  {\n    "question": "a",\n    "answer": "b"\n  },\n'
    b'  {\n    "question": "c",\n    "answer": "d"\n  }\n]\n',
    "tabs and CRLF": b'[\r\n\t{\r\n\t\t"question":"a",\r\n\t\t"answer":"b"\r\n\t},\r\n'
    b'\t{"question":"c","answer":"d"}]\r\n',
    "commas first": b'[ {"q":"a","a":"b"}\n, {"q":"c","a":"d"}\n, {"a":"f","q":"e"}\n]',
    "numbers and escapes": b'[{"id":1.10,"question":"a\\/b","x":1E2,"answer":"\\u003cb","n":-0},'
    b'{"question":"c","answer":"d"}]',
    "doubled keys": b'{"question":"x","answer":"y","question":"a"}\n{"question":"c","answer":"d"}\n',
    "jsonl": b'{"prompt": "a", "completion": "b"}\n{"prompt": "c", "completion": "d"}\n',
    "no final newline": b'{"prompt": "a", "completion": "b"}\n{"prompt": "c", "completion": "d"}',
    "CRLF lines": b'{"question": "a", "answer": "b"}\r\n\r\n'
    b'  {"question": "c", "answer": "d"}  \r\n{"question":"e","answer":"f"}',
    "blank lines": b'\n\n{"question":"a","answer":"b"}\n\n \n{"question":"c","answer":"d"}\n\n\n',
    "odd separators in text": '{"question":"a\u2028\x85","answer":"b"}\n{"question":"\u3042","answer":"d"}\n'.encode(),
    "wrapped": b'{"version": 1,\n "data": [\n  {"question":"a","answer":"b"},\n  {"question":"c","answer":"d"}\n ],'
    b'\n "made": [1]}\n',
    "wrapped, one record": '{"名":["[", "]"], "pairs":[ {"question":"a","answer":"b"}]}'.encode(),
    "a mark": b'\xef\xbb\xbf[{"question":"a","answer":"b"}]',
    "UTF-16 LE": b"\xff\xfe"
    + '[{"question":"日本","answer":"b"},\n {"question":"c","answer":"😀"}]'.encode("utf-16-le"),
    "UTF-16 LE, no mark": '{"question":"日本","answer":"b"}\r\n'.encode("utf-16-le"),
    "UTF-16 BE, no mark": '{"question":"日本　一","answer":"b"}\r\n'.encode("utf-16-be"),
    "UTF-16 BE, two marks": b"\xfe\xff" * 2 + '{"question":"日本","answer":"b"}\r\n'.encode("utf-16-be"),
    "messages": b'{"system":"s","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}\n' * 2,
    "conversation": b'{"schemaVersion":"bedrock-conversation-2024","system":[{"text":"s"}],"messages":[{"role":"user",'
    b'"content":[{"text":"a"},{"text":"b"}]},{"role":"assistant","content":[{"text":"c"}]}]}\n' * 3,
    "damaged": b'{"question":"a","answer":"b"}\n{"question": oh\n[1]\n{"question":1,"answer":"d"}\n',
}


def opened(raw: bytes) -> Document:
    return Document(read(Path("pairs.json"), raw), Encoding.of(raw))


def bytes_of(document: Document) -> bytes:
    return b"".join(document.now.render(document.encoding))


def texts(document: Document) -> list[tuple[str, str]]:
    return [(r.question, r.answer) if isinstance(r, Record) else ("damaged", r.raw) for r in document.now]


def with_texts(record: Record | Damaged, question: str, answer: str) -> Record:
    assert isinstance(record, Record)
    return replace(record, turns=(Turn("user", question), Turn("assistant", answer)))


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD.keys())
def test_a_file_that_is_not_edited_stays_as_it_is(raw: bytes) -> None:
    document = opened(raw)
    assert bytes_of(document) == raw
    assert not document.dirty


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD.keys())
def test_lines_and_blank_lines_are_those_of_the_file_as_it_would_be_written(raw: bytes) -> None:
    document = opened(raw)
    for action in range(4):
        if action == 1:
            document.do(document.duplicate(0))
        elif action == 2:
            document.do(document.remove([len(document.now) - 1]))
        elif action == 3:
            document.do(document.duplicate(len(document.now) - 1))
        again = read(Path("pairs.json"), bytes_of(document), document.now.layout if raw[:1] == b"[" else None)  # type: ignore[arg-type]
        assert [document.now.line(i) for i in range(len(document.now))] == [again.line(i) for i in range(len(again))]
        assert document.now.blank_lines == again.blank_lines
        assert document.now.size == again.size


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD.keys())
def test_one_edit_changes_the_text_it_is_about_and_nothing_else(raw: bytes) -> None:
    document = opened(raw)
    first = document.now[0]
    assert isinstance(first, Record)
    changed = replace(first, turns=(first.turns[0], Turn("assistant", 'new "text"\n日本')))
    document.do(document.edit(0, changed))
    assert document.dirty
    again = opened(bytes_of(document))
    assert again.now[0] == changed
    assert [again.now.text(i) for i in range(1, len(again.now))] == [
        document.now.text(i) for i in range(1, len(document.now))
    ]
    assert again.encoding == document.encoding
    document.do(document.edit(0, first))
    if "CONVERSATION" not in str(document.now.layout):
        assert json.loads(document.now.text(0)) == json.loads(opened(raw).now.text(0))
    document.undo()
    document.undo()
    assert bytes_of(document) == raw
    assert not document.dirty


def test_an_edit_leaves_every_other_byte_of_its_record() -> None:
    raw = b'[{ "id" :1.10,"question":"a\\/b", "x":{"question":"no"},\n"answer" : "\\u3042", "question":"last"} ]'
    document = opened(raw)
    document.do(document.edit(0, with_texts(document.now[0], "l\u3042st", "\u3042")))
    assert bytes_of(document) == raw.replace(b'"last"', b'"l\\u3042st"')


def test_text_that_is_changed_back_is_no_change() -> None:
    document = opened(ODD["indented"])
    document.do(document.edit(1, with_texts(document.now[1], "x", "d")))
    assert document.dirty
    document.do(document.edit(1, with_texts(document.now[1], "c", "d")))
    assert not document.dirty
    document.do(document.edit(1, with_texts(document.now[1], "c", "d")))
    document.undo()
    assert texts(document)[1] == ("x", "d"), "an edit without a change was remembered as an action"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (ODD["indented"], b',\n  {\n    "question": "\xe3\x81\x82",\n    "answer": "n"\n  }\n]\n'),
        (ODD["tabs and CRLF"], b',\r\n\t{"question":"\xe3\x81\x82","answer":"n"}]\r\n'),
        (ODD["commas first"], b'\n, {"a":"n","q":"\xe3\x81\x82"}\n]'),
        (ODD["CRLF lines"], b'\r\n{"question":"\xe3\x81\x82","answer":"n"}'),
        (ODD["no final newline"], b'\n{"prompt": "\xe3\x81\x82", "completion": "n"}'),
        (b'[{"question":"\\u3042","answer":"b"}]', b',{"question":"\\u3042","answer":"n"}]'),
    ],
    ids=["indented", "CRLF", "commas first", "CRLF lines", "no final newline", "escapes"],
)
def test_a_new_pair_is_written_as_its_neighbour_is(raw: bytes, expected: bytes) -> None:
    document = opened(raw)
    document.do(document.add(len(document.now), Record.of("あ", "n")))
    assert bytes_of(document).endswith(expected)
    assert bytes_of(document).startswith(raw[: len(raw) // 2])


def test_an_indented_neighbour_in_the_middle_keeps_its_line_ends() -> None:
    document = opened(ODD["tabs and CRLF"])
    document.do(document.add(0, Record.of("n", "m")))
    assert bytes_of(document).startswith(
        b'[\r\n\t{\r\n\t\t"question":"n",\r\n\t\t"answer":"m"\r\n\t},\r\n\t{\r\n\t\t"question":"a"'
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"question": "a", "answer": "b"}', b'{"system": "S", "question": "a", "answer": "b"}'),
        (b'{"answer":"b","system":null,"question":"a"}', b'{"answer":"b","system":"S","question":"a"}'),
        (
            b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}',
            b'{"system": "S", "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}',
        ),
        (
            b'{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"text":"a"}]}]}',
            b'{"schemaVersion":"bedrock-conversation-2024","system":[{"text":"S"}],"messages":[{"role":"user",'
            b'"content":[{"text":"a"}]}]}',
        ),
    ],
)
def test_a_system_prompt_comes_changes_and_goes(raw: bytes, expected: bytes) -> None:
    document = opened(raw)
    record = document.now[0]
    assert isinstance(record, Record)
    document.do(document.edit(0, replace(record, system="S")))
    assert bytes_of(document) == expected
    assert opened(expected).now[0] == replace(record, system="S")
    document.do(document.edit(0, replace(record, system="T")))
    assert bytes_of(document) == expected.replace(b'"S"', b'"T"')
    document.do(document.edit(0, replace(record, system=None)))
    assert "system" not in json.loads(bytes_of(document))


def test_what_a_layout_cannot_hold_is_refused() -> None:
    document = opened(ODD["jsonl"])
    record = document.now[0]
    assert isinstance(record, Record)
    with pytest.raises(FormatError, match="no place for a system prompt"):
        document.edit(0, replace(record, system="S"))
    with pytest.raises(FormatError, match="one question and one answer"):
        document.edit(0, replace(record, turns=record.turns * 2))
    with pytest.raises(FormatError):
        opened(ODD["damaged"]).edit(1, record)


def test_a_damaged_record_can_be_mended_and_stays_on_its_line() -> None:
    document = opened(ODD["damaged"])
    with pytest.raises(FormatError):
        document.rewrite(1, '{"question": still')
    document.do(document.rewrite(1, '{\n "question": "x",\n "answer": "y"\n}\n'))
    assert bytes_of(document) == ODD["damaged"].replace(b'{"question": oh', b'{"question": "x","answer": "y"}')


def test_half_a_character_is_written_as_an_escape() -> None:
    document = opened(ODD["jsonl"])
    document.do(document.edit(0, with_texts(document.now[0], "\ud800日", "b")))
    assert '"\\ud800日"'.encode() in bytes_of(document)


def test_actions_have_names_and_undo_survives_saving() -> None:
    document = opened(ODD["CRLF lines"])
    document.do(document.remove([0, 2]))
    document.saved(document.now)
    assert not document.dirty
    step = document.next_undo
    assert step is not None
    assert step.name == "delete of 2 pairs"
    document.undo()
    assert bytes_of(document) == ODD["CRLF lines"]
    assert document.dirty
    document.redo()
    assert not document.dirty


def test_everything_can_be_deleted_and_comes_back() -> None:
    document = opened(ODD["indented"])
    document.do(document.remove(range(2)))
    assert json.loads(bytes_of(document)) == []
    document.do(document.add(0, Record.of("x", "y")))
    assert json.loads(bytes_of(document)) == [{"question": "x", "answer": "y"}]
    document.undo()
    document.undo()
    assert bytes_of(document) == ODD["indented"]


def test_a_key_of_their_own_for_system_prompts_is_read_again() -> None:
    raw = b'{"question":"a","answer":"b"}\n' * 60 + b'{"system":"S","question":"a","answer":"b"}\n'
    file = read(Path("p.jsonl"), raw)
    assert file[60] == Record.of("a", "b", "S")
    assert read(Path("p.jsonl"), b'{"system":"a","answer":"b"}\n', Keys("system", "answer"))[0] == Record.of("a", "b")


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["edit", "add", "copy", "remove", "undo", "redo", "save", "kill"]),
        st.integers(0, 30),
        st.text(st.characters(codec="utf-8"), max_size=8),
    ),
    max_size=25,
)


class Session:
    """A document beside a plain list, with what a disk and a journal would hold of it."""

    def __init__(self, raw: bytes) -> None:
        self.document = opened(raw)
        self.model: list[tuple[str, str]] = texts(self.document)
        self.past: list[list[tuple[str, str]]] = []
        self.future: list[list[tuple[str, str]]] = []
        self.disk = raw
        self.frame = self.document.frame()
        self.journal: list[dict[str, Any]] = []

    def act(self, kind: str, where: int, text: str) -> None:
        if kind == "save":
            self.save()
        elif kind == "kill":
            self.kill()
        elif kind in ("undo", "redo"):
            self.back_or_forth(kind)
        else:
            self.change(kind, where, text)

    def save(self) -> None:
        if len(self.document.now):
            self.disk = bytes_of(self.document)
            self.document.saved(self.document.now)
            self.frame, self.journal = self.document.frame(), []

    def kill(self) -> None:
        expected = bytes_of(self.document)
        self.document = opened(self.disk)
        self.document.begin_replay(self.frame)
        for entry in json.loads(json.dumps(self.journal)):
            self.document.replay(entry)
        assert bytes_of(self.document) == expected
        assert self.document.dirty or expected == self.disk
        self.past, self.future = [], []

    def back_or_forth(self, kind: str) -> None:
        document = self.document
        step = document.next_undo if kind == "undo" else document.next_redo
        taken, kept = (self.past, self.future) if kind == "undo" else (self.future, self.past)
        if step is None or not taken:
            return
        self.journal.append(document.entry(step))
        (document.undo if kind == "undo" else document.redo)()
        kept.append(self.model)
        self.model = taken.pop()

    def change(self, kind: str, where: int, text: str) -> None:
        document, after = self.document, list(self.model)
        if kind == "add":
            at = where % (len(after) + 1)
            step = document.add(at, Record.of(text, text[::-1]))
            after.insert(at, (text, text[::-1]))
        elif not after:
            return
        else:
            at = where % len(after)
            if kind == "edit":
                step = document.edit(at, with_texts(document.now[at], text, after[at][1]))
                after[at] = (text, after[at][1])
            elif kind == "copy":
                step = document.duplicate(at)
                after.insert(at + 1, after[at])
            else:
                gone = {at, (at * 7) % len(after)}
                step = document.remove(gone)
                after = [pair for i, pair in enumerate(after) if i not in gone]
        if step.splices:
            self.journal.append(document.entry(step))
            self.past.append(self.model)
            self.future = []
        document.do(step)
        self.model = after


EDITABLE = [ODD[name] for name in ODD if name not in ("damaged", "conversation")]


@settings(max_examples=800)
@given(st.sampled_from(EDITABLE), ACTIONS)
def test_any_session_ends_with_what_a_plain_list_would_hold(raw: bytes, actions: list[tuple[str, int, str]]) -> None:
    session = Session(raw)
    for action in actions:
        session.act(*action)
        assert texts(session.document) == session.model
    if session.model:
        again = opened(bytes_of(session.document))
        assert texts(again) == session.model
    while session.past:
        session.act("undo", 0, "")
    assert texts(session.document) == session.model


def test_a_journal_that_does_not_fit_is_refused() -> None:
    document = opened(ODD["indented"])
    with pytest.raises(ValueError, match="does not fit"):
        document.replay({"name": "delete", "splices": [[1, 2, []]]})
    with pytest.raises(ValueError, match="does not fit"):
        document.replay({"name": "delete", "splices": [[1, -1, []]]})
    with pytest.raises(KeyError):
        document.replay({"name": "delete"})


def test_a_journal_tells_of_the_step_that_another_file_took_with_it() -> None:
    document = opened(ODD["indented"])
    alone = document.entry(document.remove([0]))
    assert "partner" not in alone
    document.replay(alone | {"partner": "validation.json"})
    assert document.next_undo is not None
    assert document.entry(document.next_undo)["partner"] == "validation.json"


@given(st.integers(0, 12), st.lists(st.integers(0, 11), max_size=5), st.lists(st.integers(0, 11), max_size=12))
def test_what_is_found_moves_with_the_records(at: int, gone: list[int], found: list[int]) -> None:
    document = opened("".join(f'{{"question":"q{n}","answer":"a"}}\n' for n in range(12)).encode())
    found = sorted(set(found))
    wanted = [document.now.text(i) for i in found if i not in gone]
    step = document.remove(gone)
    found = step.moved(found)
    document.do(step)
    assert [document.now.text(i) for i in found] == wanted
    if not len(document.now):
        return
    at %= len(document.now)
    step = document.duplicate(at)
    moved = step.moved(found)
    document.do(step)
    assert at + 1 in moved
    assert [document.now.text(i) for i in moved if i != at + 1] == wanted
    back = document.next_undo
    assert back is not None
    assert back.moved(moved) == found


def test_neighbours_go_in_one_splice_and_come_back() -> None:
    lines = [json.dumps({"question": f"q{n}", "answer": "a"}) for n in range(12)]
    document = opened("\n".join(lines).encode())
    document.do(document.duplicate(4))
    before = bytes_of(document)
    step = document.remove([9, 3, 4, 5, 6])
    assert [(s.at, len(s.removed)) for s in step.splices] == [(3, 4), (9, 1)]
    document.do(step)
    left = [r.question for r in document.now if isinstance(r, Record)]
    assert left == ["q0", "q1", "q2", "q6", "q7", "q9", "q10", "q11"]
    document.undo()
    assert bytes_of(document) == before
    assert len(document.remove(range(13)).splices) == 1
