"""What every order from the Jobs tab goes through: one at a time, never in doubt unasked, its outcome told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager

from textual import work
from textual.reactive import reactive

from tui.dialogs.unsettled import UnsettledDialog
from tui.domain.errors import AppError, Cause
from tui.domain.identity import Identity
from tui.domain.training.runs import Board, Run
from tui.services.orders import Patience
from tui.services.reconciler import Settlement
from tui.services.session import Services
from tui.tabs.base import Tab


class OrderingTab(Tab, part=True):
    """A tab that sends orders to Bedrock."""

    identity: reactive[Identity] = reactive(Identity(), repaint=False)
    board: reactive[Board] = reactive(Board(), repaint=False)
    base_model_key: reactive[str] = reactive("", repaint=False)

    def __init__(self, services: Services, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(services, id=id, classes=classes)
        self._sending = ""
        self._held = ""
        self._started = ""
        self._patience = Patience()

    @property
    def run_shown(self) -> Run | None:
        """The run under the cursor."""
        raise NotImplementedError

    def reasons_to_stay(self) -> list[str]:
        """A request on its way is better waited for."""
        return [f"{self._sending} is being sent; quitting leaves its outcome open."] if self._sending else []

    def _begin(self, order: Callable[[], Awaitable[None]], *, on_run: bool = True, looks_first: bool = False) -> None:
        """Carry out an order, but none while another has come to its questions: it would be pushed aside unanswered.

        With `on_run` it is about the run under the cursor, which is not there before AWS has told of any. One that
        `looks_first` tells something worth knowing before it changes anything, also in read-only mode.
        """
        if not looks_first and self._refused_as_read_only():
            return
        if self._sending or self._held:
            what = f"{self._sending} is still being sent" if self._sending else f"{self._held} is still under way"
            self.say(what, "problem")
        else:
            self._order(order, on_run)

    def _refused_as_read_only(self) -> bool:
        """Say so where nothing may be changed: nobody fills in a form for that."""
        try:
            self.services.aws.must_write()
        except AppError as refusal:
            self.say(refusal.sentence(), "problem")
            return True
        return False

    @work(group="order", exclusive=True)
    async def _order(self, order: Callable[[], Awaitable[None]], on_run: bool) -> None:
        await self.attempt(self._in_its_time(order, on_run))

    async def _in_its_time(self, order: Callable[[], Awaitable[None]], on_run: bool) -> None:
        """A key of the first second means what can be done a second later."""
        if not self._answered(on_run):
            self.say("AWS has not answered yet; this goes on when it has …")
            await self.until(lambda: self._answered(on_run))
            self.say("")
        await order()

    def _answered(self, on_run: bool) -> bool:
        """Whether AWS has told what an order needs, or why it does not."""
        if not self.identity.known:
            return self.identity.problem is not None
        return not on_run or self.board.seen is not None or self.board.problem is not None

    @contextmanager
    def _hold(self, what: str) -> Iterator[None]:
        """From its questions to its end an order cannot be pushed aside."""
        self._held = what
        try:
            yield
        finally:
            self._held = ""

    @contextmanager
    def _on_its_way(self, what: str) -> Iterator[None]:
        self._sending = what
        try:
            yield
        finally:
            self._sending = ""

    def _patient(self) -> Patience:
        """For an order that is tried again by itself; `_had_enough` ends it."""
        self._patience = Patience(lambda text: self.say(f"{text} (esc in 2 Jobs gives it up)"))
        return self._patience

    def _had_enough(self) -> bool:
        """Give up an order that waits for its next try; False where there is none."""
        return self._patience.end()

    def _known_place(self) -> str:
        """Account and Region that orders belong to; taken once, since the identity may get into trouble meanwhile."""
        if not self.identity.known:
            raise self.identity.problem or AppError(Cause.UNREACHABLE, "AWS is not ready yet", hint="Wait a moment")
        return self.services.place(self.identity)

    def _must_still_be(self, place: str) -> None:
        if self.services.place(self.identity) != place:
            raise AppError(Cause.CONFLICT, "The account or Region has changed since this was begun", hint="Begin anew")

    async def _settled(self, place: str, operations: Collection[str], token: str = "") -> bool:
        """Whether to go on: asks AWS about earlier orders of these operations whose outcome is open, and the user
        about those that stay open. One with the same `token` that AWS does not list may be sent again safely.

        Raises AppError when the user gives up.
        """
        while True:
            outcome = await self.services.reconciler.reconcile(place, operations)
            if self._tell(outcome):
                return False
            in_doubt = next((o for o in outcome.still_open if o.problem or o.intent.token != token), None)
            if in_doubt is None:
                return True
            reason = in_doubt.problem.sentence() if in_doubt.problem else "AWS does not list it, but it is quite new."
            same = in_doubt.intent.token == token
            answer = await self.put(UnsettledDialog(in_doubt.intent.name, reason, same=same))
            if answer is None:
                what = f"What became of {in_doubt.intent.name} is not known yet"
                raise AppError(Cause.CONFLICT, what, "Nothing more was sent", "The app goes on looking for it")
            if answer:
                return True

    def _tell(self, outcome: Settlement) -> bool:
        """Say what became of open orders; True when AWS has one of them."""
        for one in outcome.recovered:
            text = "AWS has it after all: here it is" if one.found else "it never reached AWS, nothing was made"
            self.say(f"{one.name}: {text}", "good" if one.found else "problem")
        found = any(one.found for one in outcome.recovered)
        if found:
            self.post_message(self.AwsChanged())
        return found

    async def _taken_after_all(self, place: str, operations: Collection[str]) -> bool:
        """Whether AWS has the order. Where it cannot be asked now, the order stays open; the next try asks first."""
        self.say("AWS may have taken the order; looking …", "problem")
        self.post_message(self.AwsChanged())
        try:
            outcome = await self.services.reconciler.reconcile(place, operations)
        except AppError as error:
            self.say(error.sentence(), "problem")
            return False
        if outcome.problems:
            self.say(outcome.problems[0].sentence(), "problem")
        return self._tell(outcome)
