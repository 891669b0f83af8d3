"""Nearly the same texts within one file.

Set similarity join with prefix, size and position filters: C. Xiao, W. Wang, X. Lin, J. X. Yu, "Efficient similarity
joins for near duplicate detection" (WWW 2008). Texts come by size; each looks among the rarest grams of the smaller
ones before it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from math import ceil

from tui.domain.grams import Alike, Level, Sketches, measure

NEAR = 0.8
"""Jaccard of the grams of two questions from which on they are called nearly the same."""
_BUCKETS = 1 << 18
_MOST = 60
"""Candidates that one text is compared with; more of them come from a style that all share."""
_EVERY = 64
_EPSILON = 1e-9
_LEAST_GRAMS = 2


def near_duplicates(
    sketches: Sketches, slots: Iterable[int], should_stop: Callable[[], bool], least: float = NEAR
) -> dict[int, tuple[int, Alike]]:
    """For positions in `slots`, each of which names a sketch: an earlier position that is nearly the same, if any.

    Texts that are equal but for case, punctuation and space are found too. Not complete when told to stop.
    """
    places = list(slots)
    found: dict[int, tuple[int, Alike]] = {}
    for one, other, alike in near_pairs(sketches, places, should_stop, least):
        first, second = min(one, other), max(one, other)
        held = found.get(second)
        if held is None or alike.jaccard > held[1].jaccard:
            found[second] = (first, alike)
    return found


def near_pairs(
    sketches: Sketches, places: list[int], should_stop: Callable[[], bool], least: float
) -> Iterator[tuple[int, int, Alike]]:
    """Every two positions in `places` whose texts are nearly the same, equal ones with the first of them only."""
    often = _often(sketches, places)
    index: dict[int, dict[tuple[int, int], list[int]]] = {}
    same: dict[int, int] = {}
    order = sorted(range(len(places)), key=lambda at: (sketches.size(places[at]), at))
    for number, at in enumerate(order):
        if number % _EVERY == 0 and should_stop():
            return
        one = sketches[places[at]]
        if one.empty:
            continue
        first = same.setdefault(one.plain, at)
        if first != at:
            yield at, first, measure(one, sketches[places[first]])
            continue
        grams = sorted(set(one.grams), key=lambda g: (often[g % _BUCKETS], g))
        if len(grams) < _LEAST_GRAMS:
            continue
        for other in _candidates(index, grams, often, least):
            alike = measure(one, sketches[places[other]])
            if alike.jaccard >= least - _EPSILON:
                yield at, other, Alike(Level.SIMILAR, alike.containment, alike.jaccard)
        _remember(index, grams, often, least, at)


def _often(sketches: Sketches, places: list[int]) -> array[int]:
    """How often grams stand in the texts, by bucket: an order of rarity that needs no table of all grams."""
    often = array("I", bytes(4 * _BUCKETS))
    for place in places:
        for gram in sketches[place].grams:
            often[gram % _BUCKETS] += 1
    return often


def _candidates(
    index: dict[int, dict[tuple[int, int], list[int]]], grams: list[int], often: array[int], least: float
) -> set[int]:
    size = len(grams)
    found: set[int] = set()
    for position, gram in enumerate(grams[: size - ceil(least * size - _EPSILON) + 1]):
        if often[gram % _BUCKETS] == 1:
            continue
        for (other_size, other_position), held in index.get(gram, {}).items():
            needed = ceil(least / (1 + least) * (size + other_size) - _EPSILON)
            possible = 1 + min(size - position, other_size - other_position) - 1
            if other_size >= least * size - _EPSILON and possible >= needed:
                found.update(held[: _MOST - len(found)])
                if len(found) >= _MOST:
                    return found
    return found


def _remember(
    index: dict[int, dict[tuple[int, int], list[int]]], grams: list[int], often: array[int], least: float, at: int
) -> None:
    size = len(grams)
    for position, gram in enumerate(grams[: size - ceil(2 * least / (1 + least) * size - _EPSILON) + 1]):
        if often[gram % _BUCKETS] > 1:
            index.setdefault(gram, {}).setdefault((size, position), []).append(at)
