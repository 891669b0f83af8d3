"""Speed and size, measured from outside: `python -m tests.benchmarks [--quick] [--json FILE] [AREA …]`.

Ratios are taken round by round within this run; a busy machine shows in both halves.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks import evaluations, loss, runs, start, using, working
from tests.benchmarks.figures import Figure
from tests.benchmarks.terminal import TooSlowError
from tests.benchmarks.world import World

Measure = Callable[[World, int], Iterator[Figure]]
AREAS: dict[str, tuple[Measure, ...]] = {
    "start": (start.starts,),
    "aws": (start.readiness,),
    "list": (using.lists, using.looks, using.end_after_start),
    "tabs": (using.tabs,),
    "idle": (lambda world, rounds: start.idle(world, 15 if rounds > 3 else 6),),
    "quit": (start.quits,),
    "stream": (working.streaming,),
    "loss": (loss.redraws, working.losses),
    "runs": (runs.refreshes,),
    "upload": (working.uploads,),
    "judged": (evaluations.screen,),
}


def main() -> int:
    """Measure and print the table; the exit status is 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure speed and size.")
    parser.add_argument("areas", nargs="*", choices=[*AREAS, []], metavar="AREA", help=", ".join(AREAS))
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    arguments = parser.parse_args()
    rounds = 3 if arguments.quick else 7
    found: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for measure in (m for area in arguments.areas or AREAS for m in AREAS[area]):
            try:
                for figure in measure(world, rounds):
                    found.append(figure)
                    print(figure.line, flush=True)
            except TooSlowError as error:
                found.append(Figure(measure.__name__, "did not come to an end", 1, "", 0))
                print(f"{found[-1].line}\n{error}", flush=True)
    missed = [figure for figure in found if figure.ok is False]
    print(f"{sum(figure.ok is not None for figure in found)} targets, {len(missed)} not met")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(f) | {"ok": f.ok} for f in found], indent=1))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
