"""Runs in words and numbers: tables of epochs, comparisons of runs, Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import field

from tui.domain.clock import absolute
from tui.domain.files.formats import Record
from tui.domain.loss.losses import Curves, EpochPoint
from tui.domain.loss.verdict import Settings, Verdict, judge
from tui.domain.text import guarded, normalised, safe_line
from tui.domain.training.jobs import Job
from tui.domain.values import dataclass

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataFact:
    """A data file of a job: where it is in S3, and what is known of its content (hash in hex, records)."""

    uri: str
    sha256: str = ""
    records: int | None = None

    @property
    def text(self) -> str:
        """`training-3f9a.jsonl #3f9a21c0 85`."""
        parts = [self.uri.rsplit("/", 1)[-1]]
        parts += [f"#{self.sha256[:8]}"] if self.sha256 else []
        parts += [f"{self.records} records"] if self.records is not None else []
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class PairChanges:
    """How the pairs of one file differ from another's; a changed pair has the same question and another answer."""

    added: int
    removed: int
    changed: int
    system_changed: bool = False

    @property
    def text(self) -> str:
        """`+12 −3 ~2 pairs`."""
        if not (self.added or self.removed or self.changed or self.system_changed):
            return "same pairs"
        system = ", other system prompt" if self.system_changed else ""
        return f"+{self.added} −{self.removed} ~{self.changed} pairs{system}"


def pair_changes(old: Sequence[Record], new: Sequence[Record]) -> PairChanges:
    """What `new` has that `old` has not, and the other way round, by question and answer."""
    before, after = _by_question(old), _by_question(new)
    added = sum(max(0, len(answers) - len(before.get(q, ()))) for q, answers in after.items())
    removed = sum(max(0, len(answers) - len(after.get(q, ()))) for q, answers in before.items())
    changed = 0
    for question in before.keys() & after.keys():
        one, two = before[question], after[question]
        changed += min(len(one), len(two)) - len(set(one) & set(two)) if set(one) != set(two) else 0
    systems = {r.system or "" for r in old} != {r.system or "" for r in new}
    return PairChanges(added, removed, changed, bool(old and new) and systems)


def _by_question(records: Sequence[Record]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for record in records:
        found.setdefault(normalised(record.question), []).append(record.answer.strip())
    return found


@dataclass(frozen=True, slots=True)
class LossRun:
    """A run to be shown, compared and reported. `job` is None for local files."""

    key: str
    curves: Curves
    job: Job | None = None
    data: Mapping[str, DataFact] = field(default_factory=dict)
    changes: str = ""
    evaluation: str = ""
    """What the newest evaluation says of its model, `+4.5 (95 % 3.1 … 5.8) · n 40`; empty without one."""

    @property
    def settings(self) -> Settings:
        """The run's own settings, as far as they are known."""
        if self.job is None:
            return Settings(self.curves.asked_epochs)
        return Settings.of(self.job.hyperparameters, self.job.status)

    @property
    def verdict(self) -> Verdict:
        """The verdict on the validator shown."""
        return judge(self.curves, self.settings)


def epoch_head(curves: Curves) -> Row:
    """Heads of the columns of `epoch_rows`; a perplexity that the file does not hold is called what it is."""
    own = any(p.perplexity is not None for p in (*curves.training, *curves.validation))
    name = "training" if curves.metric == "loss" else curves.metric
    return ("epoch", name, "n", "min", "max", "sd", "validation", "change", "perplexity" if own else "exp(loss)")


def epoch_rows(curves: Curves) -> list[Row]:
    """One row per epoch, under `epoch_head`; `n` is the number of steps, and what is not known is a dash."""
    own = epoch_head(curves)[-1] == "perplexity"
    best = curves.best
    rows: list[Row] = []
    for epoch in curves.epochs:
        training, validation = curves.training_at(epoch), curves.validation_at(epoch)
        mark = "◆" if best and best.epoch == epoch else ""
        rows.append(
            (
                f"{mark}{epoch}",
                number(training.mean) if training else "–",
                str(training.rows) if training else "–",
                number(training.low) if training else "–",
                number(training.high) if training else "–",
                number(training.deviation) if training and training.deviation is not None else "–",
                number(validation.mean) if validation else "–",
                change_text(validation, curves.validation_at(epoch - 1)) or "–",
                _perplexity(validation or training, own),
            )
        )
    return rows


def _perplexity(point: EpochPoint | None, own: bool) -> str:
    if point is None or (own and point.perplexity is None):
        return "–"
    return f"{point.perplexity if own and point.perplexity is not None else point.derived_perplexity:.4g}"


def number(value: float) -> str:
    """Four decimals, or an exponent where they would say nothing."""
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e6 or value == 0 else f"{value:.3e}"


def change_text(now: EpochPoint | None, before: EpochPoint | None) -> str:
    """`−0.0001`; nothing without both."""
    return f"{now.mean - before.mean:+.4f}".replace("-", "−") if now and before else ""


def perplexity_text(point: EpochPoint | None) -> str:
    """The file's own, or `e^x` of the mean loss, which is said."""
    if point is None:
        return "–"
    if point.perplexity is not None:
        return f"{point.perplexity:.4g}"
    return f"{point.derived_perplexity:.4g} derived"


# Several runs


def compare_rows(runs: Sequence[LossRun]) -> list[Row]:
    """A row per thing in which the runs differ, then results; the first cell names it, then one cell per run."""
    rows: list[Row] = []
    for label, values in _facts(runs):
        if len(set(values)) > 1:
            rows.append((label, *values))
    rows += [(label, *values) for label, values in _results(runs)]
    return rows


def told_apart(runs: Sequence[LossRun]) -> list[str]:
    """The hyperparameters in which the runs differ, for each run: `epochCount 9 · learningRateMultiplier 0.5`."""
    given = [run.job.hyperparameters if run.job else {} for run in runs]
    names = sorted(name for name in set().union(*given) if len({of.get(name) for of in given}) > 1)
    return [" · ".join(f"{name} {of[name]}" for name in names if name in of) for of in given]


def _facts(runs: Sequence[LossRun]) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    names = sorted({name for run in runs if run.job for name in run.job.hyperparameters})
    for name in names:
        found.append((name, [run.job.hyperparameters.get(name, "–") if run.job else "?" for run in runs]))
    models = [run.job.base_model_arn.rsplit("/", 1)[-1] if run.job else "?" for run in runs]
    found.append(("base model", models))
    for kind in ("training", "validation"):
        found.append((f"{kind} data", [run.data[kind].text if kind in run.data else "?" for run in runs]))
    found.append(("pairs", [run.changes or "–" for run in runs]))
    return found


def _results(runs: Sequence[LossRun]) -> list[tuple[str, list[str]]]:
    def of(value: EpochPoint | None) -> str:
        return f"{number(value.mean)} (epoch {value.epoch})" if value else "–"

    def last(points: Sequence[EpochPoint]) -> EpochPoint | None:
        return points[-1] if points else None

    found = [
        ("best validation", [of(run.curves.best) for run in runs]),
        ("last validation", [of(last(run.curves.validation)) for run in runs]),
        ("last training", [of(last(run.curves.training)) for run in runs]),
        ("epochs run", [_epochs(run) for run in runs]),
        ("verdict", [str(run.verdict.case) for run in runs]),
    ]
    if any(run.evaluation for run in runs):
        found.append(("evaluation, tuned − base", [run.evaluation or "–" for run in runs]))
    if any(run.job for run in runs):
        found.append(("created", [absolute(run.job.created) if run.job else "–" for run in runs]))
    return found


def _epochs(run: LossRun) -> str:
    asked = run.settings.epochs or run.curves.asked_epochs
    return f"{len(run.curves.epochs)} of {asked}" if asked else str(len(run.curves.epochs))


def headline(runs: Sequence[LossRun], letters: Sequence[str] = ()) -> str:
    """Which of several runs has the lowest validation loss, and by how much; and what forbids the comparison.

    With `letters`, one for each run, short enough for a line of 78 cells.
    """
    names = letters or [run.curves.name for run in runs]
    scored = [(run.curves.best.mean, name) for run, name in zip(runs, names, strict=True) if run.curves.best]
    if len(scored) < 2:
        return "Two runs with validation losses can be compared"
    scored.sort(key=lambda pair: pair[0])
    (low, best), (second, next_best) = scored[:2]
    text = f"lowest validation: {best} {number(low)}, "
    if round(second - low, 4) == 0:
        text += f"as low as {next_best}"
    else:
        text += f"by {second - low:.4f}" if letters else f"{second - low:.4f} below the next"
    hashes = {run.data["validation"].sha256 for run in runs if "validation" in run.data} - {""}
    models = {run.job.base_model_arn for run in runs if run.job}
    if letters:
        differing = ["validation data"] * (len(hashes) > 1) + ["base models"] * (len(models) > 1)
        return text + (f" · ▲ {', '.join(differing)} differ" if differing else "")
    if len(hashes) > 1:
        text += " · ▲ not on the same validation data, so the numbers do not compare"
    if len(models) > 1:
        text += " · ▲ different base models count tokens differently"
    return text


# Files


def means_csv(runs: Sequence[LossRun]) -> str:
    """One row per run and epoch; every number with all its digits."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["run", "epoch", "training_mean", "training_steps", "training_min", "training_max", "training_sd",
         "validation_loss", "validator"]
    )  # fmt: skip
    for run in runs:
        for epoch in run.curves.epochs:
            one, two = run.curves.training_at(epoch), run.curves.validation_at(epoch)
            left = [one.mean, one.rows, one.low, one.high, one.deviation] if one else [None] * 5
            given = two.mean if two else None
            writer.writerow([guarded(run.curves.name), epoch, *left, given, guarded(run.curves.validator)])
    return out.getvalue()


def summary_markdown(runs: Sequence[LossRun]) -> str:
    """A report of one run or of several compared."""
    parts = [f"# {_plain(runs[0].curves.name)}" if len(runs) == 1 else f"# {len(runs)} fine-tuning runs"]
    if len(runs) > 1:
        parts.append(_plain(headline(runs)))
        parts.append(markdown_table(("", *(run.curves.name for run in runs)), compare_rows(runs)))
    for run in runs:
        if len(runs) > 1:
            parts.append(f"## {_plain(run.curves.name)}")
        parts.append("\n".join(f"- {_plain(part)}" for part in run.verdict.parts))
        if run.job is not None:
            given = ", ".join(f"{name} {value}" for name, value in sorted(run.job.hyperparameters.items()))
            facts = [f"Job {run.job.arn}", f"created {absolute(run.job.created)}", given]
            parts.append(_plain(" · ".join(fact for fact in facts if fact)))
        parts.append(markdown_table(epoch_head(run.curves), epoch_rows(run.curves)))
        parts += [f"> {_plain(note)}" for note in run.curves.notes]
        if run.curves.sandbox:
            parts.append(
                "> Trained in the sandbox by a small model: the height of these losses means nothing elsewhere."
            )
    return "\n\n".join(part for part in parts if part) + "\n"


def markdown_table(head: Row, rows: Sequence[Row]) -> str:
    """A table of Markdown; the columns after the first at the right."""
    lines = [_line(head), _line(tuple(":--" if i == 0 else "--:" for i in range(len(head))))]
    return "\n".join(lines + [_line(row) for row in rows])


def _line(cells: Row) -> str:
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    """Outside text that is no markup in Markdown."""
    text = safe_line(text, 600)
    return "".join(f"\\{ch}" if ch in "\\|<>[]*`" else ch for ch in text)
