"""Tags of AWS's things, read when somebody looks at them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tui.domain.clock import Now, utc_now
from tui.domain.text import safe_line
from tui.services.aws import Aws
from tui.services.aws_errors import understood

_LASTS = timedelta(minutes=5)
_OPERATION = "list_tags_for_resource"


class Tags:
    """Reads tags of Amazon Bedrock's resources; what was read is good for five minutes."""

    def __init__(self, aws: Aws, *, now: Now = utc_now) -> None:
        self._aws = aws
        self._now = now
        self._kept: dict[str, tuple[datetime, dict[str, str]]] = {}

    async def of(self, arn: str) -> dict[str, str]:
        """The tags of a job, model, throughput or deployment. Raises AppError."""
        read = self._kept.get(arn)
        if read is None or not timedelta(0) <= self._now() - read[0] < _LASTS:
            answer = await self._aws.call("bedrock", _OPERATION, {"resourceARN": arn})
            read = self._kept[arn] = (self._now(), understood(_OPERATION, _tags, answer))
        return read[1]

    def forget(self) -> None:
        """Another account is looked at."""
        self._kept.clear()


def _tags(answer: Mapping[str, Any]) -> dict[str, str]:
    # A resource without tags is answered without the list.
    return {safe_line(str(tag["key"]), 128): safe_line(str(tag["value"]), 256) for tag in answer.get("tags") or ()}
