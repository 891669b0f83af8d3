"""The main screen's part in evaluations: the way to their screen, and results of evaluation jobs brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import on, work

from tui.domain.errors import AppError
from tui.domain.text import count, safe_line
from tui.screens.shared import SharedScreen
from tui.tabs.base import Tab

if TYPE_CHECKING:
    from tui.domain.evaluation.results import Summary
    from tui.screens.evaluation import EvaluationScreen
    from tui.screens.main import MainScreen
    from tui.services.session import Services

_TOLD = "broken off"


class EvaluationRoutes(SharedScreen, part=True):
    """Opens the evaluation screen, which lives on while it is left, and looks after evaluation jobs."""

    # Textual's own choice, made whenever a screen above goes, would be the first widget of whatever hidden tab.
    AUTO_FOCUS = ""
    _evaluation: EvaluationScreen | None = None

    def on_screen_resume(self) -> None:
        """Who lost the focus while another screen was above gets it back, on the tab that is seen."""
        tab = next((tab for tab in self.query(Tab) if tab.display), None)
        if tab is not None and (self.focused is None or tab not in self.focused.ancestors_with_self):
            tab.focus_first()

    @on(Tab.EvaluationRequested)
    def _evaluation_requested(self, message: Tab.EvaluationRequested) -> None:
        from tui.screens.evaluation import EvaluationScreen

        screen = self._evaluation
        if screen is None:
            screen = self._evaluation = EvaluationScreen(self.services, cast("MainScreen", self))
            # Installed, it goes on with what is under way while it is not looked at.
            self.app.install_screen(screen, "evaluation")
        if screen not in self.app.screen_stack:
            self.app.push_screen(screen)
        screen.call_after_refresh(screen.open, message.evaluation, message.sides)

    def evaluation_reasons(self) -> list[str]:
        """What of evaluations speaks against leaving now."""
        under_way, unsaved = self.services.evaluations.at_stake
        reasons = []
        if under_way:
            reasons.append(f"{count(under_way, 'call')} of an evaluation under way would be paid for once more.")
        if unsaved:
            reasons.append(f"{count(unsaved, 'answer')} could not be stored yet, and would be lost.")
        return reasons

    async def tell_broken_off(self) -> None:
        """Say once that an evaluation ended before its end: what was paid for is there."""
        place = self.services.place(self.identity)
        try:
            one = await self.services.pool.run(_broken_off, self.services, place)
            state = f"{one.id} {one.answered}" if one is not None else ""
            if one is None or await self.services.recall(place, _TOLD) == state:
                return
            await self.services.remember(place, _TOLD, state)
        except AppError as problem:
            self.say(problem.sentence(), "problem")
            return
        stored = f"{one.answered:,} of {one.wanted:,} answers are stored"
        self.say(f"The evaluation {safe_line(one.name, 40)} was broken off: {stored}; in Chat, E and r ask the others")

    async def follow_evaluations(self) -> None:
        """Learn which evaluation jobs were ordered from here."""
        try:
            await self.services.evaluation_jobs.follow(self.services.place(self.identity))
        except AppError as problem:
            self.say(problem.sentence(), "problem")

    def evaluations_seen(self) -> None:
        """A board was seen: bring back what evaluation jobs have found."""
        if any(run.evaluation and run.evaluation.to_take for run in self.board.runs):
            self._take_evaluations()

    @work(group="evaluations", exclusive=True)
    async def _take_evaluations(self) -> None:
        for job in [run.evaluation for run in self.board.runs if run.evaluation and run.evaluation.to_take]:
            try:
                notes = await self.services.evaluation_jobs.take(job, self.services.evaluations)
            except AppError as error:
                self.say(f"The results of {job.name} could not be brought back: {error.sentence()}", "problem")
                continue
            note = f" ({notes[0]})" if notes else ""
            self.say(f"The results of {job.name} are stored here{note}", "good")
            self.services.watcher.wake()
            if self._evaluation is not None:
                self._evaluation.taken(job)


def _broken_off(services: Services, place: str) -> Summary | None:
    """On a thread: it takes a while to import what reads evaluations, which few sessions need."""
    from tui.services.evaluation.store import EvaluationStore

    return EvaluationStore(services.store, now=services.now).broken_off(place)
