"""What bills, on every tab: prices, other Regions, leases that end, reminders, and the view of it all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from textual import work
from textual.message import Message
from textual.reactive import reactive

from tui.domain.base_models import Serving
from tui.domain.clock import end_time, span
from tui.domain.errors import AppError, Cause
from tui.domain.serving.meter import Bill, Elsewhere, bills_of, latest, meter_text
from tui.domain.serving.pricing import TokenPrices, cents
from tui.domain.training.runs import Endpoint, Part
from tui.screens.shared import SharedScreen

if TYPE_CHECKING:
    from tui.services.serving.leases import Lease

_WARN_BEFORE = timedelta(minutes=5)
TRY_AGAIN = timedelta(minutes=1)
_AWS_IS_LATE = timedelta(minutes=3)
"""How long after the end of a lease its schedule in AWS may still be at work."""
EXTENSION = timedelta(minutes=30)


class MoneyScreen(SharedScreen, part=True):
    """The part of the main screen that keeps an eye on what bills."""

    class Happened(Message):
        """News, worth telling someone who looks elsewhere."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    bills: reactive[tuple[Bill, ...]] = reactive((), repaint=False)

    def begin_with_money(self) -> None:
        """Nothing is known yet; call when mounted."""
        self._prices: dict[str, TokenPrices] = {}
        self._elsewhere = Elsewhere()
        self._leases: list[Lease] = []
        self._warned: set[tuple[str, datetime | None]] = set()
        self._tried: dict[str, datetime] = {}
        self._first_left: dict[tuple[str, datetime | None], tuple[float, timedelta]] = {}
        """When the end of a lease was first seen, in seconds of a clock that nobody sets, and how far off it was."""
        self._kept: dict[str, datetime | None] = {}
        """When a lease's schedule in AWS was last looked at; None when it has been seen to."""
        self._reminded = self.services.now()
        self._looked_elsewhere = ""
        self._asked: Mapping[str, datetime] = {}
        self._unasked: AppError | None = None
        self._asking = False
        self._lease_turn = asyncio.Lock()
        self.set_interval(1 if self.services.sandbox else 15, self.look_at_money)

    def forget_money(self) -> None:
        """Another account or Region is looked at."""
        self._elsewhere, self._looked_elsewhere, self._leases = Elsewhere(), "", []
        self._asked, self._unasked = {}, None
        self.bills = ()

    # What bills

    def money_seen(self) -> None:
        """A board came: find the prices of what is new, and once the other Regions."""
        self._count()
        self._price_what_is_new()
        account = self.identity.account
        if account and account != self._looked_elsewhere and self.services.settings.scan_regions:
            self._looked_elsewhere = account
            self._look_elsewhere(account, self.identity.region)

    @work(group="prices", exclusive=True)
    async def _price_what_is_new(self) -> None:
        for endpoint in (*self.board.billing, *self._elsewhere.endpoints):
            if endpoint.arn not in self._prices:
                await self._price(endpoint)

    async def _price(self, endpoint: Endpoint) -> None:
        model = endpoint.base_model_arn or endpoint.model_arn
        self._prices[endpoint.arn] = await self.services.prices.of(model, endpoint.region)
        self._count()

    @work(group="elsewhere", exclusive=True)
    async def _look_elsewhere(self, account: str, here: str) -> None:
        told: set[str] = set()
        try:
            async for found in self.services.regions.look(account, here):
                self._elsewhere = found
                places = {e.region for e in found.endpoints}
                if places - told:
                    self.say(f"Provisioned throughput bills in {', '.join(sorted(places))} too ($ shows it)", "problem")
                told |= places
                self._count()
                self._price_what_is_new()
        except AppError as problem:
            self.say(f"Other Regions were not looked at: {problem.sentence()}", "problem")

    def _count(self) -> None:
        asked = latest(self.services.aws.asked, self._asked)
        here = bills_of(self.board.billing, self._prices, asked)
        self.bills = here + bills_of(self._elsewhere.endpoints, self._prices, asked, elsewhere=True)

    @work(group="usage")
    async def _look_at_usage(self) -> None:
        """Ask when what bills was last asked, also by others."""
        try:
            found = await self.services.usage.look([bill.endpoint for bill in self.bills])
        finally:
            self._asking = False
        self._asked, self._unasked = found.times, found.problem
        self._count()

    # Leases and reminders

    @work(group="leases")
    async def look_at_money(self) -> None:
        """End leases that are over, warn of those that soon are, remind."""
        if not self.identity.account or self.board.seen is None:
            return
        self._count()
        if any(bill.endpoint.ready for bill in self.bills) and not self._asking:
            self._asking = True
            self._look_at_usage()
        await self._read_leases()
        now = self.services.now()
        for lease in self._leases:
            left = self._left(lease, now)
            if left is None:
                continue
            if await self._is_gone(lease):
                continue
            if left > timedelta(0) and lease.schedule:
                await self._keep_in_aws(lease, now)
            if left <= timedelta(0):
                await self._end(lease, now)
            elif left <= min(_WARN_BEFORE, timedelta(minutes=lease.minutes / 4)):
                self._warn(lease, left)
        self._remind(now)

    def _left(self, lease: Lease, now: datetime) -> timedelta | None:
        """Time until its end by this machine's clock, or by what has passed since that end was first seen, if that is
        less: a clock that is set back lets nothing bill on."""
        left, passing = lease.left(now), monotonic()
        if left is None:
            return None
        since, first = self._first_left.setdefault((lease.token, lease.until), (passing, left))
        return min(left, first - timedelta(seconds=passing - since))

    async def _read_leases(self) -> None:
        if not self.identity.account:
            return
        place = self.services.place(self.identity)
        try:
            self._leases = await self.services.pool.run(self.services.leases.running, place)
        except AppError as problem:
            self.say(problem.sentence(), "problem")

    async def _is_gone(self, lease: Lease) -> bool:
        """Whether the endpoint is deleted already; the lease ends with it."""
        board = self.board
        known = board.problem is None and Part.THROUGHPUTS not in board.missed and lease.arn in self._prices
        if not known or any(e.arn == lease.arn for e in board.endpoints):
            return False
        await self._settle(lease)
        return True

    async def _keep_in_aws(self, lease: Lease, now: datetime) -> None:
        """Once in a session see that AWS does delete it, and when: the app may have been killed between what it said
        to AWS and what it noted, and schedules can be changed by hand."""
        # One that was just bought is seen to by whoever bought it.
        tried = self._kept.setdefault(lease.token, now if lease.wanted else LONG_AGO)
        if tried is None or now - tried < TRY_AGAIN:
            return
        self._kept[lease.token] = now
        from tui.services.serving.leases import LeaseState

        services, leases = self.services, self.services.leases
        try:
            async with self._lease_turn:  # who extends it meanwhile would be overruled
                fresh: Lease | None = await services.pool.run(leases.of, lease.token)
                if fresh is not None and fresh.state is LeaseState.RUNNING:
                    await self._tell_aws(fresh)
        except AppError as problem:
            if problem.cause is Cause.DENIED and lease.wanted:
                with suppress(AppError):  # a disk that refuses: it is tried again
                    await services.pool.run(leases.keep_in_aws, lease.token, "")
            self.say(f"{lease.name}: AWS could not be told when to delete it: {problem.sentence()}", "problem")
            return
        self._kept[lease.token] = None
        await self._read_leases()

    async def _tell_aws(self, lease: Lease) -> None:
        services, leases = self.services, self.services.leases
        assert lease.until is not None
        if lease.wanted:
            name = await services.schedules.put(lease.arn, lease.until, lease.wanted)
            await services.pool.run(leases.keep_in_aws, lease.token, name)
            fresh = await services.pool.run(leases.of, lease.token)
            if fresh is not None and fresh.until not in (None, lease.until):  # another window's + came meanwhile
                await services.schedules.move(name, fresh.until)
            return
        at = await services.schedules.time_of(lease.kept)
        if at is None:
            await services.pool.run(leases.keep_in_aws, lease.token, "")
            self.say(f"{lease.name}: its schedule in AWS is gone; tanzaku deletes it, if it runs then", "problem")
        elif at != lease.until.replace(microsecond=0):
            await services.pool.run(leases.extend, lease, at)

    async def _settle(self, lease: Lease) -> bool:
        """End a lease and its schedule; False when another window has ended it already."""
        try:
            mine = await self.services.pool.run(self.services.leases.end, lease.token)
            if mine and lease.schedule:
                from tui.services.serving.schedules import schedule_name

                await self.services.schedules.remove(lease.kept or schedule_name(lease.arn))
        except AppError as problem:
            self.say(problem.sentence(), "problem")
            return True
        return mine

    def _warn(self, lease: Lease, left: timedelta) -> None:
        if (lease.token, lease.until) in self._warned:
            return
        self._warned.add((lease.token, lease.until))
        text = f"{lease.name} is deleted in {span(left)}; + keeps it {span(EXTENSION)} longer"
        self.say(text, "problem")
        self.post_message(self.Happened(text))

    async def _end(self, lease: Lease, now: datetime) -> None:
        """Delete what the lease was for; while that fails, again each minute and with a loud word."""
        over = now - lease.until if lease.until else timedelta(0)
        if (lease.kept and over < _AWS_IS_LATE) or now - self._tried.get(lease.token, LONG_AGO) < TRY_AGAIN:
            return
        self._tried[lease.token] = now
        await self._read_leases()  # another window may have ended or extended it meanwhile
        if not any(one.token == lease.token and one.until == lease.until for one in self._leases):
            return
        bill = await self._priced(lease.arn)
        try:
            await self.services.endpoints.delete(bill.endpoint if bill else _only_named(lease))
        except AppError as problem:
            text = f"The lease of {lease.name} is over, but it is not deleted: {problem.sentence()}"
            self.say(text, "problem")
            if problem.cause is not Cause.READ_ONLY:
                self.post_message(self.Happened(text))
            return
        mine = await self._settle(lease)
        self.services.watcher.wake()
        if not mine:
            return
        told = f"The lease of {lease.name} is over: it is deleted."
        if bill is not None:
            told += f" It cost ≈ {cents(bill.spent(now))}"
        self.say(told, "good")
        self.post_message(self.Happened(told))

    async def _priced(self, arn: str) -> Bill | None:
        """The bill of an endpoint with its price, as far as one is known; None when it is not listed."""
        for bill in self.bills:
            if bill.endpoint.arn == arn:
                if arn not in self._prices:
                    await self._price(bill.endpoint)
                return next((b for b in self.bills if b.endpoint.arn == arn), bill)
        return None

    def _remind(self, now: datetime) -> None:
        every = self.services.settings.remind_minutes
        if every and self.bills and now - self._reminded >= timedelta(minutes=every):
            self._reminded = now
            self.post_message(self.Happened(f"Still billing: {meter_text(self.bills, now)}"))

    def lease_of(self, arn: str) -> Lease | None:
        """The running lease of an endpoint."""
        return next((lease for lease in self._leases if lease.arn == arn), None)

    # The way out

    async def money_reasons(self, *, ending: str) -> list[str]:
        """What to know about money before leaving, but for the endpoint that is deleted by leaving."""
        await self._read_leases()
        bills = tuple(bill for bill in self.bills if bill.endpoint.arn != ending)
        if not bills:
            unseen = self.board.may_bill_unseen
            return ["Provisioned throughput may be billing: this account may not list it."] if unseen else []
        now = self.services.now()
        reasons = [f"{meter_text(bills, now)}: it goes on billing until it is deleted ($ shows it)."]
        for lease in self._leases:
            if lease.until is not None and lease.arn != ending:
                at = end_time(lease.until, now)
                reasons.append(
                    f"{lease.name}: AWS deletes it at {at}, also without tanzaku."
                    if lease.kept
                    else f"{lease.name}: its lease ends at {at}, but only while tanzaku runs here is it deleted then."
                )
        return reasons


LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _only_named(lease: Lease) -> Endpoint:
    """What is needed to delete an endpoint that is not listed."""
    return Endpoint(Serving.PROVISIONED, lease.arn, lease.name, "", "", lease.until or LONG_AGO)
