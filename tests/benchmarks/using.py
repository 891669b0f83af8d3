"""Keys in a list of 100,000 pairs, filter, tabs."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.figures import Figure, median
from tests.benchmarks.terminal import Burst, Terminal
from tests.benchmarks.world import ACCOUNT, MANY, NEEDLE, World, python


def lists(world: World, rounds: int) -> Iterator[Figure]:
    """The list alone, then in the app with its preview."""
    with Terminal(python("tests.benchmarks.apps", "pairs", str(world.many)), world.environment()) as terminal:
        terminal.wait("Pair 1:")
        terminal.settle()
        alone = [terminal.press("j") for _ in range(20)]
    yield Figure("list", "cursor key, list alone: bytes", median([b.bytes for b in alone]), "B", 350)
    yield Figure("list", "cursor key, list alone: painted", median([b.first_ms for b in alone]), "ms")
    with Terminal(python("tui", "--sandbox", str(world.many)), world.environment()) as terminal:
        terminal.wait(ACCOUNT)
        checking = [terminal.press("j", quiet=0.05).first_ms for _ in range(20) if "checking" in terminal.text]
        if checking:
            note = f"of {len(checking)}"
            yield Figure("list", "cursor key while all rules are checked, worst", max(checking), "ms", 16, note)
        terminal.wait("✓ clean", 120)
        terminal.settle(1.5)
        yield from _cursor([terminal.press("j") for _ in range(20)])
        pages = [terminal.press("pagedown") for _ in range(10)]
        yield Figure("list", "page key: painted", median([b.first_ms for b in pages]), "ms")
        yield Figure("list", "page key: bytes", median([b.bytes for b in pages]), "B")
        ends = []
        for _ in range(rounds):
            terminal.press("g")
            sent = terminal.send("G")
            ends.append((terminal.wait(f"{MANY} ") - sent) * 1000)
            terminal.settle()
        yield Figure("list", "to the end (G)", median(ends), "ms", 100)
        yield from _filter(terminal, rounds)


def _cursor(bursts: list[Burst]) -> Iterator[Figure]:
    first, last = [b.first_ms for b in bursts], [b.last_ms for b in bursts]
    yield Figure("list", "cursor key, with preview: first painted, median", median(first), "ms", 4)
    yield Figure("list", "cursor key, with preview: first painted, worst of 20", max(first), "ms", 16)
    yield Figure("list", "cursor key, with preview: all painted, median", median(last), "ms")
    yield Figure("list", "cursor key, with preview: bytes", median([b.bytes for b in bursts]), "B", 1000)


def _filter(terminal: Terminal, rounds: int) -> Iterator[Figure]:
    whole, further = [], []
    for _ in range(rounds):
        terminal.press("/")
        for letter in NEEDLE[:-2]:
            terminal.press(letter)
        terminal.settle(0.5)
        sent = terminal.send(NEEDLE[-2])
        further.append((terminal.settle(0.5) - sent) * 1000)
        # What a longer word has left says nothing of a shorter one: the whole file is searched.
        sent = terminal.send("\x7f")
        whole.append((terminal.settle(0.5) - sent) * 1000)
        terminal.press("escape", quiet=0.5)
        terminal.settle(0.5)
    yield Figure("list", "filter that finds one pair near the end", median(whole), "ms", 100)
    yield Figure("list", "one letter more", median(further), "ms", 100)


def looks(world: World, _: int) -> Iterator[Figure]:
    """How long the rules and the closer look take in the app, and how keys fare meanwhile."""
    with Terminal(python("tui", "--sandbox", str(world.many)), world.environment()) as terminal:
        shown = terminal.wait("Pair 1:")
        ruled = terminal.wait("looking closer", 60)
        # What keys wait for while the clients for AWS are made is measured by itself (`aws`).
        terminal.wait(ACCOUNT)
        terminal.settle(0.2, 1)
        keys = []
        while "looking closer" in terminal.text:
            keys.append(terminal.press("j", quiet=0.05).first_ms)
        looked, own = terminal.last, terminal.rss()
        whole = own + sum(
            child.memory_info().rss / 1e6
            for child in terminal.process.children()
            if "tui.services.dataset.scan_main" in child.cmdline()
        )
    with Terminal(python("tui", "--sandbox", str(world.few)), world.environment()) as terminal:
        terminal.wait("Pair 1:")
        terminal.wait(ACCOUNT)
        terminal.wait("✓ clean")
        terminal.settle(1.5)
        small = terminal.rss()
    yield Figure("list", "all rules checked after the first rows", ruled - shown, "s", 0.6)
    yield Figure("list", "closer look after the rules", looked - ruled, "s", 10)
    yield Figure("list", "cursor key while looking closer, median", median(keys), "ms")
    yield Figure("list", "cursor key while looking closer, worst", max(keys), "ms", 16, f"of {len(keys)}")
    yield Figure("list", "RSS after the closer look, over the app with 200 pairs", own - small, "MB", 40)
    yield Figure("list", "the same, with the process that looks", whole - small, "MB")
    with Terminal(python("tui", "--sandbox", str(world.warned)), world.environment()) as terminal:
        shown = terminal.wait("Pair 1:")
        ruled = terminal.wait("warnings", 60)
    yield Figure("list", "all rules checked, a warning in each pair", ruled - shown, "s")


def end_after_start(world: World, rounds: int) -> Iterator[Figure]:
    """How soon after the first rows the end can be shown."""
    took = []
    for _ in range(rounds):
        with Terminal(python("tui", "--sandbox", str(world.many)), world.environment()) as terminal:
            shown = terminal.wait("Pair 1:")
            terminal.send("G")
            took.append((terminal.wait(f"{MANY} ") - shown) * 1000)
    yield Figure("list", "end reachable after the first rows", median(took), "ms", 100)


def tabs(world: World, rounds: int) -> Iterator[Figure]:
    """To each tab for the first time, then again and again."""
    with Terminal(python("tui", "--sandbox"), world.environment()) as terminal:
        terminal.wait(ACCOUNT)
        terminal.settle(1.5)
        for key, name in (("2", "Jobs"), ("3", "Loss")):
            burst = terminal.press(key, quiet=0.5)
            yield Figure("tabs", f"first visit of {name}: quiet", burst.last_ms, "ms")
            yield Figure("tabs", f"first visit of {name}: bytes", burst.bytes / 1000, "kB")
        bursts = [terminal.press(key, quiet=0.3) for _ in range(max(3, rounds)) for key in "123"]
        yield Figure("tabs", "later visits: quiet, median", median([b.last_ms for b in bursts]), "ms", 60)
        yield Figure("tabs", "later visits: quiet, worst", max(b.last_ms for b in bursts), "ms")
        yield Figure("tabs", "later visits: bytes, median", median([b.bytes for b in bursts]) / 1000, "kB", 3)
