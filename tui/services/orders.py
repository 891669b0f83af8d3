"""Calls that cost money: written down before they are sent, sent with one token, and settled by their answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from tui.domain.errors import AppError, Cause
from tui.domain.values import dataclass
from tui.services.aws import Aws
from tui.services.coming_back import pause
from tui.services.pool import DaemonPool
from tui.services.store import IntentState, Store

SKEW = timedelta(minutes=5)
"""How far this machine's clock may be ahead of AWS's when what was made is compared with what was ordered."""

ROLE_WAITS = (2.0, 4.0, 8.0, 15.0, 30.0, 30.0)
"""Seconds between tries while IAM spreads a new role."""


BUSY_WAITS = (4.0, 8.0, 15.0, 30.0, 30.0, 30.0)
"""Seconds between tries while AWS is asked too often, as by others of a large account: two minutes in all."""


class Patience:
    """Someone who waits for an order that is tried again by itself, is told of it, and may have enough of it."""

    def __init__(self, tell: Callable[[str], None] = lambda _: None) -> None:
        self._tell = tell
        self._waits = False
        self._over = False

    def end(self) -> bool:
        """Have enough: the order fails with what it was last told. False where nothing waits for the next try."""
        self._over = self._over or self._waits
        return self._waits

    async def lasts(self, seconds: float, why: str) -> bool:
        """Wait before the next try; whether it is still wanted then."""
        self._tell(f"{why}; next try in {seconds:g} s")
        self._waits = True
        try:
            return await pause(seconds, lambda: not self._over)
        finally:
            self._waits = False


def _role_is_spreading(error: AppError) -> bool:
    # Bedrock has no code for it: a ValidationException, told from the others by its words.
    return "could not assume" in error.detail.casefold()


def _next_try(error: AppError, spreading: Iterator[float], busy: Iterator[float]) -> tuple[float | None, str]:
    """After how many seconds an order is tried again, and why; None where that makes no sense."""
    if _role_is_spreading(error):
        return next(spreading, None), "IAM is still spreading the role"
    return next(busy, None) if error.cause is Cause.THROTTLED else None, error.title


@dataclass(frozen=True, slots=True)
class Ordered:
    """What AWS made. `arn` is empty when the same order is under way already; `unnoted` says why the app's memory
    could not note the answer: the order is settled nevertheless."""

    arn: str = ""
    unnoted: AppError | None = None

    @property
    def note(self) -> str:
        """To be added to the good news; empty when all was noted."""
        return f". It could not be noted: {self.unnoted.sentence()}" if self.unnoted else ""


class Orders:
    """Sends orders to Bedrock. A token belongs to one order with all its tries."""

    def __init__(self, aws: Aws, store: Store, pool: DaemonPool) -> None:
        self._aws = aws
        self._store = store
        self._pool = pool
        self._sending: set[str] = set()
        self.settled: set[str] = set()
        """Tokens whose answer came in this session, whether or not it could be noted."""
        self._doubted: set[str] = set()
        self.busy_waits: tuple[float, ...] = BUSY_WAITS

    def under_way(self, token: str) -> bool:
        """Whether an order with this token is being sent just now, so that its outcome is not yet to be asked for."""
        return token in self._sending

    @property
    def in_doubt(self) -> bool:
        """Whether the outcome of an order of this session is still to be asked for."""
        return bool(self._doubted - self.settled - self._sending)

    async def send(
        self,
        place: str,
        operation: str,
        name: str,
        params: Mapping[str, Any],
        need: str,
        token: str,
        *,
        role_waits: Iterable[float] = (),
        patience: Patience | None = None,
    ) -> Ordered:
        """What AWS made, told under `need` in its answer.

        While IAM still spreads a role that the order names, it is tried again after `role_waits`, and with `patience`
        for two minutes while AWS is asked too often.
        A second call with a token that is under way raises nothing and sends nothing. Raises AppError; with
        `outcome_unknown` AWS may have carried out this or an earlier try of the order.
        """
        if token in self._sending:
            return Ordered()
        self._sending.add(token)
        # What was found out about an earlier try says nothing about this one.
        self.settled.discard(token)
        try:
            doubtful = await self._pool.run(self._store.doubtful, token)
            await self._pool.run(self._store.prepare, place, operation, name, params, token)
            self._doubted.add(token)
            spreading, busy = iter(role_waits), iter(self.busy_waits if patience else ())
            while True:
                try:
                    answer = await self._aws.order("bedrock", operation, params, need=(need,))
                    break
                except AppError as error:
                    doubtful = error.outcome_unknown = doubtful or error.outcome_unknown
                    wait, why = _next_try(error, spreading, busy)
                    if wait is None or not await (patience or Patience()).lasts(wait, why):
                        await self._close_failed(token, error)
                        raise
            return await self._close_made(token, str(answer[need]))
        finally:
            self._sending.discard(token)

    async def _close_failed(self, token: str, error: AppError) -> None:
        state = IntentState.UNKNOWN if error.outcome_unknown else IntentState.REFUSED
        if state is IntentState.REFUSED:
            self._doubted.discard(token)
        try:
            await self._pool.run(self._store.settle, token, state, "", error.sentence())
        except AppError as unnoted:  # the order stays open, which is the safe side; AWS's own word is what counts
            error.detail = f"{error.detail.rstrip('.')}. {unnoted.title}".lstrip(". ")

    async def _close_made(self, token: str, arn: str) -> Ordered:
        self.settled.add(token)
        try:
            await self._pool.run(self._store.settle, token, IntentState.DONE, arn)
        except AppError as unnoted:
            return Ordered(arn, unnoted)
        return Ordered(arn)
