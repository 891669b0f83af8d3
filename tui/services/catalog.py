"""Foundation models and inference profiles as Bedrock lists them now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tui.domain.base_models import FoundationModel
from tui.domain.chat.chat import Target
from tui.domain.clock import Now, utc_now
from tui.domain.errors import AppError, Cause
from tui.domain.text import safe_line
from tui.services.aws import Aws
from tui.services.aws_errors import understood


class Catalog:
    """The live lists decide what can be trained and asked; they are read once per session and on refresh."""

    def __init__(self, aws: Aws, *, now: Now = utc_now) -> None:
        self._aws = aws
        self._now = now
        self._models: list[FoundationModel] | None = None

    def forget(self) -> None:
        """Drop what was read: another account is looked at."""
        self._models = None

    async def foundation_models(self, *, fresh: bool = False) -> list[FoundationModel]:
        """Every foundation model that the Region lists."""
        if self._models is None or fresh:
            answer = await self._aws.call("bedrock", "list_foundation_models", need=("modelSummaries",))
            self._models = understood("list_foundation_models", _models, answer["modelSummaries"])
        return self._models

    async def targets(self) -> list[Target]:
        """Base models and inference profiles that can be asked on demand, those that answer text, by name."""
        models = await self.foundation_models()
        now = self._now()
        found = [
            Target(m.name, m.model_id, "base model", lifecycle=_warning(m, now), priced_as=m.model_id)
            for m in models
            if "ON_DEMAND" in m.inference and m.text_output and not m.retired(now)
        ]
        try:
            profiles = await self._aws.pages(
                "bedrock",
                "list_inference_profiles",
                "inferenceProfileSummaries",
                need=("inferenceProfileName", "inferenceProfileId"),
            )
        except AppError as error:
            if error.cause is not Cause.DENIED:
                raise
            profiles = []
        by_id = {m.model_id: m for m in models}
        found += [_profile_target(p, by_id, now) for p in profiles if p.get("status") == "ACTIVE"]
        return sorted(found, key=lambda t: (t.name, t.model_id))


def _profile_target(profile: Mapping[str, Any], models: Mapping[str, FoundationModel], now: datetime) -> Target:
    """An inference profile; its first model tells lifecycle and price."""
    identifier = str(profile["inferenceProfileId"])
    behind: Mapping[str, Any] = next(iter(profile.get("models") or ()), {})
    model_id = str(behind.get("modelArn", "")).rsplit("/", 1)[-1]
    model = models.get(model_id)
    return Target(
        safe_line(str(profile["inferenceProfileName"]), 60),
        identifier,
        "inference profile",
        lifecycle=_warning(model, now) if model else "",
        priced_as=model_id or identifier,
        priced_name=model.name if model else "",
    )


def _warning(model: FoundationModel, now: datetime) -> str:
    """What an active model needs no word for."""
    text = model.lifecycle_text(now)
    return "" if text == "active" else text


def _models(summaries: Any) -> list[FoundationModel]:
    if not isinstance(summaries, list):
        raise TypeError("no list")
    return [_model(summary) for summary in summaries]


def _model(summary: Mapping[str, Any]) -> FoundationModel:
    lifecycle = summary.get("modelLifecycle") or {}
    return FoundationModel(
        model_id=str(summary["modelId"]),
        arn=str(summary.get("modelArn", "")),
        name=safe_line(str(summary.get("modelName") or summary["modelId"]), 60),
        provider=safe_line(str(summary.get("providerName", "")), 40),
        lifecycle=str(lifecycle.get("status", "ACTIVE")),
        customizations=frozenset(summary.get("customizationsSupported") or ()),
        inference=frozenset(summary.get("inferenceTypesSupported") or ()),
        text_output="TEXT" in (summary.get("outputModalities") or ("TEXT",)),
        end_of_life=_moment(lifecycle.get("endOfLifeTime")),
    )


def _moment(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None
