"""CloudWatch, as far as it tells who was asked: the metric Invocations of AWS/Bedrock, counted by the minute."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from tui.sandbox.errors import ServiceError
from tui.sandbox.state_folder import Folder
from tui.sandbox.wire import Call

_FILE = "invocations.json"
_MINUTE = 60
_KEPT = 15 * 24 * 3600
"""Seconds for which CloudWatch keeps figures of a minute."""


class Invocations:
    """Accepted calls by Region, model and minute. On disk at each new minute: a crash loses one at most."""

    def __init__(self, folder: Folder | None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._counts: dict[str, dict[int, int]] = {}
        if folder is not None:
            self._counts = folder.load(_FILE, _from_json) or {}

    def note(self, region: str, model_id: str, at: float) -> None:
        """A model was asked at `at`, in seconds since the epoch."""
        minute = int(at // _MINUTE) * _MINUTE
        with self._lock:
            known = self._counts.setdefault(_key(region, model_id), {})
            begun = minute not in known
            known[minute] = known.get(minute, 0) + 1
            if begun:
                for old in [one for one in known if one < at - _KEPT]:
                    del known[old]
                if self._folder is not None:
                    self._folder.write_json(_FILE, self._counts)

    def sums(self, region: str, model_id: str, start: float, end: float, period: int) -> dict[int, int]:
        """Calls by the start of each period that had any, from `start` to before `end`."""
        with self._lock:
            known = dict(self._counts.get(_key(region, model_id), {}))
        found: dict[int, int] = {}
        for minute, number in sorted(known.items()):
            if start <= minute < end:
                bucket = minute // period * period
                found[bucket] = found.get(bucket, 0) + number
        return found

    def clear(self) -> None:
        """Forget every figure."""
        with self._lock:
            self._counts = {}
            if self._folder is not None:
                self._folder.remove(_FILE)


def _key(region: str, model_id: str) -> str:
    return f"{region} {model_id}"


def _from_json(document: Mapping[str, Mapping[str, int]]) -> dict[str, dict[int, int]]:
    return {key: {int(minute): int(number) for minute, number in counts.items()} for key, counts in document.items()}


class Monitoring:
    """The operations of CloudWatch that read these figures."""

    def __init__(self, invocations: Invocations) -> None:
        self._invocations = invocations

    def handlers(self) -> dict[str, Callable[[Any, Call], dict[str, Any]]]:
        """By operation."""
        return {"GetMetricData": self.get_data, "GetMetricStatistics": self.get_statistics}

    def get_data(self, world: object, call: Call) -> dict[str, Any]:
        given = call.parameters
        _check_window(given)
        newest_first = given.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        results = []
        for query in given["MetricDataQueries"]:
            stat = query.get("MetricStat")
            if stat is None:
                raise _refused("ValidationError", "The sandbox's CloudWatch does not do expressions.")
            found = self._found(call.region, stat["Metric"], stat["Period"], given)
            points = sorted(found.items(), reverse=newest_first)
            results.append(
                {
                    "Id": query["Id"],
                    "Label": query.get("Label", stat["Metric"].get("MetricName", "")),
                    "Timestamps": [float(at) for at, _ in points],
                    "Values": [float(number) for _, number in points],
                    "StatusCode": "Complete",
                }
            )
        return {"MetricDataResults": results, "Messages": []}

    def get_statistics(self, world: object, call: Call) -> dict[str, Any]:
        given = call.parameters
        _check_window(given)
        found = self._found(call.region, given, given["Period"], given)
        points = [{"Timestamp": float(at), "Sum": float(number), "Unit": "Count"} for at, number in found.items()]
        return {"Label": given["MetricName"], "Datapoints": points}

    def _found(
        self, region: str, metric: Mapping[str, Any], period: int, window: Mapping[str, Any]
    ) -> Mapping[int, int]:
        if (metric.get("Namespace"), metric.get("MetricName")) != ("AWS/Bedrock", "Invocations"):
            return {}  # what was never sent to CloudWatch has no figures, and no error either
        if period % _MINUTE:
            raise _refused("InvalidParameterValue", "The parameter Period must be a multiple of 60.")
        names = {one["Name"]: one["Value"] for one in metric.get("Dimensions", ())}
        if set(names) != {"ModelId"}:
            return {}
        return self._invocations.sums(region, names["ModelId"], window["StartTime"], window["EndTime"], period)


def _check_window(given: Mapping[str, Any]) -> None:
    if not given["StartTime"] < given["EndTime"]:
        raise _refused("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")


def _refused(code: str, message: str) -> ServiceError:
    return ServiceError(code, message, 400)
