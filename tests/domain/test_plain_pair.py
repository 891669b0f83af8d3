"""Records as plain text and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.files.formats import FormatError, Record, Turn
from tui.domain.files.plain_pair import read, written

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    ["===== question", "=====", "\n===== answer\n", "a\n", "\n\n", "", "\r\n", "======"]
)


@given(TEXTS, TEXTS, st.none() | TEXTS, st.booleans())
def test_what_is_written_reads_as_it_was(question: str, answer: str, system: str | None, with_system: bool) -> None:
    record = Record.of(question, answer, system)
    assert read(written(record, with_system=with_system), record, with_system=with_system) == record


def test_what_was_changed_is_taken() -> None:
    record = Record.of("a", "b")
    text = written(record, with_system=True)
    assert text == "===== question\na\n===== answer\nb\n===== system prompt\n\n"
    changed = text.replace("\nb\n", "\nb\nc\n\n").replace("prompt\n\n", "prompt\nS")
    assert read(changed, record, with_system=True) == Record.of("a", "b\nc\n", "S")


def test_conversations_keep_their_roles() -> None:
    record = Record((Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c"), Turn("assistant", "d")), "s")
    text = written(record, with_system=True)
    assert read(text.replace("\nc\n", "\nnew\n"), record, with_system=True).turns[2] == Turn("user", "new")


@pytest.mark.parametrize("text", ["", "a\nb\n", "===== question\na\n", "x\n===== question\na\n===== answer\nb\n"])
def test_a_heading_that_is_gone_is_named(text: str) -> None:
    with pytest.raises(FormatError, match="====="):
        read(text, Record.of("a", "b"), with_system=False)
