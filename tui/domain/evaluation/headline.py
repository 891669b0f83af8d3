"""What an evaluation shows in one line, and every reason to doubt it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from statistics import fmean

from tui.domain.evaluation.judging import Failure, Judge, Outcome, Side
from tui.domain.evaluation.paired import FEW, FEWEST, Agreement, Interval, agreement, interval, needed
from tui.domain.evaluation.results import Results, Row
from tui.domain.evaluation.spec import Answer, Group
from tui.domain.text import count, is_cjk, safe_line
from tui.domain.values import dataclass

MINUS = "\N{MINUS SIGN}"
_BIASED = 0.5
"""Share of flipped comparisons from which the judge follows the order and not the answers."""
_ALMOST = 0.9
_FEW_DECIDED = 5
_BY_ITSELF = frozenset({"end_turn", "stop_sequence", ""})
_AT_LIMIT = frozenset({"max_tokens", "model_context_window_exceeded"})
_WITHHELD = frozenset({"guardrail_intervened", "content_filtered", "refusal"})
"""Stop reasons of Converse."""


@dataclass(frozen=True, slots=True)
class Headline:
    """tuned − base over the questions of one group, by one judge.

    `difference` is None with fewer than two questions scored on both sides; `clean` is the same without the questions
    that stand in the training data, None when there are none of them. `flips` are among `compared` comparisons judged
    in both orders; `first_wins` of the flips went to the answer that stood first. `unanswered` sides will have no
    answer by themselves, `waiting` questions are still to be judged. `digits` fit the judge's scale. `lengths` are
    mean lengths of the answers in `unit` (words or characters). `winner` is None unless a difference is shown.
    `needed` is how many questions would show a difference of this size. `agreement` is the judge's with the user's
    own votes.
    """

    judge: str
    questions: int
    scored: int
    means: tuple[float | None, float | None]
    digits: int
    difference: Interval | None
    clean: Interval | None
    wins: int
    ties: int
    losses: int
    compared: int
    flips: int
    first_wins: int
    judge_errors: int
    unanswered: int
    waiting: int
    lengths: tuple[float | None, float | None]
    unit: str
    leaked: int
    needed: int | None
    winner: Side | None
    conclusion: str
    warnings: tuple[str, ...]
    agreement: Agreement

    @property
    def text(self) -> str:
        """`tuned − base = +4.5 (95 % 3.1 … 5.8) · n 40 · wins 31 ties 6 losses 3 · flips 2 · judge errors 0`."""
        parts = [f"tuned {MINUS} base = {interval_text(self.difference, self.digits)}", f"n {self.scored}"]
        parts.append(f"wins {self.wins} ties {self.ties} losses {self.losses}")
        if self.compared:
            parts.append(f"flips {self.flips}")
        parts.append(f"judge errors {self.judge_errors}")
        if self.unanswered:
            parts.append(f"without answer {self.unanswered}")
        return " · ".join(parts)


def digits_of(judge: Judge | None) -> int:
    """Digits after the point that fit a judge's scale."""
    return 1 if judge is None or judge.top > 1 else 3


def signed(value: float, digits: int = 1) -> str:
    """`+4.5`, `−0.3`, `0.0`: with the minus sign of typography, and none for zero."""
    text = f"{value:+.{digits}f}"
    if float(text) == 0:
        return text[1:]
    return text.replace("-", MINUS)


def interval_text(found: Interval | None, digits: int) -> str:
    """`+4.5 (95 % 3.1 … 5.8)`; a dash where there is none."""
    if found is None:
        return "–"
    low, high = (signed(v, digits).removeprefix("+") for v in (found.low, found.high))
    return f"{signed(found.mean, digits)} (95 % {low} … {high})"


def headline(
    results: Results, judge_id: str, *, group: Group | None = Group.OWN, leaked: Collection[int] = ()
) -> Headline:
    """What `results` show by one judge over the questions of `group` (None: all).

    `leaked` are numbers of questions that stand in the training data (see `leaks`). Wins, ties and losses are of
    questions; with several samples of each the majority of its comparisons counts. The interval resamples questions:
    samples of one question are averaged first, since they are not independent. Takes up to a second with hundreds of
    questions: not for the UI thread.
    """
    judge = results.judge(judge_id)
    rows = results.rows(judge_id, group=group)
    scored = [row for row in rows if row.delta is not None]
    deltas = [row.delta for row in scored if row.delta is not None]
    found = interval(deltas)
    numbers = {row.number for row in rows}
    inside = numbers & set(leaked)
    rest = [row.delta for row in scored if row.delta is not None and row.number not in inside]
    outcomes = [row.outcome for row in rows]
    both = [c for (j, n, _), c in results.comparisons.items() if j == judge_id and n in numbers]
    whole = [c for c in both if c.whole]
    flipped = [c for c in whole if c.flipped]
    first_wins = sum(all(r.prefers in (r.first, None) for r in c.rulings) for c in flipped)
    errors = _judge_errors(results, judge_id, numbers)
    lengths, unit = _lengths(rows)
    winner, conclusion = _conclusion(found, deltas, len(flipped), len(whole), first_wins)
    waiting = sum(row.delta is None and not row.problems for row in rows)
    shown = Headline(
        judge=judge.name if judge else "",
        questions=len(rows),
        scored=len(scored),
        means=(_mean([r.tuned_score for r in scored]), _mean([r.base_score for r in scored])),
        digits=digits_of(judge),
        difference=found,
        clean=interval(rest) if inside else None,
        wins=outcomes.count(Outcome.WIN),
        ties=outcomes.count(Outcome.TIE),
        losses=outcomes.count(Outcome.LOSS),
        compared=len(whole),
        flips=len(flipped),
        first_wins=first_wins,
        judge_errors=errors,
        unanswered=sum(_lost(results, row, side) for row in rows for side in Side),
        waiting=waiting,
        lengths=lengths,
        unit=unit,
        leaked=len(inside),
        needed=needed(deltas),
        winner=winner,
        conclusion=conclusion,
        warnings=(),
        agreement=own_agreement(results, judge_id),
    )
    return _with_warnings(shown, results, judge, rows)


def _lost(results: Results, row: Row, side: Side) -> bool:
    """Whether a side has no answer and will have none by itself: the last try failed, or nobody can be asked."""
    answers = row.answers(side)
    if any(isinstance(a, Answer) for a in answers):
        return False
    return any(isinstance(a, Failure) for a in answers) or not results.spec.can_ask(side)


def _conclusion(
    found: Interval | None, deltas: list[float], flips: int, compared: int, first_wins: int
) -> tuple[Side | None, str]:
    n = count(len(deltas), "question")
    if compared and flips / compared >= _BIASED:
        where = "first" if first_wins * 2 >= flips else "second"
        return (
            None,
            f"no winner: in {flips / compared * 100:.0f} % the judge preferred what stood {where}, not an answer",
        )
    if found is None:
        return None, f"no difference can be shown with {n}"
    if found.n < FEWEST:
        return None, f"no difference shown: {n} are too few for any (at least {FEWEST})"
    if found.spans_zero:
        return None, f"no difference shown with {n}"
    winner = Side.TUNED if found.mean > 0 else Side.BASE
    return winner, f"the {winner} model is better on these questions"


def _with_warnings(shown: Headline, results: Results, judge: Judge | None, rows: list[Row]) -> Headline:
    said = [_length_warning(rows, shown), _leak_warning(shown), _sent_warning(results, rows), _cut_warning(rows)]
    if shown.difference is not None and shown.winner is None and shown.needed and shown.needed > shown.scored:
        said.append(f"a difference of this size would need about {count(shown.needed, 'question')}")
    mean = shown.difference.mean if shown.difference else 0.0
    if mean * (shown.wins - shown.losses) < 0:
        said.append("scores and comparisons point in different directions: read the reasons")
    if shown.judge_errors:
        said.append(f"{count(shown.judge_errors, 'judgement')} failed and count for nothing; retry asks for them again")
    if judge is not None and judge.target is not None:
        family = {judge.target.model_id} & {results.spec.tuned.model_id, results.spec.base.model_id}
        said.append("the judge is one of the two models: judges prefer their own answers" if family else "")
    if FEWEST <= shown.scored < FEW:
        said.append(f"with fewer than {FEW} questions the interval is a little too narrow")
    return replace(shown, warnings=tuple(w for w in said if w))


def _length_warning(rows: Iterable[Row], shown: Headline) -> str:
    """When the longer answer (almost) always wins, the judge may be measuring length."""
    longer = decided = 0
    for row in rows:
        lengths = [_mean([float(len(a.text)) for a in side if isinstance(a, Answer)]) for side in (row.tuned, row.base)]
        tuned, base = lengths
        if tuned is None or base is None or tuned == base or row.outcome in (None, Outcome.TIE):
            continue
        decided += 1
        longer += (tuned > base) == (row.outcome is Outcome.WIN)
    if decided < _FEW_DECIDED or longer / decided < _ALMOST:
        return ""
    return f"the longer answer won {longer} of {decided} decided questions: the judge may reward length"


def _leak_warning(shown: Headline) -> str:
    if not shown.leaked:
        return ""
    are = "is" if shown.leaked == 1 else "are"
    rest = (
        f"; without {'it' if shown.leaked == 1 else 'them'} {interval_text(shown.clean, shown.digits)}"
        if shown.clean
        else ""
    )
    return f"{count(shown.leaked, 'question')} {are} contained in the training data{rest}"


def _sent_warning(results: Results, rows: Iterable[Row]) -> str:
    """Both sides are to be asked alike; a model that refuses a parameter makes them unlike."""
    sent: dict[Side, set[str]] = {side: set() for side in Side}
    for row in rows:
        for side in Side:
            sent[side] |= {a.sent.text for a in row.answers(side) if isinstance(a, Answer) and a.sent is not None}
    if not sent[Side.TUNED] or not sent[Side.BASE] or sent[Side.TUNED] == sent[Side.BASE]:
        return ""
    tuned, base = (" and ".join(sorted(sent[side])) for side in Side)
    return f"the sides were asked with different parameters: tuned {tuned}, base {base}"


def _cut_warning(rows: Iterable[Row]) -> str:
    """Answers that are not what the model would have said are judged all the same."""
    given = [a for r in rows for a in (*r.tuned, *r.base) if isinstance(a, Answer)]
    told = [
        (sum(a.stop_reason in _AT_LIMIT for a in given), "stopped at the limit of tokens"),
        (sum(a.stop_reason in _WITHHELD for a in given), "stopped or replaced by a guardrail or filter"),
        (sum(not a.text.strip() for a in given), "without a word"),
    ]
    strange = [a.stop_reason for a in given if a.stop_reason not in _BY_ITSELF | _AT_LIMIT | _WITHHELD]
    told.append(
        (len(strange), f"ended otherwise ({', '.join(safe_line(one, 30) for one in sorted(set(strange))[:3])})")
    )
    return ", ".join(f"{count(number, 'answer')} {how}" for number, how in told if number)


def _lengths(rows: Iterable[Row]) -> tuple[tuple[float | None, float | None], str]:
    """Mean lengths over the questions that both sides answered, since others would be compared with nothing."""
    told = [{side: [a.text for a in row.answers(side) if isinstance(a, Answer)] for side in Side} for row in rows]
    told = [both for both in told if all(both.values())] or told
    texts = {side: [text for both in told for text in both[side]] for side in Side}
    wide = [is_cjk(t) for side in Side for t in texts[side]]
    characters = sum(wide) * 2 > len(wide)
    means = [_mean([float(len(t) if characters else len(t.split())) for t in texts[side]]) for side in Side]
    return (means[0], means[1]), "characters" if characters else "words"


def _judge_errors(results: Results, judge_id: str, numbers: set[int]) -> int:
    failed = sum(
        isinstance(s, Failure) for (j, slot), s in results.scores.items() if j == judge_id and slot.question in numbers
    )
    return failed + sum(
        len(c.failures) for (j, n, _), c in results.comparisons.items() if j == judge_id and n in numbers
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return fmean(known) if known else None


def own_agreement(results: Results, judge_id: str) -> Agreement:
    """The user's own votes on these answers against the judge's outcomes, sample by sample."""
    judge = results.judge(judge_id)
    mine: list[str] = []
    theirs: list[str] = []
    for (number, sample), vote in sorted(results.votes.items()):
        outcome = results.outcome(judge, number, sample) if judge else None
        if outcome is not None:
            mine.append(vote)
            theirs.append(outcome)
    return agreement(mine, theirs)
