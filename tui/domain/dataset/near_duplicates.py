"""Nearly the same texts within one file.

Set similarity join with prefix, size and position filters: C. Xiao, W. Wang, X. Lin, J. X. Yu, "Efficient similarity
joins for near duplicate detection" (WWW 2008). Texts come by size; each looks among the rarest grams of the smaller
ones before it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from math import ceil

from tui.domain.dataset.grams import Alike, Level, Sketches, measure

NEAR = 0.8
"""Jaccard of the grams of two questions from which on they are called nearly the same."""
_MOST_BUCKETS = 1 << 21
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
    often = _often(sketches, places, should_stop)
    again, buckets = _again(sketches, places), len(often)
    index: dict[int, dict[tuple[int, int], list[int]]] = {}
    same: dict[int, int] = {}
    for number, at in enumerate(_by_size(sketches, places)):
        if number % _EVERY == 0 and should_stop():
            return
        one = sketches[places[at]]
        if one.empty:
            continue
        first = same.setdefault(one.plain, at) if again[one.plain % len(again)] > 1 else at
        if first != at:
            yield at, first, measure(one, sketches[places[first]])
            continue
        grams = sorted(set(one.grams), key=lambda g: (often[g % buckets], g))
        if len(grams) < _LEAST_GRAMS:
            continue
        for other in _candidates(index, grams, often, least):
            alike = measure(one, sketches[places[other]])
            if alike.jaccard >= least - _EPSILON:
                yield at, other, Alike(Level.SIMILAR, alike.containment, alike.jaccard)
        _remember(index, grams, often, least, at)


def _by_size(sketches: Sketches, places: list[int]) -> Iterator[int]:
    """The positions, those of the smallest texts first. Sorting them all would hold up the keys for its whole time."""
    by_size: dict[int, array[int]] = {}
    for at, place in enumerate(places):
        by_size.setdefault(sketches.size(place), array("q")).append(at)
    for size in sorted(by_size):
        yield from by_size[size]


def _often(sketches: Sketches, places: list[int], should_stop: Callable[[], bool]) -> array[int]:
    """How often grams stand in the texts, by bucket: an order of rarity that needs no table of all grams.

    With four buckets for each gram hardly one that stands alone shares its bucket, and only the others are indexed.
    """
    wanted = min(_MOST_BUCKETS, 1 << (4 * len(sketches.grams)).bit_length())
    often = array("I", bytes(4 * wanted))
    for number, place in enumerate(places):
        if number % _EVERY == 0 and should_stop():
            break
        for gram in sketches.grams_of(place):
            often[gram % wanted] += 1
    return often


def _again(sketches: Sketches, places: list[int]) -> bytearray:
    """By bucket: 1 where one text stands alone, 2 where there may be equal ones; so that few have to be remembered."""
    again = bytearray(min(_MOST_BUCKETS, 1 << (8 * len(places)).bit_length()))
    for place in places:
        bucket = sketches.plain(place) % len(again)
        again[bucket] = min(2, again[bucket] + 1)
    return again


def _candidates(
    index: dict[int, dict[tuple[int, int], list[int]]], grams: list[int], often: array[int], least: float
) -> set[int]:
    size = len(grams)
    found: set[int] = set()
    for position, gram in enumerate(grams[: size - ceil(least * size - _EPSILON) + 1]):
        if often[gram % len(often)] == 1:
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
        if often[gram % len(often)] > 1:
            index.setdefault(gram, {}).setdefault((size, position), []).append(at)
