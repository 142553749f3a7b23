from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.baselines.neighbours import VOICES, Neighbours
from models.domain.item_rows import NO_ITEM
from models.recommend.live.new_neighbours import Entries, with_entries

NUM_OLD, NUM_ROWS, KEPT = 12, 17, 4


def neighbours_of(rng):
    """Lists of up to four, best first, of equals the lower row first; many are equal."""
    rows_NM = np.full((NUM_OLD, KEPT), NO_ITEM, np.int32)
    voices_NMV = np.zeros((NUM_OLD, KEPT, len(VOICES)), np.float32)
    for row in range(NUM_OLD):
        size = rng.integers(KEPT + 1)
        weights, rows = rng.integers(1, 5, size), rng.choice(NUM_OLD, size, replace=False)
        order = np.lexsort((rows, -weights))
        rows_NM[row, :size], voices_NMV[row, :size, 0] = rows[order], weights[order]
    weights_V = np.ones(len(VOICES), np.float32)
    return Neighbours(rows_NM, voices_NMV, weights_V, history_window=5, age_decay=0.9)


def entries_of(rng, number):
    """New items in any list, any item in the lists of new ones; some come twice, some count nothing."""
    of_X = rng.integers(NUM_ROWS, size=number).astype(np.int32)
    rows_X = np.where(of_X < NUM_OLD, rng.integers(NUM_OLD, NUM_ROWS, number), rng.integers(NUM_ROWS, size=number))
    voices_XV = np.zeros((number, len(VOICES)), np.float32)
    voices_XV[np.arange(number), rng.integers(len(VOICES), size=number)] = rng.integers(0, 5, number)
    return Entries(of_X, rows_X.astype(np.int32), voices_XV)


def obvious(neighbours, entries, row):
    """The list of one row, sorted anew."""
    voices = {}
    for of, other, voices_V in zip(entries.of_X, entries.rows_X, entries.voices_XV, strict=True):
        if of == row:
            voices[other] = np.maximum(voices.get(other, 0.0), voices_V)
    if row < NUM_OLD:
        listed = zip(neighbours.rows_NM[row], neighbours.voices_NMV[row], strict=True)
        voices |= {other: voices_V for other, voices_V in listed if other != NO_ITEM}
    found = sorted((-voices_V.sum(), other, tuple(voices_V)) for other, voices_V in voices.items() if voices_V.any())
    return [(other, voices_V) for _, other, voices_V in found[:KEPT]]


class TestWithEntries:
    @given(st.integers(0, 2**32 - 1), st.integers(0, 60))
    def test_lists_are_those_that_sorting_anew_gives(self, seed, number):
        rng = np.random.default_rng(seed)
        neighbours, entries = neighbours_of(rng), entries_of(rng, number)
        of_C, rows_CM, voices_CMV = with_entries(neighbours, entries, NUM_ROWS, NUM_OLD)
        assert set(of_C) >= set(range(NUM_OLD, NUM_ROWS))
        for row in range(NUM_ROWS):
            (place,) = np.flatnonzero(of_C == row) if row in of_C else (None,)
            rows_M = neighbours.rows_NM[row] if place is None else rows_CM[place]
            voices_MV = neighbours.voices_NMV[row] if place is None else voices_CMV[place]
            listed = [(other, tuple(each)) for other, each in zip(rows_M, voices_MV, strict=True) if other != NO_ITEM]
            assert listed == obvious(neighbours, entries, row)
            assert not voices_MV[rows_M == NO_ITEM].any()

    def test_where_lists_have_no_places_nothing_is_listed(self):
        rng = np.random.default_rng(0)
        whole = neighbours_of(rng)
        without = replace(whole, rows_NM=whole.rows_NM[:, :0], voices_NMV=whole.voices_NMV[:, :0])
        of_C, rows_CM, voices_CMV = with_entries(without, entries_of(rng, 20), NUM_ROWS, NUM_OLD)
        assert set(of_C) >= set(range(NUM_OLD, NUM_ROWS))
        assert rows_CM.shape == (len(of_C), 0)
        assert voices_CMV.shape == (len(of_C), 0, len(VOICES))
