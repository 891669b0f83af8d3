"""What the validation losses of a run say: did it learn, where was it best, why did it end.

Judged by the trend of the validation loss and the run's own early stopping alone. Training and validation loss are
never divided by each other: their distance says nothing about whether more epochs would help.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import pairwise

from tui.domain.evaluation.headline import signed
from tui.domain.loss.losses import Curves, EpochPoint
from tui.domain.loss.trend import Trend, blown, giving_back, trend_of
from tui.domain.values import dataclass

DEFAULT_THRESHOLD = 0.001
DEFAULT_PATIENCE = 2
"""Bedrock's own defaults for Claude 3 Haiku (User Guide, custom models, hyperparameters)."""
_FEW_STEPS = 2
_NAMED = 4


class Case(StrEnum):
    """What a run is a case of."""

    NO_NUMBERS = "no numbers"
    NO_LOSS = "no loss"
    NO_VALIDATION = "no validation"
    ONE_EPOCH = "one epoch"
    DIVERGED = "diverged"
    EARLY_STOP = "early stop"
    OVERFIT = "overfit"
    STILL_FALLING = "still falling"
    TIED = "tied"
    NOISY = "noisy"
    FLAT = "flat"
    CUT_SHORT = "cut short"
    FEW_STEPS = "few steps"


@dataclass(frozen=True, slots=True)
class Settings:
    """The run's own settings; None where they are not known. `stopped`: ended by hand. `moving`: not ended yet."""

    epochs: int | None = None
    threshold: float | None = None
    patience: int | None = None
    stopped: bool = False
    moving: bool = False

    @classmethod
    def of(cls, hyperparameters: Mapping[str, str], status: str = "") -> Settings:
        """From a job's hyperparameters, named and written as the API does, and its status."""
        epochs, patience = (_number(hyperparameters.get(name, "")) for name in ("epochCount", "earlyStoppingPatience"))
        return cls(
            None if epochs is None else int(epochs),
            _number(hyperparameters.get("earlyStoppingThreshold", "")),
            None if patience is None else int(patience),
            status in ("Stopped", "Stopping"),
            status == "InProgress",
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """`case` is what matters most, `cases` everything that holds; `parts` are sentences without full stops."""

    case: Case
    cases: frozenset[Case]
    parts: tuple[str, ...]
    best: int | None = None
    tied: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """All of it on one line."""
        return " · ".join(self.parts)


class _Said:
    """Gathers cases and sentences; the first case is the one that matters most."""

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self.parts: list[str] = []

    def add(self, case: Case | None, *parts: str) -> None:
        if case is not None:
            self.cases.append(case)
        self.parts += [part for part in parts if part]

    def verdict(self, best: int | None = None, tied: tuple[int, ...] = ()) -> Verdict:
        return Verdict(self.cases[0], frozenset(self.cases), tuple(self.parts), best, tied)


def judge(curves: Curves, settings: Settings | None = None) -> Verdict:
    """The verdict on one run. Settings that are not known are not guessed: only the numbers speak then."""
    known = settings or Settings(curves.asked_epochs)
    said = _Said()
    if curves.metric != "loss":
        said.add(Case.NO_LOSS, f"these files hold {curves.metric}, not losses: there is no verdict on them")
        return said.verdict()
    if not curves.epochs and not curves.lost_epochs:
        said.add(Case.NO_NUMBERS, "no numbers yet")
        return said.verdict()
    if _diverged(curves):
        _say_diverged(curves, said)
    if not curves.epochs:
        return said.verdict()  # of losses that are no numbers nobody knows whether any was a validation's
    if not curves.validation:
        _say_no_validation(curves, said)
        _say_few_steps(curves, said)
        return said.verdict()
    return _judge_validation(curves, known, said)


def _judge_validation(curves: Curves, settings: Settings, said: _Said) -> Verdict:
    points = curves.validation
    best = curves.best
    assert best is not None
    values = [p.mean for p in points]
    threshold = DEFAULT_THRESHOLD if settings.threshold is None else settings.threshold
    tied = tuple(p.epoch for p in points if p.mean - best.mean <= threshold + _grain(p.mean))
    tied = tied if len(tied) > 1 else ()
    gain = f", −{values[0] - best.mean:.4f} since {points[0].epoch}" if best.epoch != points[0].epoch else ""
    if len(points) > 1:
        said.add(None, f"best epoch {best.epoch} ({best.mean:.4f}{gain})")
    if len(points) == 1:
        said.add(Case.ONE_EPOCH, f"validation {best.mean:.4f} after one epoch: no trend to judge")
    else:
        _say_tie(tied, threshold, said)
        trend = trend_of(values, threshold)
        if Case.DIVERGED not in said.cases:
            _say_end(curves, settings, trend, said)
            _say_apart(points, best, trend, said)
            _say_trend(curves, settings, trend, tied, said)
        if tied:
            said.cases.append(Case.TIED)
    _say_few_steps(curves, said)
    if not said.cases:
        said.cases.append(Case.FLAT)
    return said.verdict(best.epoch, tied)


def _say_tie(tied: tuple[int, ...], threshold: float, said: _Said) -> None:
    if tied:
        said.add(None, f"epochs {_listed(tied)} tied within {threshold:g}")


# How the run ended


def _say_end(curves: Curves, settings: Settings, trend: Trend, said: _Said) -> None:
    points, asked = curves.validation, settings.epochs
    # The epoch before the first is none that was trained; the last may have been trained and not been validated.
    first = min((curves.training or points)[0].epoch, 1)
    last = points[-1].epoch if settings.moving else curves.epochs[-1]
    ran = last - first + 1
    if last > points[-1].epoch:
        said.add(None, f"no validation after epoch {points[-1].epoch}")
    if settings.moving:
        said.add(None, f"{ran} of {asked} epochs so far" if asked else f"{ran} epochs so far")
        return
    if asked is not None and ran >= asked:
        said.add(None, f"ran all {asked} epochs")
        return
    if asked is None:
        fit = _fitting(points, settings)
        if fit and not (trend.falling or trend.noisy):
            said.add(Case.EARLY_STOP, f"ran {ran}; {fit}")
        return
    stopped = f"stopped at {ran} of {asked}"
    if settings.stopped:
        said.add(Case.CUT_SHORT, f"{stopped} by hand")
        return
    fit = _fitting(points, settings)
    if fit:
        said.add(Case.EARLY_STOP, f"{stopped}{'; ' if fit.startswith('fits') else ' by '}{fit}")
    else:
        said.add(Case.CUT_SHORT, f"{stopped}; early stopping does not explain it by these numbers")


def _fitting(points: Sequence[EpochPoint], settings: Settings) -> str:
    """Early stopping put into words when it explains an end at the last epoch; else nothing."""
    threshold, patience = settings.threshold, settings.patience
    default = threshold is None or patience is None
    threshold = DEFAULT_THRESHOLD if threshold is None else threshold
    patience = DEFAULT_PATIENCE if patience is None else patience
    values = [p.mean for p in points]
    # A gain of just the threshold is one or is none, as the last digits fall.
    grain = _grain(max(map(abs, values)))
    stops = (_stops(values, threshold + by, patience) for by in (-grain, 0, grain))
    if patience < 1 or not any(len(values) == stop for ends in stops for stop in ends):
        return ""
    if default:
        return f"fits default early stopping (threshold {threshold:g}, patience {patience})"
    failing = [p.epoch for p in points[-patience:]]
    epochs = f"epoch {failing[0]}" if patience == 1 else f"epochs {_listed(failing)}"
    return f"patience {patience}: {epochs} gained < {threshold:g}"


def _stops(values: Sequence[float], threshold: float, patience: int) -> list[int | None]:
    """After how many epochs each reading of the rule ends the run, None for not at all.

    An epoch counts against the patience when it is not lower by the threshold than: the best so far; the best that
    was itself a gain; the epoch before.
    """
    ends: list[int | None] = []
    for reading in ("best", "gain", "previous"):
        reference, without, end = math.inf, 0, None
        for number, value in enumerate(values, 1):
            gained = value < reference - threshold
            without = 0 if gained else without + 1
            if reading == "previous" or gained or (reading == "best" and value < reference):
                reference = value
            if without >= patience:
                end = number
                break
        ends.append(end)
    return ends


# Where the curve was going


def _say_apart(points: Sequence[EpochPoint], best: EpochPoint, trend: Trend, said: _Said) -> None:
    apart = [points[i] for i in trend.apart]
    if best in apart:
        said.add(None, f"epoch {best.epoch} stands apart from its neighbours: it may be luck")
    elif apart:
        epochs = (
            f"epochs {_listed([p.epoch for p in apart])} stand" if len(apart) > 1 else f"epoch {apart[0].epoch} stands"
        )
        said.add(None, f"{epochs} apart")


def _say_trend(curves: Curves, settings: Settings, trend: Trend, tied: Sequence[int], said: _Said) -> None:
    points = curves.validation
    last, best = points[-1], points[trend.lowest]
    rise = last.mean - best.mean
    ended = "the model you have is from the last epoch, not the best"
    if trend.rising:
        after = f"epoch {last.epoch} +{rise:.4f}"
        if settings.moving:
            said.add(Case.OVERFIT, f"rising since epoch {best.epoch}: overfit ({after})")
        elif Case.EARLY_STOP in said.cases:
            said.add(Case.OVERFIT, f"rising since epoch {best.epoch} ({after})")
        else:
            said.add(Case.OVERFIT, f"overfit from epoch {best.epoch} ({after}): {ended}")
    elif trend.noisy and not (tied and all(p.epoch in tied for p in points if p.epoch >= tied[0])):
        said.add(
            Case.NOISY, f"noisy: changes of about ±{trend.noise:.3g} hide any trend, so the best epoch may be luck"
        )
    elif trend.falling and not (tied and trend.quiet):
        # Of epochs that were trained and not validated nobody knows whether they went on like that.
        seldom = max((b.epoch - a.epoch for a, b in pairwise(points)), default=1)
        known = not settings.moving and curves.epochs[-1] - last.epoch <= seldom
        hint = ": more epochs may help" if known else ""
        said.add(Case.STILL_FALLING, f"still falling at epoch {last.epoch} ({signed(trend.pace, 4)} per epoch){hint}")
    elif rise > 0:
        said.add(None if tied or said.cases else Case.FLAT, f"epoch {last.epoch} +{rise:.4f}")
    elif not tied:
        said.add(Case.FLAT, "flat at the end")


# Runs that ended badly or cannot be judged


def _diverged(curves: Curves) -> bool:
    epochs = curves.epochs
    if curves.lost_epochs and (not epochs or curves.lost_epochs[-1] >= epochs[-1]):
        return True
    validation = [p.mean for p in curves.validation]
    training = [p.mean for p in curves.training]
    if len(validation) > 1 and blown(validation, 3.0) and validation[-1] > 1.3 * validation[-2]:
        return True
    if len(validation) > 1 and len(training) > 1:
        both = blown(validation, 1.0) and blown(training, 1.0)
        return both or (giving_back(validation, 0.5) and giving_back(training, 0.3))
    return len(training) > 1 and not validation and (blown(training, 1.3) or giving_back(training, 0.4))


def _say_diverged(curves: Curves, said: _Said) -> None:
    lost = [e for e in curves.lost_epochs if not curves.epochs or e >= curves.epochs[-1]]
    if lost:
        what = f"from epoch {lost[0]} on the loss is infinite or no number"
    else:
        points = curves.validation or curves.training
        low = min(points, key=lambda p: p.mean)
        what = f"the loss ran away after epoch {low.epoch}, from {low.mean:.4g} to {points[-1].mean:.4g}"
    said.add(Case.DIVERGED, f"diverged: {what}; a lower learning rate may help")


def _say_no_validation(curves: Curves, said: _Said) -> None:
    said.add(Case.NO_VALIDATION, "no validation data: whether it learnt or only memorised cannot be told")
    if len(curves.training) > 1:
        first, last = curves.training[0], curves.training[-1]
        said.add(None, f"training {first.mean:.4f} → {last.mean:.4f} over epochs {first.epoch}–{last.epoch}")


def _say_few_steps(curves: Curves, said: _Said) -> None:
    rows = sorted(p.rows for p in curves.training)
    if len(rows) and 0 < rows[len(rows) // 2] <= _FEW_STEPS:
        steps = "one step" if rows[len(rows) // 2] == 1 else f"{rows[len(rows) // 2]} steps"
        said.add(
            Case.FEW_STEPS,
            f"only {steps} per epoch: training means say little, a smaller batch size gives more steps",
        )


def _listed(epochs: Sequence[int]) -> str:
    """`5 and 6`, `3, 5 and 6`, `2 to 9`."""
    if len(epochs) == 1:
        return str(epochs[0])
    if len(epochs) > 2 and epochs[-1] - epochs[0] == len(epochs) - 1:
        return f"{epochs[0]} to {epochs[-1]}"
    if len(epochs) > _NAMED:
        return f"{', '.join(map(str, epochs[:_NAMED]))} and {len(epochs) - _NAMED} more"
    return f"{', '.join(map(str, epochs[:-1]))} and {epochs[-1]}"


def _grain(value: float) -> float:
    """What the last digits of a mean of losses of this size may be off by."""
    return 1e-9 * max(1e-3, abs(value))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
