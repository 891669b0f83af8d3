"""Questions to models and what comes back."""

from __future__ import annotations

from tui.domain.errors import AppError
from tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """Something that answers: `model_id` is what the Converse API takes as modelId.

    `lifecycle` is a word of warning, empty for an active model; `priced_as` the id whose token prices count, empty
    where `hourly` says that it is paid by the hour, asked or not; `priced_name` is what price lists call that model,
    where it is not the name.
    """

    name: str
    model_id: str
    kind: str
    tuned: bool = False
    lifecycle: str = ""
    priced_as: str = ""
    hourly: bool = False
    priced_name: str = ""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sampling. None leaves the model's own default, which newer models insist on."""

    max_tokens: int = 512
    temperature: float | None = None
    top_p: float | None = None

    @property
    def text(self) -> str:
        """`max 512 · T 0.1 · top_p 0.9`."""
        parts = [f"max {self.max_tokens}"]
        if self.temperature is not None:
            parts.append(f"T {self.temperature:g}")
        if self.top_p is not None:
            parts.append(f"top_p {self.top_p:g}")
        return " · ".join(parts)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn; `role` is user or assistant."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something the user should know of the answer, such as a parameter that was left out."""

    text: str


@dataclass(frozen=True, slots=True)
class AnswerEnd:
    """The answer is whole. Times in seconds from the request, tokens as the service counted them.

    `sent` are the parameters that the model was really asked with.
    """

    stop_reason: str
    input_tokens: int | None
    output_tokens: int | None
    first_token: float | None
    total: float
    sent: Parameters = Parameters()

    @property
    def text(self) -> str:
        """`0.42 s first · 58 tok/s · 41→96 tokens · 1.9 s`, before it why it ended if not by itself."""
        parts = [] if self.stop_reason == "end_turn" else [self.stop_reason.replace("_", " ")]
        if self.first_token is not None:
            parts.append(f"{self.first_token:.2f} s first")
            writing = self.total - self.first_token
            if self.output_tokens and writing > 0.01:
                parts.append(f"{self.output_tokens / writing:.0f} tok/s")
        if self.input_tokens is not None and self.output_tokens is not None:
            parts.append(f"{self.input_tokens}→{self.output_tokens} tokens")
        parts.append(f"{self.total:.1f} s")
        return " · ".join(parts)


@dataclass(frozen=True, slots=True)
class AnswerCut:
    """The answer ended before its end: what came so far stands, and is not a whole answer."""

    error: AppError


AnswerEvent = TextDelta | Note | AnswerEnd | AnswerCut
