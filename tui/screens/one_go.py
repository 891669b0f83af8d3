"""One go from purchase to verdict: planned, told, given up or gone on with."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from textual.screen import ModalScreen
from textual.widgets import ContentSwitcher

from tui.domain.errors import AppError, Cause
from tui.domain.serving.pricing import cents
from tui.domain.text import safe_line
from tui.domain.training.runs import Board, Run
from tui.screens.money import TRY_AGAIN
from tui.tabs.base import Tab, newest

if TYPE_CHECKING:
    from tui.domain.evaluation.setup import Setup
    from tui.screens.main import MainScreen
    from tui.services.serving.one_go import Order, Reins

T = TypeVar("T")

_KILLED = (
    "Should tanzaku be killed, the endpoint bills until the next start, which offers to go on or to delete it.",
    "Should tanzaku be killed, AWS deletes the endpoint at the end of its lease.",
)
_YET_TO_BE = "yet-to-be-bought:provisioned-model/"


class OneGo:
    """What the main screen does for one go, from B in Jobs on; imported once AWS has answered."""

    _planning = False
    """Whether the questions before one go are being asked."""
    _going: Reins | None = None
    _order: Order | None = None
    _boards: asyncio.Event | None = None
    _tried_again: datetime | None = None
    """When it was last tried to delete what could not be deleted."""
    _told_failure = ""

    def __init__(self, main: MainScreen) -> None:
        self.main = main
        self.services = main.services

    def seen(self) -> None:
        """A board came: what waits for service looks again, and what could not be deleted is tried again."""
        if self._boards is not None:
            self._boards.set()
        order, now = self.services.one_go.unfinished, self.services.now()
        if order is None or self._going is not None or self._planning or self.main.board.problem is not None:
            return
        if self.services.aws.read_only or order.place != self.services.place(self.main.identity):
            return
        if self._tried_again is None or abs(now - self._tried_again) >= TRY_AGAIN:
            self._tried_again = now
            newest(self.main, "one-go", self._once_more, order)

    async def _once_more(self, order: Order) -> None:
        """Delete what could not be deleted; what was asked completely before is judged then."""
        from tui.services.serving.one_go import Step

        await self._told(self._carry_out(replace(order, given_up=order.step is not Step.DELETING)))

    async def tell_left(self) -> None:
        """At the start: say what an earlier session did not bring to its end."""
        try:
            left = await self.services.one_go.left(self.services.place(self.main.identity))
        except AppError as problem:
            self.main.say(problem.sentence(), "problem")
            return
        if left is not None and left.elsewhere:
            self.main.say(f"{left.name} is {left.step} in another window")
        elif left is not None:
            then = "goes on with it" if left.deleted else "goes on with it or deletes the endpoint"
            self.main.say(f"{left.name}: interrupted while {left.step}; B in 2 Jobs {then}", "problem")

    @property
    def endpoint(self) -> str:
        """ARN of what is deleted when the app ends; empty when nothing is."""
        return self._order.arn if self._going is not None and self._order is not None else ""

    def reasons(self) -> list[str]:
        """What quitting now would break off."""
        order = self._order if self._going is not None else None
        if order is None:
            return []
        if order.deleted:
            return [f"{order.name} is deleted and being judged: the next start goes on with it."]
        told = f"{order.name} is {order.step}: quitting deletes it and gives it up; what is answered stays stored."
        return [told]

    def requested(self, run_key: str) -> None:
        """Ask what it would be for a run's model, or whether to end the one under way."""
        if self.main.app.screen is not self.main or self._planning:
            return  # the key was pressed twice: the first time has asked its question, or is about to
        if self._going is not None:
            self._give_up()
            return
        try:
            self.services.aws.must_write()
        except AppError as refusal:
            self.main.say(refusal.sentence(), "problem")
        else:
            self._planning = True
            newest(self.main, "one-go", self._one_go, self.main.board.run(run_key))

    def _give_up(self) -> None:
        from tui.dialogs.confirm import ConfirmDialog

        order = self._order
        assert order is not None

        def answered(agreed: bool | None) -> None:
            if agreed and self._going is not None:
                self.main.say("Ending; what is under way is stored first …")
                self._going.stop()
                self.seen()

        body, yes = f"{order.name} is {order.step}. What is answered stays stored; ", "End it"
        if order.deleted:
            body += "the endpoint is deleted already."
        else:
            body, yes = f"{body}the endpoint is deleted at once.", "End it and delete the endpoint"
        self.main.app.push_screen(ConfirmDialog("End it now?", body, yes=yes), answered)

    async def _one_go(self, run: Run | None) -> None:
        self._told_failure = ""
        try:
            await self._told(self._begun(run))
        finally:
            self._planning = False

    async def _told(self, doing: Awaitable[None]) -> None:
        """Await it, and tell of its failure: here each time, to someone who looks elsewhere once."""
        try:
            await doing
        except AppError as problem:
            sentence = problem.sentence()
            self.main.say(sentence, "problem")
            if sentence != self._told_failure:
                self.main.post_message(self.main.Happened(sentence))
            self._told_failure = sentence

    async def _begun(self, run: Run | None) -> None:
        left = await self.services.one_go.left(self.services.place(self.main.identity))
        if left is not None and left.elsewhere:
            what = f"{left.name} is {left.step} in another window"
            raise AppError(Cause.CONFLICT, what, hint="Look there, or close that window")
        order = await self._left_over(left) if left is not None else await self._planned(run)
        if order is not None:
            await self._carry_out(order)

    async def _left_over(self, order: Order) -> Order | None:
        """Go on, or delete what was bought; nothing when that is not decided."""
        from tui.dialogs.choice import Choice, ChoiceDialog

        end = "end it" if order.deleted else "end it and delete the endpoint"
        choices = [
            Choice("on", "go on where it stopped", f"it was {order.step}"),
            Choice("end", end, "what is answered stays stored"),
        ]
        chosen = await self._put(ChoiceDialog(f"{order.name} was interrupted", choices))
        if chosen is None:
            return None
        return replace(order, given_up=chosen == "end")

    async def _put(self, dialog: ModalScreen[T]) -> T | None:
        """The dialog's answer: it is asked where B is pressed, however late."""
        return await self.main.query_one("#jobs", Tab).put(dialog)

    # The plan

    async def _planned(self, run: Run | None) -> Order | None:
        from tui.services.serving.one_go import Order

        if run is None or not run.model_arn:
            raise AppError(Cause.INVALID, "This run has no model to evaluate yet", hint="Choose one that has completed")
        if run.base_model is not None and "provisioned throughput" not in {w.value for w in run.base_model.serving}:
            raise AppError(
                Cause.INVALID, f"{run.base_model.name} is served on demand", hint="b deploys it, E evaluates"
            )
        setup = await self._setup(run)
        if setup is None or setup.spec is None:
            self.main.say("Nothing was bought")
            return None
        name = await self._agreed(run, setup)
        if not name:
            self.main.say("Nothing was bought")
            return None
        place = self.services.place(self.main.identity)
        made = await self.services.evaluations.create(place, setup.spec)
        minutes = self.services.settings.lease_minutes or 50
        ender = await self._ender()
        order = Order(str(uuid.uuid4()), place, run.model_arn, name, 1, minutes, made.id, ender=ender)
        return await self.services.one_go.begin(order, setup.judge)

    async def _setup(self, run: Run) -> Setup | None:
        """Questions, the other side and the judge, as for any evaluation."""
        from tui.dialogs.evaluation import EvaluationDialog
        from tui.domain.chat.chat import Target
        from tui.screens.evaluation import EvaluationScreen
        from tui.screens.evaluation_runs import as_filled, with_file

        helper = EvaluationScreen(self.services, self.main)
        form = await helper.setup_form(self.services.place(self.main.identity))
        tuned = Target(run.name, f"{_YET_TO_BE}{run.name}", "yet to be bought", tuned=True, hourly=True)
        base = form.sides.base
        if base is None and run.base_model is not None:
            base = next((t for t in form.targets if t.model_id == run.base_model.runtime_id), None)
        sides = replace(form.sides, tuned=tuned, base=base)
        form = replace(form, targets=(tuned, *form.targets), sides=sides)
        heading = f"Buy, evaluate and delete {safe_line(run.name, 60)}: asking what?"
        while True:
            filled = await self._put(EvaluationDialog(form, heading))
            if filled is None:
                return None
            form = as_filled(form, filled)
            try:
                if not filled.path:
                    return replace(filled.setup, job_arn=run.job.arn if run.job else "")
                form = with_file(form, await helper.file_at(filled.path))
            except AppError as error:
                form = replace(form, problem=error.sentence())

    async def _ender(self) -> str:
        """The role with which AWS ends leases, where an earlier one has made it; empty when it is not to be had."""
        from tui.services.serving.schedules import plan_deleting_role

        at = self.main.identity
        role = plan_deleting_role(at.account, at.region, at.partition)
        try:
            there = await self.services.roles.exists(role.name)
        except AppError:
            return ""
        return f"arn:{at.partition}:iam::{at.account}:role/{role.name}" if there else ""

    async def _agreed(self, run: Run, setup: Setup) -> str:
        """The endpoint's name, typed by whoever agrees to plan and price; else empty."""
        from tui.dialogs.confirm import ConfirmDialog
        from tui.domain.evaluation.run import plan
        from tui.domain.evaluation.setup import cost_text
        from tui.domain.names import plain
        from tui.domain.serving.quotas import held_units
        from tui.screens.evaluation import EvaluationScreen

        spec = setup.spec
        assert spec is not None
        services, region = self.services, self.main.identity.region
        prices = await services.prices.of(run.base_model_arn or run.base_model_name, region)
        quotas = await services.quotas.units(run.base_model.name if run.base_model else run.base_model_name)
        minutes, hourly = services.settings.lease_minutes or 50, prices.per_hour()
        most = None if hourly is None else hourly * minutes / 60
        planned = plan(spec, setup.judge)
        tokens = await EvaluationScreen(services, self.main).token_prices(spec, setup.judge)
        taken = {e.name for e in self.main.board.endpoints}
        stem = plain(run.base_model_name, "endpoint")
        name = next(n for n in (stem, *(f"{stem}-{i}" for i in range(2, 1000))) if n not in taken)
        held = held_units(self.main.board.billing, "")
        origin = f" ({prices.origin})" if prices.origin else ""
        of_tokens = cost_text(planned, spec, setup.judge, tokens)
        body = (
            f"At most {minutes:g} minutes, ≈ {cents(most)}; tokens: {of_tokens}.\n\n"
            f"1  buys 1 model unit for {run.name}: ≈ {cents(hourly)} an hour{origin}. {quotas.text(1, held, '')}\n"
            "2  waits until it serves: some minutes to half an hour, which bill too\n"
            f"3  asks: {planned.text}\n"
            "4  deletes the endpoint, whatever happened\n"
            "5  judges what was stored, and tells what it cost\n\n"
            f"{_KILLED[bool(await self._ender())]}\n"
            "B again ends it at any step and deletes the endpoint."
        )
        if run.ready_endpoint is not None:
            body = f"It is served already: E in 4 Chat evaluates it there, and nothing more is bought.\n\n{body}"
        agreed = await self._put(ConfirmDialog("Buy, evaluate, delete?", body, word=name))
        return name if agreed else ""

    # Carrying it out

    async def _carry_out(self, order: Order) -> None:
        from tui.services.serving.one_go import Reins, Step

        reins = Reins()
        if order.given_up:
            reins.stop()
        self._going, self._order, self._boards, self._planning = reins, order, asyncio.Event(), False
        began, cost = self.services.now(), None
        try:
            async for told in self.services.one_go.run(order, self._next_board, reins):
                self._order = order = told.order
                bill = next((b for b in self.main.bills if b.endpoint.arn == order.arn), None)
                cost = bill.spent(self.services.now()) if bill is not None else cost
                ended = order.arn and not order.open and not order.deleted
                if told.text:
                    text = f"{told.text}, ≈ {cents(cost)}" if ended else told.text
                    self.main.say(text, "problem" if told.trouble else "")
        except AppError as problem:
            if order.arn and not order.open:  # why it failed is told with what became of it
                problem.detail = f"{problem.detail.rstrip('.')}. {order.name} is deleted, ≈ {cents(cost)}".lstrip(". ")
            raise
        finally:
            self._going, self._boards = None, None
            self.services.watcher.wake()
        if order.step is not Step.GIVEN_UP:
            minutes = (self.services.now() - (order.began or began)).total_seconds() / 60
            await self._report(order, f"evaluated and deleted after {minutes:.0f} min, ≈ {cents(cost)}")

    async def _report(self, order: Order, what: str) -> None:
        results = await self.services.evaluations.load(order.evaluation)
        missing = results.wanted - results.answered
        text = f"{order.name}: {what}" + (f"; {missing} of {results.wanted} answers failed" if missing else "")
        self.main.post_message(self.main.Happened(text))
        # Whoever types or reads elsewhere by now is not torn away from it.
        if self.main.app.screen is self.main and self.main.query_one(ContentSwitcher).current == "jobs":
            self.main.say(f"{text}; everything is stored", "good")
            self.main.post_message(Tab.EvaluationRequested(order.evaluation))
        else:
            self.main.say(f"{text}. E in 4 Chat shows the answers and the verdict (o lists all)", "good")

    async def _next_board(self) -> Board:
        assert self._boards is not None
        await self._boards.wait()
        self._boards.clear()
        return self.main.board
