"""Evaluations in the app's database: what was asked, answered, judged and voted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from tui.domain.chat.chat import Target
from tui.domain.clock import Now, utc_now
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation.judging import Comparison, Failure, Judge, Outcome, Ruling, Score, Side
from tui.domain.evaluation.results import Results, Summary
from tui.domain.evaluation.rubrics import Rubric
from tui.domain.evaluation.spec import IMPORTED, Answer, Slot, Spec
from tui.services.evaluation.rows import place, read_answer, read_judge, read_judgement, read_spec, summary
from tui.services.process_identity import alive, whoami
from tui.services.store import Store, Tables

_TABLES = (
    """CREATE TABLE IF NOT EXISTS evaluations (
    id TEXT PRIMARY KEY, place TEXT NOT NULL, spec TEXT NOT NULL, at TEXT NOT NULL, holder TEXT NOT NULL DEFAULT '')""",
    """CREATE TABLE IF NOT EXISTS evaluation_answers (
    evaluation TEXT NOT NULL, question INTEGER NOT NULL, sample INTEGER NOT NULL, side TEXT NOT NULL,
    answer TEXT NOT NULL, rest TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (evaluation, question, sample, side))""",
    """CREATE TABLE IF NOT EXISTS evaluation_judges (
    evaluation TEXT NOT NULL, id TEXT NOT NULL, judge TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (evaluation, id))""",
    """CREATE TABLE IF NOT EXISTS evaluation_judgements (
    evaluation TEXT NOT NULL, judge TEXT NOT NULL, part TEXT NOT NULL, question INTEGER NOT NULL,
    sample INTEGER NOT NULL, value REAL, prefers TEXT NOT NULL, reasons TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (evaluation, judge, part, question, sample))""",
    """CREATE TABLE IF NOT EXISTS evaluation_failures (
    evaluation TEXT NOT NULL, judge TEXT NOT NULL, part TEXT NOT NULL, question INTEGER NOT NULL,
    sample INTEGER NOT NULL, reason TEXT NOT NULL, retryable INTEGER NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (evaluation, judge, part, question, sample))""",
    """CREATE TABLE IF NOT EXISTS evaluation_votes (
    evaluation TEXT NOT NULL, question INTEGER NOT NULL, sample INTEGER NOT NULL, choice TEXT NOT NULL,
    at TEXT NOT NULL, PRIMARY KEY (evaluation, question, sample))""",
    """CREATE TABLE IF NOT EXISTS rubrics (
    sha256 TEXT PRIMARY KEY, name TEXT NOT NULL, scoring TEXT NOT NULL, comparing TEXT NOT NULL)""",
)
_CHILDREN = ("answers", "judges", "judgements", "failures", "votes")
_RUBRICS = 20
"""To choose from, beside those that were judged by."""
_QUIET = timedelta(minutes=10)
"""After which another machine that wrote nothing counts as gone."""


class EvaluationStore:
    """Tables of their own in the store. Methods block for one fsync at most; call them from the pool.

    Each raises AppError (FILE) when the disk refuses or what stands there cannot be read.
    """

    def __init__(self, store: Store, *, now: Now = utc_now) -> None:
        self._tables = Tables(store, *_TABLES)
        self.now = now

    def together(self) -> AbstractContextManager[None]:
        """All that is written meanwhile, or nothing of it: for many rows at once."""
        return self._tables.together()

    # Evaluations

    def add(self, evaluation: str, place: str, spec: Spec, answers: Mapping[Slot, Answer]) -> None:
        """A new evaluation with the answers it has already; it is there once everything is."""
        with self.together():
            for slot, answer in answers.items():
                self.add_answer(evaluation, slot, answer)
            self._tables.write(
                "INSERT INTO evaluations (id, place, spec, at) VALUES (?,?,?,?)",
                (evaluation, place, json.dumps(asdict(spec)), self.now().isoformat()),
            )

    def forget(self, evaluation: str) -> None:
        """Delete it, and whatever belongs to no evaluation."""
        self._tables.write("DELETE FROM evaluations WHERE id=?", (evaluation,))
        for child in _CHILDREN:
            self._tables.write(f"DELETE FROM evaluation_{child} WHERE evaluation NOT IN (SELECT id FROM evaluations)")

    def summaries(self, place: str) -> list[Summary]:
        """Newest first. Questions are counted by the database: to read them takes a hundred times as long."""
        rows = self._tables.read(
            "SELECT e.id, CASE WHEN json_valid(e.spec) THEN json_remove(e.spec, '$.questions') ELSE '' END,"
            " CASE WHEN json_valid(e.spec) THEN json_array_length(e.spec, '$.questions') END, e.at,"
            " (SELECT COUNT(*) FROM evaluation_answers a WHERE a.evaluation=e.id),"
            " (SELECT GROUP_CONCAT(DISTINCT judge) FROM evaluation_judgements j WHERE j.evaluation=e.id)"
            " FROM evaluations e WHERE e.place=? ORDER BY e.at DESC, e.rowid DESC",
            (place,),
        )
        return [summary(*row) for row in rows]

    def spec(self, evaluation: str) -> tuple[Spec, datetime]:
        """What is asked, and since when. Raises AppError (NOT_FOUND)."""
        rows = self._tables.read("SELECT spec, at FROM evaluations WHERE id=?", (evaluation,))
        if not rows:
            raise AppError(Cause.NOT_FOUND, "There is no such evaluation any more")
        return read_spec(rows[0][0]), datetime.fromisoformat(rows[0][1])

    def retarget(self, evaluation: str, tuned: Target) -> None:
        """Let the tuned side be answered by another endpoint. Raises AppError (NOT_FOUND)."""
        spec, _ = self.spec(evaluation)
        spec = replace(spec, tuned=tuned)
        self._tables.write("UPDATE evaluations SET spec=? WHERE id=?", (json.dumps(asdict(spec)), evaluation))

    def place(self, evaluation: str) -> str:
        """What it belongs to; nothing when there is no such evaluation."""
        rows = self._tables.read("SELECT place FROM evaluations WHERE id=?", (evaluation,))
        return str(rows[0][0]) if rows else ""

    def load(self, evaluation: str) -> Results:
        """Everything of it."""
        spec, made = self.spec(evaluation)
        scores: dict[tuple[str, Slot], Score | Failure] = {}
        comparisons: dict[tuple[str, int, int], Comparison] = {}
        answers: dict[Slot, Answer | Failure] = {}
        for judge, part, question, sample, failure in self._failures(evaluation):
            if not judge:
                answers[Slot(question, sample, Side(part))] = failure
            else:
                place(scores, comparisons, judge, part, question, sample, failure)
        answers |= self.answers(evaluation)
        for judge, part, question, sample, made_one in self._judgements(evaluation):
            place(scores, comparisons, judge, part, question, sample, made_one)
        return Results(
            evaluation, spec, made, answers, self.judges(evaluation), scores, comparisons, self._votes(evaluation)
        )

    # Answers

    def answers(self, evaluation: str) -> dict[Slot, Answer]:
        """Those that are there."""
        rows = self._tables.read(
            "SELECT question, sample, side, answer, rest, at FROM evaluation_answers WHERE evaluation=?", (evaluation,)
        )
        return {Slot(q, s, Side(side)): read_answer(text, rest, at) for q, s, side, text, rest, at in rows}

    def add_answer(self, evaluation: str, slot: Slot, answer: Answer) -> None:
        """Keep an answer; one that is there already stays."""
        rest = asdict(replace(answer, text=""))
        del rest["text"], rest["at"]
        self._tables.write(
            "INSERT INTO evaluation_answers VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
            (
                evaluation,
                slot.question,
                slot.sample,
                slot.side,
                answer.text,
                json.dumps(rest),
                answer.at.isoformat(),
            ),
        )

    # Judgements

    def add_judge(self, evaluation: str, judge: Judge) -> None:
        """Keep who judges, with the whole rubric."""
        self._tables.write(
            "INSERT INTO evaluation_judges VALUES (?,?,?,?) ON CONFLICT DO NOTHING",
            (evaluation, judge.id, json.dumps(asdict(judge)), self.now().isoformat()),
        )

    def judges(self, evaluation: str) -> tuple[Judge, ...]:
        """Oldest first."""
        sql = "SELECT judge FROM evaluation_judges WHERE evaluation=? ORDER BY at, rowid"
        rows = self._tables.read(sql, (evaluation,))
        return tuple(read_judge(text) for (text,) in rows)

    def add_rubric(self, rubric: Rubric) -> None:
        """Keep a rubric, whether or not anybody ever judges by it."""
        values = (rubric.sha256, rubric.name, rubric.scoring, rubric.comparing)
        self._tables.write("INSERT OR REPLACE INTO rubrics VALUES (?,?,?,?)", values)

    def rubrics(self) -> list[Rubric]:
        """Those written by hand, newest first."""
        rows = self._tables.read(
            "SELECT name, scoring, comparing FROM rubrics ORDER BY rowid DESC LIMIT ?", (_RUBRICS,)
        )
        return [Rubric(*row) for row in rows]

    def judges_used(self, place: str) -> list[Judge]:
        """Each once, newest first."""
        rows = self._tables.read(
            "SELECT j.judge FROM evaluation_judges j JOIN evaluations e ON e.id=j.evaluation WHERE e.place=?"
            " GROUP BY j.id ORDER BY MAX(j.at) DESC, MAX(j.rowid) DESC",
            (place,),
        )
        return [read_judge(text) for (text,) in rows]

    def add_score(self, evaluation: str, judge: str, slot: Slot, score: Score) -> None:
        """Keep what an answer was given."""
        self._judgement(evaluation, judge, slot.side, slot.question, slot.sample, score.value, "", score)

    def add_ruling(self, evaluation: str, judge: str, question: int, sample: int, ruling: Ruling) -> None:
        """Keep which answer was preferred."""
        part = f"{ruling.first} first"
        self._judgement(evaluation, judge, part, question, sample, None, ruling.prefers or "", ruling)

    def _judgement(
        self,
        evaluation: str,
        judge: str,
        part: str,
        question: int,
        sample: int,
        value: float | None,
        prefers: str,
        made: Score | Ruling,
    ) -> None:
        self._tables.write(
            "INSERT OR REPLACE INTO evaluation_judgements VALUES (?,?,?,?,?,?,?,?,?)",
            (evaluation, judge, part, question, sample, value, prefers, made.reasons, made.at.isoformat()),
        )

    def add_failure(self, evaluation: str, judge: str, part: str, question: int, sample: int, failure: Failure) -> None:
        """Keep why there is nothing. `part` is a side, or `tuned first`; `judge` is empty for an answer."""
        self._tables.write(
            "INSERT OR REPLACE INTO evaluation_failures VALUES (?,?,?,?,?,?,?,?)",
            (
                evaluation,
                judge,
                part,
                question,
                sample,
                failure.reason,
                int(failure.retryable),
                failure.at.isoformat(),
            ),
        )

    def _failures(self, evaluation: str) -> list[tuple[str, str, int, int, Failure]]:
        rows = self._tables.read(
            "SELECT judge, part, question, sample, reason, retryable, at FROM evaluation_failures WHERE evaluation=?",
            (evaluation,),
        )
        return [
            (judge, part, question, sample, Failure(reason, datetime.fromisoformat(at), bool(retryable)))
            for judge, part, question, sample, reason, retryable, at in rows
        ]

    def _judgements(self, evaluation: str) -> list[tuple[str, str, int, int, Score | Ruling]]:
        rows = self._tables.read(
            "SELECT judge, part, question, sample, value, prefers, reasons, at FROM evaluation_judgements"
            " WHERE evaluation=?",
            (evaluation,),
        )
        return [(j, part, q, s, read_judgement(part, *rest)) for j, part, q, s, *rest in rows]

    # Votes

    def vote(self, evaluation: str, question: int, sample: int, choice: Outcome | None) -> None:
        """Keep or take back the user's own verdict."""
        if choice is None:
            self._tables.write(
                "DELETE FROM evaluation_votes WHERE evaluation=? AND question=? AND sample=?",
                (evaluation, question, sample),
            )
            return
        self._tables.write(
            "INSERT OR REPLACE INTO evaluation_votes VALUES (?,?,?,?,?)",
            (evaluation, question, sample, choice, self.now().isoformat()),
        )

    def _votes(self, evaluation: str) -> dict[tuple[int, int], Outcome]:
        sql = "SELECT question, sample, choice FROM evaluation_votes WHERE evaluation=?"
        rows = self._tables.read(sql, (evaluation,))
        return {(question, sample): Outcome(choice) for question, sample, choice in rows}

    # One process at a time

    def broken_off(self, place: str) -> Summary | None:
        """The newest evaluation where some answers are there, others are not, and nobody is asking for them."""
        for one in self.summaries(place)[:1]:
            rows = self._tables.read("SELECT holder FROM evaluations WHERE id=?", (one.id,))
            never_asked = IMPORTED in (one.tuned.kind, one.base.kind)
            if (
                one.answered
                and not one.whole
                and not never_asked
                and not self._held(one.id, rows[0][0] if rows else "")
            ):
                return one
        return None

    def claim(self, evaluation: str) -> None:
        """Take an evaluation for this process. Raises AppError (CONFLICT) while another one runs it."""
        rows = self._tables.read("SELECT holder FROM evaluations WHERE id=?", (evaluation,))
        before = rows[0][0] if rows else ""
        mine = json.dumps(whoami(), sort_keys=True)
        if before == mine:
            return
        if not before or not self._held(evaluation, before):
            self._tables.write("UPDATE evaluations SET holder=? WHERE id=? AND holder=?", (mine, evaluation, before))
            if self._tables.read("SELECT 1 FROM evaluations WHERE id=? AND holder=?", (evaluation, mine)):
                return
        raise AppError(
            Cause.CONFLICT, "This evaluation is under way in another window", hint="Wait for it, or close that window"
        )

    def _held(self, evaluation: str, holder: str) -> bool:
        """Whether who holds it may still run it. Of another machine only its writing tells."""
        try:
            who = json.loads(holder)
            if not alive(who):
                return False
        except (ValueError, TypeError, AttributeError):
            return False
        if who.get("host") == whoami()["host"]:
            return True
        rows = self._tables.read(
            "SELECT MAX(at) FROM (SELECT MAX(at) AS at FROM evaluation_answers WHERE evaluation=?"
            " UNION ALL SELECT MAX(at) FROM evaluation_judgements WHERE evaluation=?"
            " UNION ALL SELECT MAX(at) FROM evaluation_failures WHERE evaluation=?)",
            (evaluation, evaluation, evaluation),
        )
        newest = rows[0][0]
        return bool(newest) and self.now() - datetime.fromisoformat(newest) < _QUIET

    def release(self, evaluation: str) -> None:
        """Let others run it."""
        mine = json.dumps(whoami(), sort_keys=True)
        self._tables.write("UPDATE evaluations SET holder='' WHERE id=? AND holder=?", (evaluation, mine))
