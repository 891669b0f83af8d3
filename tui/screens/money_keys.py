"""What one can do about what bills: look at it, lengthen or lift a lease, delete an endpoint."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from textual import work

from tui.domain.clock import end_time
from tui.domain.errors import AppError
from tui.domain.serving.meter import Bill
from tui.domain.serving.pricing import cents
from tui.screens.money import EXTENSION, LONG_AGO, MoneyScreen

if TYPE_CHECKING:
    from tui.dialogs.money import Account, MoneyWish
    from tui.services.serving.leases import Lease

_SAME_KEY = timedelta(seconds=20)
"""A + pressed again so soon means the lease that it meant before, although another one ends first by now."""


class MoneyKeys(MoneyScreen, part=True):
    """The part of the main screen that answers $ and +."""

    _extended: tuple[str, datetime] = ("", LONG_AGO)
    """The lease that + lengthened last, and when."""

    def begin_with_money(self) -> None:
        """Nothing is known yet; call when mounted."""
        super().begin_with_money()
        self._deleting: set[str] = set()

    def action_extend(self) -> None:
        """Give the lease that ends first half an hour more; pressed again soon, the same one."""
        token, at = self._extended
        if self.services.now() - at > _SAME_KEY or all(lease.token != token for lease in self._leases):
            token = self._leases[0].token if self._leases else ""
        self._extend(token)

    @work(group="lease")
    async def _extend(self, token: str = "") -> None:
        """Half an hour more for a lease, in AWS too where a schedule keeps it; for the first to end unless told."""
        async with self._lease_turn:
            lease: Lease | None = None
            while True:  # again where another window was quicker: each + counts on from what the one before has brought
                was = lease
                await self._read_leases()
                lease = next((one for one in self._leases if one.token == token or not token), None)
                if lease is None or lease == was:
                    self.say(
                        f"{was.name} was not extended: its lease is over" if was else "No lease is running", "problem"
                    )
                    return
                token = lease.token
                self._extended = (token, self.services.now())
                until = max(lease.until or self.services.now(), self.services.now()) + EXTENSION
                try:
                    if await self._moved(lease, until):
                        break
                except AppError as problem:
                    self.say(f"{lease.name} was not extended: {problem.sentence()}", "problem")
                    return
            self._leases = [replace(one, until=until) if one.token == lease.token else one for one in self._leases]
        self.say(f"{lease.name} stays until {end_time(until, self.services.now())}", "good")
        self._show_money()

    async def _moved(self, lease: Lease, until: datetime) -> bool:
        """Give a lease another end, in AWS first. False where it is not any more as it was read. Raises AppError."""
        if lease.kept:
            await self.services.schedules.move(lease.kept, until)
        return await self.services.pool.run(self.services.leases.extend, lease, until)

    @work(group="lease")
    async def _lift(self, token: str) -> None:
        """No end any more for a lease."""
        from tui.services.serving.schedules import schedule_name

        async with self._lease_turn:
            await self._read_leases()
            lease = next((one for one in self._leases if one.token == token), None)
            if lease is None:
                return  # the key was pressed twice
            try:
                if lease.schedule:  # first in AWS: what it still deletes must not be said to stay
                    await self.services.schedules.remove(lease.kept or schedule_name(lease.arn))
                await self.services.pool.run(self.services.leases.end, lease.token)
            except AppError as problem:
                self.say(f"{lease.name} keeps its end: {problem.sentence()}", "problem")
                return
            self._leases = [one for one in self._leases if one.token != token]
        self.say(f"{lease.name} has no end any more: it bills until you delete it", "problem")
        self._show_money()

    def action_money(self) -> None:
        """Show all that bills, with what it cost so far."""
        from tui.dialogs.money import MoneyDialog

        if not self.bills:
            unsure = self.board.may_bill_unseen or self.board.seen is None
            self.say(
                "What bills is not known" if unsure else "Nothing bills by the hour here", "problem" if unsure else ""
            )
            return
        self.app.push_screen(MoneyDialog(self._account(), self._wished))
        self._read_and_show()

    @work(group="money", exclusive=True)
    async def _read_and_show(self) -> None:
        await self._read_leases()
        self._show_money()

    def _account(self) -> Account:
        from tui.dialogs.money import Account

        leases = {lease.arn: (lease.until, bool(lease.kept)) for lease in self._leases}
        return Account(self.bills, leases, self.services.now(), self._elsewhere.unseen, self._unasked)

    def _show_money(self) -> None:
        """Tell an open bill how things stand now."""
        from tui.dialogs.money import MoneyDialog

        for screen in self.app.screen_stack:
            if isinstance(screen, MoneyDialog) and screen.is_mounted:
                screen.tell(self._account())

    def _wished(self, wish: MoneyWish, arn: str) -> None:
        bill = next((b for b in self.bills if b.endpoint.arn == arn), None)
        lease = self.lease_of(arn)
        if bill is None:
            return
        if wish.value == "delete":
            self._ask_to_delete(bill)
        elif lease is None:
            self.say(f"{bill.endpoint.name} has no lease: it stays until it is deleted", "problem")
        elif wish.value == "extend":
            self._extend(lease.token)
        else:
            self._lift(lease.token)

    def _ask_to_delete(self, bill: Bill) -> None:
        from tui.dialogs.confirm import ConfirmDialog

        name, region = bill.endpoint.name, bill.endpoint.region
        try:
            self.services.aws.must_write()
        except AppError as refusal:
            self.say(refusal.sentence(), "problem")
            return
        if bill.endpoint.arn in self._deleting:
            self.say(f"{name} is being deleted already")
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._delete(bill)

        bound = bill.endpoint.bound(self.services.now())
        body = f"{name} in {region} stops answering and billing. The custom model stays. {bound}".rstrip()
        self.app.push_screen(ConfirmDialog("Delete this endpoint?", body, word=name), answered)

    @work(group="delete")
    async def _delete(self, bill: Bill) -> None:
        name, gone = bill.endpoint.name, bill.endpoint.arn
        self._deleting.add(gone)
        self.say(f"The deletion of {name} is being sent …")
        try:
            await self.services.endpoints.delete(bill.endpoint)
        except AppError as problem:
            self.say(problem.sentence(), "problem")
            return
        finally:
            self._deleting.discard(gone)
        self._elsewhere = replace(
            self._elsewhere, endpoints=tuple(e for e in self._elsewhere.endpoints if e.arn != gone)
        )
        self.bills = tuple(b for b in self.bills if b.endpoint.arn != gone)
        self.services.watcher.wake()
        self.say(f"{name} is deleted. It cost ≈ {cents(bill.spent(self.services.now()))}", "good")
        self._show_money()
