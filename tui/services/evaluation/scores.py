"""What evaluations say of the models that customization jobs made, for the comparison of their losses."""

from __future__ import annotations

from collections.abc import Collection

from tui.domain.evaluation.headline import headline
from tui.domain.evaluation.results import Results
from tui.services.evaluation.evaluations import Evaluations
from tui.services.pool import DaemonPool


async def scores_of_jobs(
    evaluations: Evaluations, pool: DaemonPool, place: str, jobs: Collection[str]
) -> dict[str, str]:
    """`+4.5 (95 % 3.1 … 5.8) · n 40` by the job's ARN, from the newest judged evaluation of its model. Raises
    AppError when the app's memory cannot be read."""
    newest: dict[str, str] = {}
    for summary in await evaluations.list(place):
        if summary.job_arn in jobs and summary.judges:
            newest.setdefault(summary.job_arn, summary.id)
    return {job: await pool.run(_text, await evaluations.load(found)) for job, found in newest.items()}


def _text(results: Results) -> str:
    found = headline(results, results.judges[-1].id)
    difference, n, *_ = found.text.split(" · ")
    return f"{difference.partition(' = ')[2]} · {n}"
