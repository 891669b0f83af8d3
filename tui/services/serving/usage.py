"""When endpoints were last asked, by whomever: the metric Invocations of CloudWatch, for what bills by the hour."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tui.domain.clock import Now, utc_now
from tui.domain.errors import AppError, Cause
from tui.domain.training.runs import Endpoint
from tui.domain.values import dataclass
from tui.services.aws import Aws
from tui.services.aws_errors import understood

_WINDOW = timedelta(hours=24)
_PERIOD = 60
"""Seconds that one figure is of."""
_AT_MOST = 100
"""Endpoints in one call; CloudWatch takes 500, the sandbox's and the account's quotas hold far fewer."""
_OPERATION = "get_metric_data"
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Asked:
    """When each endpoint, by its ARN, was last asked; `problem` is why CloudWatch did not tell for some or all."""

    times: Mapping[str, datetime]
    problem: AppError | None = None


class Usage:
    """Asks CloudWatch, sparingly: GetMetricData costs USD 0.01 per 1,000 metrics, and its figures come late."""

    def __init__(self, aws: Aws, *, now: Now = utc_now) -> None:
        self._aws = aws
        self._now = now
        self._every = timedelta(seconds=5) if aws.sandbox else timedelta(minutes=5)
        self._looked: datetime | None = None
        self._denied: set[str] = set()
        self._last = Asked({})

    async def look(self, endpoints: Iterable[Endpoint]) -> Asked:
        """When the endpoints were last asked, one call for each Region that has some.

        Within five minutes of a look what it found is given again; a Region that was denied is not asked a second
        time. An endpoint that nobody asked for 24 hours counts as asked when those began: longer is not looked back.
        Never raises.
        """
        now = self._now()
        serving = [e for e in endpoints if e.ready]
        # A clock that was set back must not keep it from looking.
        if not serving or (self._looked is not None and timedelta(0) <= now - self._looked < self._every):
            return self._last
        self._looked = now
        places: dict[str, list[Endpoint]] = {}
        for endpoint in serving:
            places.setdefault(endpoint.region, []).append(endpoint)
        looks = (self._look(region, held[:_AT_MOST], now) for region, held in places.items())
        answers = await asyncio.gather(*looks)
        times = dict(self._last.times)
        for found, _ in answers:
            times.update({arn: max(at, times.get(arn, _NEVER)) for arn, at in found.items()})
        alive = {e.arn for e in serving}
        problem = next((problem for _, problem in answers if problem is not None), None)
        self._last = Asked({arn: at for arn, at in times.items() if arn in alive}, problem)
        return self._last

    def forget(self) -> None:
        """Another account is looked at, or the same one with other permissions."""
        self._looked = None
        self._denied.clear()
        self._last = Asked({})

    async def _look(
        self, region: str, endpoints: Sequence[Endpoint], now: datetime
    ) -> tuple[dict[str, datetime], AppError | None]:
        if region in self._denied:
            return {}, self._last.problem
        start = (now - _WINDOW).replace(second=0, microsecond=0)
        queries = [_query(f"m{number}", endpoint.arn) for number, endpoint in enumerate(endpoints)]
        end = now + timedelta(seconds=_PERIOD)  # the minute that is now belongs to it
        params = {"MetricDataQueries": queries, "StartTime": start, "EndTime": end, "ScanBy": "TimestampDescending"}
        try:
            answer = await self._aws.call(
                "cloudwatch", _OPERATION, params, need=("MetricDataResults",), region=region or None
            )
            newest = understood(_OPERATION, _newest, answer)
        except AppError as problem:
            if problem.cause is Cause.DENIED:
                self._denied.add(region)
            return {}, problem
        found = {}
        for number, endpoint in enumerate(endpoints):
            at = newest.get(f"m{number}")
            if at is not None:
                # The figure is of the minute that begins then; the call was somewhere within.
                found[endpoint.arn] = min(now, at + timedelta(seconds=_PERIOD))
            elif endpoint.created < start:
                found[endpoint.arn] = start
        return found, None


def _query(name: str, arn: str) -> dict[str, Any]:
    metric = {
        "Namespace": "AWS/Bedrock",
        "MetricName": "Invocations",
        "Dimensions": [{"Name": "ModelId", "Value": arn}],
    }
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": _PERIOD, "Stat": "Sum"}}


def _newest(answer: Mapping[str, Any]) -> dict[str, datetime]:
    """The newest minute with a call, by query."""
    found: dict[str, datetime] = {}
    for result in answer["MetricDataResults"]:
        times = [at for at, value in zip(result["Timestamps"], result["Values"], strict=True) if value > 0]
        if times:
            found[str(result["Id"])] = max(times)
    return found
