"""The main screen's part that follows AWS: who we are, what was left open, and board after board."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, cast

from textual import work
from textual.message import Message

from tui.domain.errors import CURED_OUTSIDE, AppError, Cause
from tui.domain.training.runs import Board, News, changes, summary
from tui.screens.evaluation_routes import EvaluationRoutes
from tui.screens.money_keys import MoneyKeys
from tui.screens.shared import SharedScreen
from tui.services.session import Services, import_what_follows_aws, warm
from tui.widgets.frame import StatusLine

if TYPE_CHECKING:
    from tui.screens.main import MainScreen
    from tui.screens.one_go import OneGo

_LOOK_AGAIN = 5.0
_IDENTITY_LASTS = 300.0
_ONE_BY_ONE = 2
"""So many news of one look are told one after the other."""
_NOT_READY = "AWS is not ready yet"
_LOOKING = "Looking at AWS …"


class WatchingScreen(EvaluationRoutes, MoneyKeys, part=True):
    """One poller's boards, told to all."""

    class Summed(Message):
        """The state of everything in a few words."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, services: Services, notices: Callable[[], Iterable[str]] = tuple) -> None:
        super().__init__()
        self.services = services
        self._notices = notices
        self._woken = asyncio.Event()
        self._shown = asyncio.Event()
        self._told_problem = ""
        self._told_open = ""
        self._identified = services.now()
        self._last_said = ""
        self.set_reactive(SharedScreen.identity, services.identity.first())
        self.set_reactive(SharedScreen.base_model_key, services.settings.base_model)

    def say(self, text: str, kind: str = "", *, cures: str = "") -> None:
        """Put something on the status line; `cures` is what was said of a problem that is over now."""
        self._last_said = text
        super().say(text, kind, cures=cures)

    @cached_property
    def one_go(self) -> OneGo:
        """What is bought, evaluated and deleted in one go."""
        from tui.screens.one_go import OneGo

        return OneGo(cast("MainScreen", self))

    @work(group="watch", exit_on_error=True)
    async def watch_aws(self) -> None:
        """Find out who we are, settle what was left open, then follow the boards until the end."""
        await self._shown.wait()
        warm(self.services)
        while not await self._identify():
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), _LOOK_AGAIN)
            problem = self.identity.problem
            if self._woken.is_set() or problem is None or problem.cause is not Cause.UNREACHABLE:
                self.services.aws.renew()
        if self._last_said.startswith(_NOT_READY):
            self.say("AWS is ready now", "good", cures=self._last_said)
        for notice in self._notices():
            self.say(notice, "problem")
        await self.services.pool.run(import_what_follows_aws)
        settled = await self._reconcile()
        await self.one_go.tell_left()
        await self.tell_broken_off()
        await self.follow_evaluations()
        async for board in self.services.watcher.boards():
            gone = any(one.gone for one in changes(self.board, board))
            if await self._keep_identity(board, unsure=gone):
                settled = False
                continue
            self.board = board
            self.money_seen()
            self.one_go.seen()
            await self._tell_news(board)
            self.evaluations_seen()
            self._tell_problem(board.problem)
            if (not settled or self.services.orders.in_doubt) and board.problem is None:
                settled = await self._reconcile()

    async def _tell_news(self, board: Board) -> None:
        """Say what changed, here and to the person who looks elsewhere."""
        try:
            news, away = await self.services.news.read(self.services.place(self.identity), board)
        except AppError as problem:
            self._tell_problem(problem)
            return
        news = [one for one in news if one.gone not in self.services.endpoints.deleted]
        if news:
            self._say_news(news, away=away)
        for one in [] if away else news:
            self.post_message(self.Happened(one.text))
        self.post_message(self.Summed(summary(board)))

    def _say_news(self, news: Sequence[News], *, away: bool) -> None:
        """One after the other; many, as after an hour without a network, together."""
        together = away or len(news) > _ONE_BY_ONE
        for some in [news] if together else [[one] for one in news]:
            told = "; ".join(one.text for one in some[:5]) + (f"; and {len(some) - 5} more" if len(some) > 5 else "")
            good = all(one.good for one in some)
            self.say(f"While tanzaku was closed: {told}" if away else told, "good" if good else "problem")

    async def _keep_identity(self, board: Board, *, unsure: bool) -> bool:
        """Ask who we are where that may have changed; True when it is another account or Region than the board's."""
        was, now = self.identity, self.services.now()
        in_trouble = board.problem is not None and board.problem.cause in CURED_OUTSIDE
        old = (now - self._identified).total_seconds() >= _IDENTITY_LASTS or (was.expires and was.expires <= now)
        if not (in_trouble or was.problem or old or unsure):
            return False
        if in_trouble:
            self.identity = await self.services.identity.look()
        else:
            await self._identify()
        here = self.identity
        if not was.account or self.services.place(was) == self.services.place(here):
            return False
        self.services.forget()
        await self.follow_evaluations()
        self.board = Board()
        self.forget_money()
        self.say(f"This is another account or Region now: {here.account} {here.region}", "problem")
        self.services.watcher.wake()
        return True

    async def _identify(self) -> bool:
        found = await self.services.identity.look()
        self.identity, self._identified = found, self.services.now()
        self._tell_problem(found.problem)
        return found.problem is None

    async def _reconcile(self) -> bool:
        """Settle what was left open; False when something stays open, to be tried again with a later board."""
        from tui.services.reconciler import Settlement

        try:
            outcome = await self.services.reconciler.reconcile(self.services.place(self.identity))
            problems = outcome.problems
        except AppError as problem:
            outcome, problems = Settlement(), (problem,)
        for one in outcome.recovered:
            self.say(one.text, "good" if one.found else "problem")
            self.services.watcher.wake()
        sentence = problems[0].sentence() if problems else ""
        if sentence and sentence != self._told_open:
            self.say(f"What was left open could not be settled: {sentence}", "problem")
        self._told_open = sentence
        return not outcome.still_open and not problems

    def _tell_problem(self, problem: AppError | None) -> None:
        """One notice per trouble, not one per poll; it goes when the trouble goes. Who asked by `r` is answered."""
        sentence, asked = problem.sentence() if problem else "", self._last_said == _LOOKING
        if sentence == self._told_problem and not asked:
            return
        was, self._told_problem = self._told_problem, sentence
        if sentence:
            self.say(sentence, "problem", cures=was)
        elif asked:
            self.say("This is what AWS says now", "good", cures=was)
        elif self.query_one(StatusLine).tells(was):  # what was said since then matters more
            self.say("AWS answers again", "good", cures=was)

    def action_refresh(self) -> None:
        """Look at AWS now; in trouble with what is set outside now."""
        if self.identity.problem is not None:
            self.services.aws.renew()
        self.say(_LOOKING)
        self._woken.set()
        self.services.watcher.wake()

    def action_read_only(self, said: Callable[[str], None] | None = None) -> None:
        """Let nothing through that changes AWS; or let it through again, when that is meant. `said` tells of it where
        another screen is on top."""
        tell = said or self.say
        if not self.services.aws.read_only:
            self._set_read_only(True, tell)
            return
        from tui.dialogs.confirm import ConfirmDialog

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._set_read_only(False, tell)

        body = "From then on what you confirm is created, bought, changed and deleted in AWS again."
        self.app.push_screen(ConfirmDialog("End read-only mode?", body, yes="End it"), answered)

    def _set_read_only(self, on: bool, tell: Callable[[str], None]) -> None:
        self.services.aws.read_only = on
        self.identity = replace(self.identity, read_only=on)
        tell("Read-only mode: no changing call leaves the app (ctrl+t ends it)" if on else "Read-only mode ended")
