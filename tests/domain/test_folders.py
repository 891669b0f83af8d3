"""Paths typed in part."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.domain.folders import Entry, completed, matching, restarted, split, typed_path

NAMES = {"data": True, "train.csv": False, "Train.json": False, ".git": True, "提灯": True}
ENTRIES = [Entry(name, folder) for name, folder in NAMES.items()]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("/x/d", "/x/data/"),
        ("/x/tr", "/x/tr"),
        ("/x/train.c", "/x/train.csv"),
        ("/x/T", "/x/T"),
        ("提", "提灯/"),
        ("/x/none", "/x/none"),
        ("/x/.", "/x/.git/"),
    ],
)
def test_completed(typed: str, expected: str) -> None:
    assert completed(typed, ENTRIES) == expected


def test_completed_as_far_as_names_agree() -> None:
    assert completed("t", [Entry("training.csv", False), Entry("training.json", False)]) == "training."


def test_matching_prefers_beginnings_and_hides_what_is_hidden() -> None:
    assert [e.name for e in matching(ENTRIES, "")] == ["data", "train.csv", "Train.json", "提灯"]
    assert [e.name for e in matching(ENTRIES, "t")] == ["train.csv", "Train.json", "data"]
    assert [e.name for e in matching(ENTRIES, ".g")] == [".git"]


@pytest.mark.parametrize(
    ("typed", "meant"), [("/a/b", "/a/b"), ("/a//b/c", "/b/c"), ("/a/~/b", "~/b"), ("~/a", "~/a"), ("//a", "/a")]
)
def test_a_path_typed_behind_another_one_counts(typed: str, meant: str) -> None:
    assert restarted(typed) == meant
    assert split(meant)[0] + split(meant)[1] == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (" /x/a b.json ", "/x/a b.json"),
        ("~/a", f"{Path.home()}/a"),
        ("~nobody-of-this-name/a", "~nobody-of-this-name/a"),
        ("", "."),
    ],
)
def test_a_typed_path_names_a_file_whatever_stands_in_it(typed: str, meant: str) -> None:
    assert typed_path(typed) == Path(meant)
