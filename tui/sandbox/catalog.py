"""The base models the sandbox offers: identifiers, lifecycle, customization rules and ways to serve.

Identifiers, Regions, hyperparameters and data limits are those of the Amazon Bedrock User Guide
("Custom model hyperparameters", "Prepare your training datasets", "Model lifecycle"). What differs on purpose:
Claude 3 Haiku, which AWS has retired, is ACTIVE here; Titan Text Express stands for a model that may be customized
no more because it is Legacy, with dates of the sandbox's own; Llama 3.2 1B stands for a retired one.
Customization is offered in the real Regions only. Every model is answered by the same small language model.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

ACCOUNT_ID = "123456789012"
WEST, EAST = "us-west-2", "us-east-1"

# Model units the sandbox's account may hold at the same time. On AWS both are 0 until Support raises them.
NO_COMMITMENT_UNITS = 2
COMMITTED_UNITS = 1
SCHEDULED_JOBS = 10
"""Customization jobs that may wait to be trained at the same time in a Region: what AWS gives every account."""


class Layout(StrEnum):
    """The JSONL layout a base model is trained on."""

    CLAUDE_MESSAGES = "claude-messages"
    CONVERSATION = "bedrock-conversation-2024"
    PROMPT_COMPLETION = "prompt-completion"


class Sampling(StrEnum):
    """Which of temperature and top_p a model takes."""

    ANY = "any"
    ONE_OF = "one of"
    NONE = "none"


class Tools(StrEnum):
    """Whether a model uses tools, and whether it can be made to use one."""

    NONE = "none"
    AUTO = "auto"
    FORCED = "forced"


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """A training setting: whole numbers only when ``whole``; limits are inclusive."""

    name: str
    whole: bool
    default: float
    low: float
    high: float

    @property
    def default_text(self) -> str:
        return str(int(self.default)) if self.whole else repr(self.default)


@dataclass(frozen=True, slots=True)
class Limits:
    """Records per file and tokens per record; ``total_min`` and ``total_max`` count both files together."""

    train_min: int
    train_max: int
    total_min: int
    total_max: int
    validation_min: int
    validation_max: int
    record_tokens: int


@dataclass(frozen=True, slots=True)
class Customization:
    """How a base model is fine-tuned. ``model_id`` carries the context suffix that the runtime id lacks."""

    model_id: str
    regions: frozenset[str]
    layout: Layout
    hyperparameters: tuple[Hyperparameter, ...]
    limits: Limits
    provisioned: bool
    deployable: bool
    batch_size: int = 1


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """``status`` is ACTIVE or LEGACY; a model whose ``ends`` has passed answers nothing any more."""

    status: Literal["ACTIVE", "LEGACY"] = "ACTIVE"
    starts: datetime | None = None
    legacy: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True, slots=True)
class BaseModelEntry:
    """One foundation model. ``direct`` tells whether its id may be invoked without an inference profile,
    ``structured`` whether it takes a JSON schema for its answer, ``context`` how many tokens it reads."""

    model_id: str
    name: str
    provider: str
    body: Literal["claude", "nova", "llama", "titan"]
    lifecycle: Lifecycle
    customization: Customization | None = None
    direct: bool = True
    profiles: tuple[str, ...] = ()
    sampling: Sampling = Sampling.ANY
    counts_tokens: bool = False
    max_tokens: int = 4096
    structured: bool = False
    tools: Tools = Tools.FORCED
    documents: bool = True
    context: int = 200_000

    @property
    def ids(self) -> tuple[str, ...]:
        """Every identifier the foundation model is listed under."""
        return (self.model_id, self.customization.model_id) if self.customization else (self.model_id,)


def _day(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


_CLAUDE_HYPERPARAMETERS = (
    Hyperparameter("epochCount", True, 2, 1, 10),
    Hyperparameter("batchSize", True, 32, 4, 256),
    Hyperparameter("learningRateMultiplier", False, 1.0, 0.1, 2.0),
    Hyperparameter("earlyStoppingThreshold", False, 0.001, 0.0, 0.1),
    Hyperparameter("earlyStoppingPatience", True, 2, 1, 10),
)
_NOVA_HYPERPARAMETERS = (
    Hyperparameter("epochCount", True, 2, 1, 5),
    Hyperparameter("learningRate", False, 1e-5, 1e-6, 1e-4),
    Hyperparameter("learningRateWarmupSteps", True, 10, 0, 100),
)
_LLAMA_HYPERPARAMETERS = (
    Hyperparameter("epochCount", True, 5, 1, 10),
    Hyperparameter("batchSize", True, 1, 1, 1),
    Hyperparameter("learningRate", False, 1e-4, 5e-6, 0.1),
)
_TITAN_HYPERPARAMETERS = (
    Hyperparameter("epochCount", True, 5, 1, 10),
    Hyperparameter("batchSize", True, 1, 1, 64),
    Hyperparameter("learningRate", False, 1e-5, 0.0, 1.0),
    Hyperparameter("learningRateWarmupSteps", True, 5, 0, 250),
)
_CLAUDE_LIMITS = Limits(32, 10_000, 32, 10_000, 32, 1_000, 32_000)
_NOVA_LIMITS = Limits(8, 20_000, 8, 20_000, 1, 20_000, 32_000)
_LLAMA_LIMITS = Limits(1, 10_000, 100, 10_000, 1, 10_000, 16_000)


def _nova(size: str, context: str) -> BaseModelEntry:
    model_id = f"amazon.nova-{size}-v1:0"
    return BaseModelEntry(
        model_id,
        f"Nova {size.title()}",
        "Amazon",
        "nova",
        Lifecycle(starts=_day(2024, 12, 3)),
        # The service does not say how many records make a step for Nova; the sandbox takes 8.
        Customization(
            f"{model_id}:{context}",
            frozenset({EAST}),
            Layout.CONVERSATION,
            _NOVA_HYPERPARAMETERS,
            _NOVA_LIMITS,
            provisioned=True,
            deployable=True,
            batch_size=8,
        ),
        profiles=("us",),
        max_tokens=10_000,
    )


def _claude(model_id: str, name: str, sampling: Sampling, lifecycle: Lifecycle | None = None) -> BaseModelEntry:
    return BaseModelEntry(
        model_id,
        name,
        "Anthropic",
        "claude",
        lifecycle or Lifecycle(),
        direct=False,
        profiles=("us", "global"),
        sampling=sampling,
        counts_tokens=True,
        max_tokens=64_000,
        structured=True,
        # Models that refuse sampling parameters refuse to be made to use a tool as well.
        tools=Tools.AUTO if sampling is Sampling.NONE else Tools.FORCED,
    )


def _llama(model_id: str, name: str, layout: Layout, deployable: bool, lifecycle: Lifecycle) -> BaseModelEntry:
    return BaseModelEntry(
        model_id,
        name,
        "Meta",
        "llama",
        lifecycle,
        Customization(
            f"{model_id}:128k",
            frozenset({WEST}),
            layout,
            _LLAMA_HYPERPARAMETERS,
            _LLAMA_LIMITS,
            provisioned=not deployable,
            deployable=deployable,
        ),
        profiles=("us",),
        max_tokens=8_192,
        tools=Tools.AUTO,
        context=128_000,
    )


BASE_MODELS: tuple[BaseModelEntry, ...] = (
    BaseModelEntry(
        "anthropic.claude-3-haiku-20240307-v1:0",
        "Claude 3 Haiku",
        "Anthropic",
        "claude",
        Lifecycle(starts=_day(2024, 3, 13)),
        Customization(
            "anthropic.claude-3-haiku-20240307-v1:0:200k",
            frozenset({WEST}),
            Layout.CLAUDE_MESSAGES,
            _CLAUDE_HYPERPARAMETERS,
            _CLAUDE_LIMITS,
            provisioned=True,
            deployable=False,
        ),
        profiles=("us",),
        counts_tokens=True,
    ),
    _llama(
        "meta.llama3-3-70b-instruct-v1:0",
        "Llama 3.3 70B Instruct",
        Layout.CONVERSATION,
        True,
        Lifecycle(starts=_day(2024, 12, 19)),
    ),
    _llama(
        "meta.llama3-1-8b-instruct-v1:0",
        "Llama 3.1 8B Instruct",
        Layout.PROMPT_COMPLETION,
        False,
        Lifecycle(starts=_day(2024, 7, 23)),
    ),
    _nova("micro", "128k"),
    _nova("lite", "300k"),
    _nova("pro", "300k"),
    BaseModelEntry(
        "amazon.titan-text-express-v1",
        "Titan Text G1 - Express",
        "Amazon",
        "titan",
        Lifecycle("LEGACY", _day(2023, 11, 29), _day(2026, 6, 30), _day(2027, 6, 30)),
        Customization(
            "amazon.titan-text-express-v1:0:8k",
            frozenset({WEST, EAST}),
            Layout.PROMPT_COMPLETION,
            _TITAN_HYPERPARAMETERS,
            Limits(1, 10_000, 1, 10_000, 1, 1_000, 4_096),
            provisioned=True,
            deployable=False,
        ),
        max_tokens=8_192,
        tools=Tools.NONE,
        documents=False,
        context=8_000,
    ),
    _llama(
        "meta.llama3-2-1b-instruct-v1:0",
        "Llama 3.2 1B Instruct",
        Layout.CONVERSATION,
        False,
        Lifecycle("LEGACY", _day(2024, 9, 25), _day(2026, 1, 7), _day(2026, 7, 7)),
    ),
    _claude("anthropic.claude-haiku-4-5-20251001-v1:0", "Claude Haiku 4.5", Sampling.ONE_OF),
    _claude(
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "Claude Sonnet 4.5",
        Sampling.ONE_OF,
        Lifecycle("LEGACY", _day(2025, 9, 29), _day(2026, 10, 8), _day(2027, 4, 8)),
    ),
    _claude("anthropic.claude-sonnet-4-6", "Claude Sonnet 4.6", Sampling.ONE_OF),
    _claude("anthropic.claude-opus-5-5", "Claude Opus 5.5", Sampling.NONE),
)


def find_base(model_id: str) -> BaseModelEntry | None:
    """The entry with this runtime or customization id."""
    return next((entry for entry in BASE_MODELS if model_id in entry.ids), None)


def find_customizable(model_id: str) -> tuple[BaseModelEntry, Customization] | None:
    """The entry and rules for an id that a customization job may name: with or without the context suffix."""
    entry = find_base(model_id)
    return (entry, entry.customization) if entry and entry.customization else None


def base_arn(region: str, model_id: str) -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{model_id}"


def profile_ids(entry: BaseModelEntry, region: str) -> list[str]:
    """The system-defined inference profiles of an entry that a Region offers."""
    geography = region.split("-")[0]
    return [f"{place}.{entry.model_id}" for place in entry.profiles if place in (geography, "global")]


def profile_arn(region: str, profile_id: str) -> str:
    return f"arn:aws:bedrock:{region}:{ACCOUNT_ID}:inference-profile/{profile_id}"
