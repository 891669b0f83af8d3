"""Stored answers judged by the user, one pair after another, without names, scores or reasons in sight."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import Static

from tui.dialogs.base import CLOSE, Dialog
from tui.dialogs.vote import VERDICT_KEYS
from tui.domain.chat.votes import Verdict
from tui.domain.errors import AppError
from tui.domain.evaluation.judging import Outcome
from tui.domain.evaluation.own_votes import Ballot
from tui.domain.text import safe
from tui.widgets.frame import KeyLine, key_of
from tui.widgets.text_pane import Line, TextPane

Cast = Callable[[Ballot, Outcome | None], Awaitable[None]]
_WIDE = 90
"""Columns from which the two answers stand side by side."""
_MOST = 40_000


class BallotsDialog(Dialog[int]):
    """Gives how many verdicts were given or taken back. Each is kept at once, and the next pair is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(f"{key},{other}", f"vote('{verdict}')", name, key_display=key, id=f"ballots.{verdict.name.lower()}")
            for (key, other, verdict, _), name in zip(VERDICT_KEYS, ("A", "B", "tie", "both bad"), strict=True)
        ),
        Binding("n", "step(1)", "next", id="ballots.next"),
        Binding("N,p", "step(-1)", "before", show=False, id="ballots.before"),
        Binding("u", "take_back", "Take this verdict back", show=False, id="ballots.back"),
        Binding("R", "reference", "reference", id="ballots.reference"),
        CLOSE,
    ]
    heading = "Which answer is better?"

    def __init__(self, ballots: Sequence[Ballot], given: Mapping[tuple[int, int], Outcome], cast: Cast) -> None:
        """`given` are verdicts so far; `cast` keeps one, or takes it back for None, and may raise AppError."""
        super().__init__()
        self._ballots = tuple(ballots)
        self._given = dict(given)
        self._cast = cast
        self._at = next((n for n, b in enumerate(ballots) if (b.number, b.sample) not in self._given), 0)
        self._told = self._waiting = 0
        self._leaving = False
        self._in_order = asyncio.Lock()

    def compose(self) -> ComposeResult:
        with Vertical(id="ballots"):
            yield Line(id="ballots-title")
            yield TextPane(id="ballot-asked")
            with Container(id="ballot-answers"):
                for name in ("a", "b"):
                    with Vertical(classes="ballot-answer"):
                        yield Line(classes="ballot-head", id=f"ballot-head-{name}")
                        yield TextPane(id=f"ballot-{name}")
            yield Static("", id="dialog-problem", markup=False)
            yield KeyLine()

    def on_mount(self) -> None:
        for name, verdict in (("a", Verdict.LEFT), ("b", Verdict.RIGHT)):
            key = key_of(self, f"ballots.{verdict.name.lower()}")
            self.query_one(f"#ballot-head-{name}", Line).put(Content(f" {name.upper()}  {key}: this one is better"))
        self._show()
        self.query_one("#ballot-a").focus()

    def on_resize(self) -> None:
        """Side by side, or one above the other."""
        self.set_class(self.size.width >= _WIDE, "-beside")

    @property
    def _ballot(self) -> Ballot:
        return self._ballots[self._at]

    def _show(self) -> None:
        one = self._ballot
        parts = [self.heading, f"{self._at + 1:,} of {len(self._ballots):,}"]
        parts += [f"sample {one.sample + 1} of {one.samples}"] if one.samples > 1 else []
        outcome = self._given.get(self._key(self._at))
        parts += [f"you: {one.told(outcome)} (u undoes)"] if outcome is not None else []
        self.query_one("#ballots-title", Line).put(Content(" · ".join(parts)))
        asked: list[tuple[str, str] | str] = [("Q  ", "bold $text-accent"), safe(one.question, _MOST)]
        if self.has_class("-reference"):
            asked += [("\nR  ", "bold $text-accent"), safe(one.reference, _MOST)]
        self.query_one("#ballot-asked", TextPane).put(Content.assemble(*asked))
        for name, text in (("a", one.first), ("b", one.second)):
            self.query_one(f"#ballot-{name}", TextPane).put(Content(safe(text, _MOST) or "–"))

    def action_step(self, by: int) -> None:
        """Another pair, voted on or not."""
        self.complain("")
        if 0 <= self._at + by < len(self._ballots):
            self._at += by
            self._show()
        else:
            self.complain("There is no further one" if by > 0 else "This is the first one")

    def action_reference(self) -> None:
        """Show the reference answer below the question, or no longer."""
        self.toggle_class("-reference")
        self._show()

    def action_vote(self, verdict: str) -> None:
        """Take a verdict, and go on."""
        self._put(self._ballot.outcome(Verdict(verdict)))

    def action_take_back(self) -> None:
        """As if nothing had been said of these two."""
        if self._key(self._at) in self._given:
            self._put(None)

    def _key(self, at: int) -> tuple[int, int]:
        return self._ballots[at].number, self._ballots[at].sample

    def _put(self, outcome: Outcome | None) -> None:
        """The next pair is shown at once, so that a key counts for what is seen; the disk follows."""
        self.complain("")
        self._waiting += 1
        self._write(self._at, outcome, self._given.get(self._key(self._at)))
        self._set(self._at, outcome)
        if outcome is not None:
            self._go_on()
        self._show()

    def _set(self, at: int, outcome: Outcome | None) -> None:
        if outcome is None:
            self._given.pop(self._key(at), None)
        else:
            self._given[self._key(at)] = outcome

    @work(group="cast")
    async def _write(self, at: int, outcome: Outcome | None, before: Outcome | None) -> None:
        try:
            async with self._in_order:
                await self._cast(self._ballots[at], outcome)
            self._told += 1
        except AppError as error:
            self._leaving = False
            self._set(at, before)
            self._at = at
            self._show()
            self.complain(error.sentence())
        finally:
            self._waiting -= 1
        if self._leaving and not self._waiting:
            self.dismiss(self._told)

    def _go_on(self) -> None:
        """To the next pair without a verdict, from here on and then from the top."""
        every = [*range(self._at + 1, len(self._ballots)), *range(self._at)]
        free = next((n for n in every if self._key(n) not in self._given), None)
        if free is None:
            self.complain("All of them have your verdict: esc shows how far the judge agrees")
        else:
            self._at = free

    def action_cancel(self) -> None:
        """Leave as soon as all verdicts are kept."""
        if self._waiting:
            self._leaving = True
        else:
            self.dismiss(self._told)
