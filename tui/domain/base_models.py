"""What is known of the base models that Bedrock customizes: formats, limits, hyperparameters, ways to serve.

The live list decides what may be used (`FoundationModel`); this catalogue adds what the API does not tell.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

from tui.domain.values import dataclass

GUIDE = "Amazon Bedrock User Guide"
_WHOLE = r"-?[0-9]{1,20}"
_NUMBER = r"-?(?:[0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:[eE][+-]?[0-9]{1,3})?"


class DataFormat(StrEnum):
    """The shape of one line of training data."""

    CLAUDE_MESSAGES = "claude-messages"
    BEDROCK_CONVERSATION = "bedrock-conversation-2024"
    PROMPT_COMPLETION = "prompt-completion"


class Serving(StrEnum):
    """How a custom model can be made to answer."""

    PROVISIONED = "provisioned throughput"
    ON_DEMAND = "on-demand deployment"


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """One hyperparameter: API name, bounds (inclusive) and default, all in the API's own unit."""

    name: str
    label: str
    minimum: float
    maximum: float
    default: float
    whole: bool = False

    def text(self, value: float) -> str:
        """The value as the API wants it: a string."""
        return str(int(value)) if self.whole else f"{value:.10f}".rstrip("0").rstrip(".")

    @property
    def range_text(self) -> str:
        """`1–10, default 2`."""
        return f"{self.text(self.minimum)}–{self.text(self.maximum)}, default {self.text(self.default)}"

    def problem(self, entered: str) -> str:
        """What is wrong with a typed value; empty when nothing is."""
        # Stricter than int() and float(), which take `1_0`, `１０` and ` 10 `: the text is sent as it is.
        pattern = _WHOLE if self.whole else _NUMBER
        value = float(entered) if re.fullmatch(pattern, entered) else None
        if value is None:
            return f"a {'whole number' if self.whole else 'number'}, {self.range_text}"
        if not self.minimum <= value <= self.maximum:
            return f"between {self.range_text}"
        return ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on data files. Records are lines; sizes in bytes; None means no such limit is documented."""

    training_records: tuple[int, int]
    validation_records: tuple[int, int]
    total_records: tuple[int, int]
    tokens_per_record: int
    characters_per_token: int = 3
    training_bytes: int | None = None
    validation_bytes: int | None = None
    source: str = f"{GUIDE}, model-customization-prepare"


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A catalogue entry. `customization_id` starts jobs, `runtime_id` answers as the untuned model."""

    key: str
    name: str
    customization_id: str
    runtime_id: str
    regions: tuple[str, ...]
    data_format: DataFormat
    limits: Limits
    hyperparameters: tuple[Hyperparameter, ...]
    serving: frozenset[Serving]
    reserved: tuple[str, ...] = ()
    one_system_block: bool = False
    """Whether a record's list of system prompts may hold one only."""
    file_name_pattern: str | None = None
    note: str = ""
    price_name: str = ""
    """What the price list calls it: Anthropic's by service name, others inside the usage type."""

    def matches(self, identifier: str) -> bool:
        """Whether an id or ARN (with or without context suffix) names this model."""
        return base_id(identifier) == self.runtime_id

    @property
    def batch_size(self) -> Hyperparameter | None:
        """The batch size, where the model has one."""
        return next((h for h in self.hyperparameters if h.name == "batchSize"), None)


def base_id(identifier: str) -> str:
    """The runtime id inside a customization id, foundation-model ARN or inference profile id.

    `arn:aws:bedrock:us-west-2::foundation-model/a.b-v1:0:200k` and `us.a.b-v1:0` both give `a.b-v1:0`.
    """
    tail = identifier.rsplit("/", 1)[-1]
    tail = re.sub(r"^(us|eu|apac|au|jp|ca|global|us-gov)\.", "", tail)
    return re.sub(r":\d+k$", "", tail)


_CLAUDE_HP = (
    Hyperparameter("epochCount", "epochs", 1, 10, 2, whole=True),
    Hyperparameter("batchSize", "batch size", 4, 256, 32, whole=True),
    Hyperparameter("learningRateMultiplier", "learning rate ×", 0.1, 2, 1),
    Hyperparameter("earlyStoppingThreshold", "early stopping threshold", 0, 0.1, 0.001),
    Hyperparameter("earlyStoppingPatience", "early stopping patience", 1, 10, 2, whole=True),
)
_NOVA_HP = (
    Hyperparameter("epochCount", "epochs", 1, 5, 2, whole=True),
    Hyperparameter("learningRate", "learning rate", 1e-6, 1e-4, 1e-5),
    Hyperparameter("learningRateWarmupSteps", "warm-up steps", 0, 100, 10, whole=True),
)
_LLAMA_HP = (
    Hyperparameter("epochCount", "epochs", 1, 10, 5, whole=True),
    Hyperparameter("batchSize", "batch size", 1, 1, 1, whole=True),
    Hyperparameter("learningRate", "learning rate", 5e-6, 0.1, 1e-4),
)
_CLAUDE_LIMITS = Limits((32, 10_000), (32, 1_000), (32, 10_000), 32_000, 3, 10_000_000_000, 1_000_000_000)
_NOVA_LIMITS = Limits((8, 20_000), (8, 20_000), (8, 20_000), 32_000, source="Amazon Nova User Guide, fine-tuning")
_LLAMA_LIMITS = Limits((1, 10_000), (1, 10_000), (100, 10_000), 16_000)
_NOVA_RESERVED = (
    *("User:", "Bot:", "Assistant:", "System:", "USER:", "BOT:", "ASSISTANT:", "SYSTEM:", "Thought:"),
    *("<image>", "<video>", "[EOS]"),
)
"""Those of the Nova User Guide, and what AWS's published validator for Nova refuses beside them."""
_BOTH = frozenset({Serving.PROVISIONED, Serving.ON_DEMAND})


def _nova(size: str, context: str) -> BaseModel:
    runtime = f"amazon.nova-{size}-v1:0"
    return BaseModel(
        key=f"nova-{size}",
        name=f"Amazon Nova {size.capitalize()}",
        customization_id=f"{runtime}:{context}",
        runtime_id=runtime,
        regions=("us-east-1",),
        data_format=DataFormat.BEDROCK_CONVERSATION,
        limits=_NOVA_LIMITS,
        hyperparameters=_NOVA_HP,
        serving=_BOTH,
        reserved=_NOVA_RESERVED,
        file_name_pattern=r"[A-Za-z0-9_\-/.]+",
        price_name=f"Nova{size.capitalize()}",
    )


CATALOGUE: tuple[BaseModel, ...] = (
    BaseModel(
        key="claude-3-haiku",
        name="Claude 3 Haiku",
        customization_id="anthropic.claude-3-haiku-20240307-v1:0:200k",
        runtime_id="anthropic.claude-3-haiku-20240307-v1:0",
        regions=("us-west-2",),
        data_format=DataFormat.CLAUDE_MESSAGES,
        limits=_CLAUDE_LIMITS,
        hyperparameters=_CLAUDE_HP,
        serving=frozenset({Serving.PROVISIONED}),
        reserved=("\nHuman:", "\nAssistant:"),
        price_name="Claude 3 Haiku",
        note="End of life on Amazon Bedrock since 2026-09-10, except by private arrangement.",
    ),
    _nova("micro", "128k"),
    _nova("lite", "300k"),
    _nova("pro", "300k"),
    BaseModel(
        key="llama-3.3-70b",
        price_name="Llama3-3-70B",
        name="Llama 3.3 70B Instruct",
        customization_id="meta.llama3-3-70b-instruct-v1:0:128k",
        runtime_id="meta.llama3-3-70b-instruct-v1:0",
        regions=("us-west-2",),
        data_format=DataFormat.BEDROCK_CONVERSATION,
        limits=_LLAMA_LIMITS,
        hyperparameters=_LLAMA_HP,
        serving=frozenset({Serving.ON_DEMAND}),
        one_system_block=True,
        note="Its own hyperparameter table is not published; the ranges are those of Llama 3.1.",
    ),
    BaseModel(
        key="llama-3.1-8b",
        price_name="Llama3-1-8B",
        name="Llama 3.1 8B Instruct",
        customization_id="meta.llama3-1-8b-instruct-v1:0:128k",
        runtime_id="meta.llama3-1-8b-instruct-v1:0",
        regions=("us-west-2",),
        data_format=DataFormat.PROMPT_COMPLETION,
        limits=_LLAMA_LIMITS,
        hyperparameters=_LLAMA_HP,
        serving=frozenset({Serving.PROVISIONED}),
    ),
    BaseModel(
        key="llama-3.1-70b",
        price_name="Llama3-1-70B",
        name="Llama 3.1 70B Instruct",
        customization_id="meta.llama3-1-70b-instruct-v1:0:128k",
        runtime_id="meta.llama3-1-70b-instruct-v1:0",
        regions=("us-west-2",),
        data_format=DataFormat.PROMPT_COMPLETION,
        limits=_LLAMA_LIMITS,
        hyperparameters=_LLAMA_HP,
        serving=frozenset({Serving.PROVISIONED}),
    ),
)


def find(identifier: str) -> BaseModel | None:
    """The catalogue entry for a key, id or ARN; None when unknown."""
    return next((m for m in CATALOGUE if identifier == m.key or m.matches(identifier)), None)


@dataclass(frozen=True, slots=True)
class FoundationModel:
    """What Bedrock says of a foundation model in one Region, now.

    `lifecycle` is ACTIVE, LEGACY or another word AWS may add; a passed `end_of_life` means requests fail.
    """

    model_id: str
    arn: str
    name: str
    provider: str
    lifecycle: str
    customizations: frozenset[str] = frozenset()
    inference: frozenset[str] = frozenset()
    text_output: bool = True
    end_of_life: datetime | None = None

    def retired(self, now: datetime) -> bool:
        """Whether the end-of-life date has passed."""
        return self.end_of_life is not None and self.end_of_life <= now

    def can_fine_tune(self, now: datetime) -> bool:
        """Whether Bedrock would take a new fine-tuning job on it: customizable, ACTIVE, not retired."""
        return "FINE_TUNING" in self.customizations and self.lifecycle == "ACTIVE" and not self.retired(now)

    def lifecycle_text(self, now: datetime) -> str:
        """`active`, `legacy, end of life 2027-04-08`, `retired 2026-09-10`."""
        if self.retired(now) and self.end_of_life is not None:
            return f"retired {self.end_of_life:%Y-%m-%d}"
        word = self.lifecycle.lower()
        if self.lifecycle != "ACTIVE" and self.end_of_life is not None:
            return f"{word}, end of life {self.end_of_life:%Y-%m-%d}"
        return word
