"""Written pairs as rows of a table, and one of them in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.content import Content

from tui.domain.dataset.generation import Batch, Draft, Verdict
from tui.domain.text import safe, safe_line
from tui.widgets.columns import Column

DRAFT_COLUMNS = (
    Column("verdict", "", 1),
    Column("number", "#", 4, align="right", hide_below=50),
    Column("question", "question", weight=2),
    Column("answer", "answer", weight=3, hide_below=40),
    Column("leak", "!", 1),
)
_MARKS = {Verdict.OPEN: "·", Verdict.ACCEPTED: "✓", Verdict.REJECTED: "✗", Verdict.ADDED: "✓"}


class DraftRows:
    """Drafts as rows; the first column says the verdict."""

    def __init__(self, drafts: Sequence[Draft], numbers: Mapping[int, int]) -> None:
        """`numbers` are the places of drafts among all of their batch."""
        self.drafts = drafts
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self.drafts)

    def key(self, index: int) -> str:
        """The draft's number."""
        return str(self.drafts[index].number)

    def cells(self, index: int) -> Sequence[str | Content]:
        """Verdict, number, question, answer, leak."""
        draft = self.drafts[index]
        mark = _MARKS[draft.verdict]
        return (
            mark,
            f"{self._numbers[draft.number]}",
            draft.question[:500],
            draft.answer[:500],
            "▲" if draft.leak else "",
        )


def draft_text(draft: Draft, batch: Batch) -> Content:
    """A pair in full: where else it stands, its texts, and where it comes from."""
    parts: list[tuple[str, str] | str] = []
    if draft.leak:
        parts.append((f"▲ {draft.leak}\n", "$text-warning"))
    where = "" if draft.part in ("", "whole") else f", {draft.part}"
    origin = f"{batch.model_name} from {batch.document}{where}{', edited' if draft.edited else ''}"
    parts += [
        ("Q  ", "bold $text-accent"),
        f"{safe(draft.question, 4000)}\n",
        ("A  ", "bold $text-accent"),
        f"{safe(draft.answer, 20_000)}\n",
        (safe_line(origin, 300), "$foreground-muted"),
    ]
    return Content.assemble(*parts)
