"""Earlier evaluations opened, compared and deleted; the user's own verdicts; the headline taken along."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

from textual import work

from tui.dialogs.ballots import BallotsDialog
from tui.dialogs.choice import Choice
from tui.dialogs.confirm import ConfirmDialog
from tui.dialogs.runs import RunsDialog
from tui.domain.clock import ago
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation.compare import compared
from tui.domain.evaluation.judging import Judge, Outcome
from tui.domain.evaluation.own_votes import Ballot, ballots
from tui.domain.text import count, safe, safe_line
from tui.screens.evaluation_base import EvaluationBase
from tui.services.evaluation.rows import Unreadable
from tui.widgets.evaluation_rows import EvaluationRows


class PastDialog(RunsDialog):
    """Past evaluations: one to open, or two to compare."""

    heading = "Evaluations"
    hint = "enter opens one; space marks two to be compared"
    column = "evaluation"
    empty = "no evaluations yet"


class PastPart(EvaluationBase):
    """What is done with evaluations that are there."""

    toss: Callable[[], bool] = staticmethod(lambda: bool(secrets.randbelow(2)))
    """Whether the answers of a ballot change places."""

    @work(group="past", exclusive=True)
    async def action_past(self) -> None:
        """Open an earlier evaluation, or compare two."""
        await self.attempt(self._choose_past())

    async def _choose_past(self) -> None:
        now = self.services.now()
        past = await self.services.evaluations.list(self.place)
        choices = [
            Choice(
                s.id,
                safe_line(s.name, 60),
                f"{ago(s.made, now)} · {s.questions} q · {s.answered}/{s.wanted} · {safe_line(s.tuned.name, 30)}",
            )
            for s in past
        ]
        chosen = await self.ask(PastDialog(choices, chosen=self.results.id if self.results else ""))
        if chosen is None:
            return
        if len(chosen) == 1:
            await self._open(chosen[0], next(s.made for s in past if s.id == chosen[0]))
        elif len(chosen) == 2:
            later, earlier = sorted(chosen, key=lambda key: next(s.made for s in past if s.id == key), reverse=True)
            await self._compare(earlier, later)
        else:
            self.say("Two evaluations can be compared, not more", "problem")

    async def _open(self, evaluation: str, made: datetime) -> None:
        """Show one; what cannot be read any more can be deleted, since it would stand in the list for ever."""
        try:
            await self.load(evaluation)
        except Unreadable as error:
            body = (
                f"{error.sentence()}\nIt was made {ago(made, self.services.now())}. What is left of it goes for good."
            )
            if not await self.ask(ConfirmDialog("Delete what cannot be read?", body, yes="Delete it")):
                raise
            await self.services.evaluations.forget(evaluation)
            self.say("The evaluation is deleted", "good")

    async def _compare(self, earlier: str, later: str) -> None:
        await self.load(later)
        one = await self.services.evaluations.load(earlier)
        assert self.results is not None
        wanted = [j.id for j in (*([self.judge] if self.judge else []), *reversed(self.results.judges))]
        found = await self.services.pool.run(compared, one, self.results, wanted)
        if not found.changes:
            raise AppError(Cause.INVALID, "These evaluations have no question in common")
        self.compared = found
        self.draw()

    @work(group="past", exclusive=True)
    async def action_delete(self) -> None:
        """Delete the evaluation shown, with its answers."""
        results = self.needs_results()
        if results is None or self.busy():
            return
        answers = count(results.answered, "stored answer")
        body = f"{safe_line(results.spec.name, 60)} and its {answers} are deleted for good; asking again costs again."
        if await self.ask(ConfirmDialog("Delete this evaluation?", body, yes="Delete it")) and await self.attempt(
            self.services.evaluations.forget(results.id)
        ):
            self.results = self.judge = self.head = self.canary_head = self.compared = None
            self.rows = []
            self.draw()
            self.say("The evaluation is deleted", "good")

    # Own verdict

    @work(group="vote", exclusive=True)
    async def action_votes(self) -> None:
        """Make evaluations of the answers that were voted on in Chat, for a judge to be held against the votes."""
        await self.attempt(self._of_votes())

    async def _of_votes(self) -> None:
        made, left_out = await self.services.evaluations.create_of_votes(self.place)
        rest = f"; {count(left_out, 'vote')} without a reference or a tuned side left out" if left_out else ""
        if not made:
            raise AppError(Cause.NOT_FOUND, f"No votes of Chat can be judged{rest}", hint="Vote there with v")
        await self.load(made[0].id)
        self.say(f"{count(len(made), 'evaluation')} of your votes{rest}. J lets a judge compare", "good")

    def action_vote(self) -> None:
        """Say which of the answers are better, without names, for the judge to be compared with."""
        results, row, source = self.needs_results(), self.row_shown, self.table.source
        if results is None:
            return
        if row is None or not isinstance(source, EvaluationRows):
            self.say("esc leaves the comparison: votes are on the answers of one evaluation", "problem")
            return
        shown = [source.row(index).number for index in range(len(source))]
        at = self.table.cursor
        found = ballots(results, (*shown[at:], *shown[:at]), self.toss)
        if not found:
            self.say("Two answers to a question are needed for a vote", "problem")
            return

        async def cast(ballot: Ballot, outcome: Outcome | None) -> None:
            await self.services.evaluations.vote(results.id, ballot.number, ballot.sample, outcome)

        def done(changed: int | None) -> None:
            if changed:
                self._see(results.id, self.judge)

        self.app.push_screen(BallotsDialog(found, results.votes, cast), done)

    def action_which(self) -> None:
        """See the scores of the next judge that has judged."""
        results = self.needs_results()
        if results is None:
            return
        if len(results.judges) < 2:
            self.say("One judge at most has judged; J asks another", "problem")
            return
        ids = [judge.id for judge in results.judges]
        at = ids.index(self.judge.id) if self.judge and self.judge.id in ids else -1
        self._see(results.id, results.judges[(at + 1) % len(ids)])

    @work(group="visit", exclusive=True)
    async def _see(self, evaluation: str, judge: Judge | None) -> None:
        await self.attempt(self.load(evaluation, judge=judge))

    def action_copy(self) -> None:
        """Send the headline to the terminal's clipboard."""
        head = self.head_shown
        if head is not None:
            self.app.copy_to_clipboard(safe(head.text))
            self.say("The headline was sent to the terminal's clipboard; x writes files", "good")
