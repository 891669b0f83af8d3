"""Start, quiet, quit and idling, beside a blank Textual app with four empty tabs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.benchmarks.figures import Figure, median, ratio
from tests.benchmarks.terminal import Terminal
from tests.benchmarks.world import ACCOUNT, FIRST_SHIPPED, World, aws, mute, python


@dataclass(frozen=True, slots=True)
class Start:
    """One start: seconds to the first useful frame, CPU and MB there; MB and bytes when it is quiet."""

    frame: float
    cpu: float
    rss: float
    settled_rss: float
    bytes: int


def _start(command: Sequence[str], environment: Mapping[str, str], shown: str, end: str = "") -> Start:
    with Terminal(command, environment) as terminal:
        frame = terminal.wait(shown) - terminal.started
        cpu, rss = terminal.cpu(), terminal.rss()
        if end:
            terminal.wait(end)
        terminal.settle(0.7)
        return Start(frame, cpu, rss, terminal.rss(), len(terminal.output))


def starts(world: World, rounds: int) -> Iterator[Figure]:
    """In turn: blank, sandbox, sandbox with 100,000 pairs, live."""
    blank, many = python("tests.benchmarks.apps", "blank"), str(world.many)
    with aws(world.root / "aws") as at:
        live = world.live(at)
        runs: dict[str, list[Start]] = {"blank": [], "shipped": [], "many": [], "live": []}
        for number in range(rounds + 1):
            round_ = {
                "blank": _start(blank, world.environment(), "Chat"),
                "shipped": _start(python("tui", "--sandbox"), world.environment(), FIRST_SHIPPED, ACCOUNT),
                "many": _start(python("tui", "--sandbox", many), world.environment(), "Pair 1:", ACCOUNT),
                "live": _start(python("tui", many), live, "Pair 1:", ACCOUNT),
            }
            if number:  # the first round fills caches
                for name, run in round_.items():
                    runs[name].append(run)
    base = runs.pop("blank")
    yield Figure("start", "blank app with four tabs, first frame", median([r.frame for r in base]) * 1000, "ms")
    yield Figure("start", "blank app, bytes", median([r.bytes for r in base]) / 1000, "kB")
    yield Figure("start", "blank app, RSS", median([r.rss for r in base]), "MB")
    names = {"shipped": "sandbox, shipped pairs", "many": "sandbox, 100,000 pairs", "live": "live, 100,000 pairs"}
    for name, found in runs.items():
        frames, title = [r.frame for r in found], names[name]
        yield Figure("start", f"{title}: first useful frame", median(frames) * 1000, "ms")
        yield Figure("start", f"{title}: ÷ blank", ratio(frames, [r.frame for r in base]), "×", 1.25)
        yield Figure("start", f"{title}: CPU ÷ blank", ratio([r.cpu for r in found], [r.cpu for r in base]), "×")
        yield Figure("start", f"{title}: bytes until quiet, 80x24", median([r.bytes for r in found]) / 1000, "kB", 12)
        if name == "shipped":
            yield Figure("start", f"{title}: RSS at first frame", median([r.rss for r in found]), "MB", 45)
        else:
            more = median([r.settled_rss for r in found]) - median([r.settled_rss for r in runs["shipped"]])
            yield Figure("start", f"{title}: RSS over the shipped pairs, quiet", more, "MB", 40)


def readiness(world: World, rounds: int) -> Iterator[Figure]:
    """How soon AWS is there, what it costs, and how keys fare meanwhile; with few pairs, then with 100,000."""
    with aws(world.root / "aws") as at:
        for path, pairs, aims in (
            (world.few, "200 pairs", (1.2, 40.0, 80.0)),
            (world.many, "100,000 pairs", (None, None, None)),
        ):
            ready: list[float] = []
            rss: list[float] = []
            keys: list[float] = []
            for _ in range(rounds):
                with Terminal(python("tui", str(path)), world.live(at)) as terminal:
                    terminal.wait("Pair 1:")
                    while ACCOUNT not in terminal.text:
                        keys.append(terminal.press("j", quiet=0.01).first_ms)
                    ready.append(terminal.last - terminal.started)
                    terminal.wait(lambda text: "checking" not in text, 60)
                    terminal.settle(2)
                    rss.append(terminal.rss())
            yield Figure("aws", f"live, {pairs}: account known after start", median(ready), "s", aims[0])
            yield Figure("aws", f"{pairs}: key while boto3 is imported, median", median(keys), "ms")
            yield Figure(
                "aws", f"{pairs}: key while it is imported, worst", max(keys), "ms", aims[1], f"of {len(keys)}"
            )
            yield Figure("aws", f"{pairs}: RSS with AWS clients", median(rss), "MB", aims[2])


def idle(world: World, seconds: float) -> Iterator[Figure]:
    """The sandbox's app, polling, nothing changing."""
    with Terminal(python("tui", "--sandbox"), world.environment()) as terminal:
        terminal.wait(ACCOUNT)
        terminal.settle(3)
        before, cpu = len(terminal.output), terminal.cpu()
        end = time.perf_counter() + seconds
        terminal.settle(seconds, seconds)
        while time.perf_counter() < end:
            terminal.settle(end - time.perf_counter(), seconds)
        yield Figure("idle", f"CPU over {seconds:g} s", 100 * (terminal.cpu() - cpu) / seconds, "%", 1)
        yield Figure("idle", f"bytes over {seconds:g} s", len(terminal.output) - before, "B", 0)


def quits(world: World, rounds: int) -> Iterator[Figure]:
    """From q to the end of the process."""
    blank, nothing, sandbox, flying, left = [], [], [], [], set()
    with aws(world.root / "aws") as at, mute() as url:
        for _ in range(rounds):
            with Terminal(python("tests.benchmarks.apps", "blank"), world.environment()) as terminal:
                terminal.wait("Chat")
                terminal.settle()
                blank.append(terminal.ended(terminal.send("q")))
            with Terminal(python("tui", str(world.many)), world.live(at)) as terminal:
                terminal.wait(ACCOUNT)
                terminal.settle(1)
                nothing.append(terminal.ended(terminal.send("q")))
                left.update(terminal.modes_left())
            with Terminal(python("tui", "--sandbox"), world.environment()) as terminal:
                terminal.wait(ACCOUNT)
                terminal.settle(1)
                sandbox.append(terminal.ended(terminal.send("q")))
            never = world.environment(
                "mute", AWS_ENDPOINT_URL=url, AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_REGION="us-west-2"
            )
            with Terminal(python("tui", str(world.many)), never) as terminal:
                terminal.wait("Pair 1:")
                terminal.settle(2.5)
                flying.append(terminal.ended(terminal.send("q")))
                left.update(terminal.modes_left())
    yield Figure("quit", "blank app", median(blank), "s")
    yield Figure("quit", "live, nothing under way", median(nothing), "s", 0.15)
    yield Figure("quit", "sandbox, its process ended too", median(sandbox), "s", 0.5)
    yield Figure("quit", "live, a call in flight that is never answered", median(flying), "s", 0.5)
    yield Figure("quit", "modes of the terminal left set", len(left), "", 0, " ".join(sorted(left)))
