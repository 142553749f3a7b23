"""Neighbours with new items among them."""

# A new items, B of them that are linked now, N items, M neighbours, E text embedding, T tags

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.neighbours import Neighbours
from models.domain.layered_rows import Rows, layered
from models.recommend.live.likeness import Likeness
from models.recommend.live.new_neighbours import (
    Entries,
    FindsNearest,
    NearestOfBundle,
    entries_among_new,
    entries_with_bundle,
    with_entries,
)

NEW_ITEMS_PER_BLOCK: Final = 128
"""Bounds the likenesses that lie in memory at once: 50 MB for 100,000 items."""


@dataclass(frozen=True, eq=False)
class Linked:
    """Neighbours, and what the new items among them are most alike, so that these can be linked again."""

    neighbours: Neighbours
    nearest: NearestOfBundle
    """Of the new items, in their order."""

    @classmethod
    def of(cls, neighbours: Neighbours) -> "Linked":
        """As training left them."""
        return cls(neighbours, NearestOfBundle.none())

    def with_new(
        self,
        trained: Neighbours,
        likeness: Likeness,
        rows_B: NDArray[np.int32],
        text_NE: Rows,
        tag_rows_NT: Rows,
        nearest_of: FindsNearest,
    ) -> "Linked":
        """With these new items as they are now; `trained` are the bundle's neighbours."""
        if not len(rows_B):
            return self
        num_trained, num_before = trained.num_items, len(self.nearest.rows_AM)
        places_B = rows_B.astype(np.int64) - num_trained
        nearest = self.nearest.with_changed(places_B, nearest_of(text_NE[rows_B], tag_rows_NT[rows_B]))
        if (places_B < num_before).any():
            # what stands in lists already is no longer alike in that way: all lists are made again
            rows_B = np.arange(num_trained, num_trained + len(nearest.rows_AM), dtype=np.int32)
            return Linked(trained, nearest)._linked(trained, likeness, rows_B, text_NE, tag_rows_NT)
        return Linked(self.neighbours, nearest)._linked(trained, likeness, rows_B, text_NE, tag_rows_NT)

    def _linked(
        self, trained: Neighbours, likeness: Likeness, rows_B: NDArray[np.int32], text_NE: Rows, tag_rows_NT: Rows
    ) -> "Linked":
        """With entries for these rows, none of which stands in a list yet."""
        num_trained, num_old = trained.num_items, self.neighbours.num_items
        num_rows = num_trained + len(self.nearest.rows_AM)
        rows_A = np.arange(num_trained, num_rows, dtype=np.int32)
        least_A = self.nearest.least_A
        texts_AE, tags_AT = text_NE[rows_A].astype(np.float32), tag_rows_NT[rows_A]
        parts: list[Entries] = []
        for start in range(0, len(rows_B), NEW_ITEMS_PER_BLOCK):
            block_B = rows_B[start : start + NEW_ITEMS_PER_BLOCK]
            places_B = block_B.astype(np.int64) - num_trained
            parts.append(entries_with_bundle(block_B, self.nearest.take(places_B), trained))
            alike_BA = likeness.between(texts_AE[places_B], tags_AT[places_B], texts_AE, tags_AT)
            parts.append(entries_among_new(rows_A, least_A, block_B, alike_BA.T, trained))
            parts.append(entries_among_new(block_B, least_A[places_B], rows_A, alike_BA, trained))
        of_C, rows_CM, voices_CMV = with_entries(self.neighbours, Entries.joined(*parts), num_rows, num_old)
        neighbours = replace(
            self.neighbours,
            rows_NM=layered(self.neighbours.rows_NM).changed(of_C, rows_CM, num_rows),
            voices_NMV=layered(self.neighbours.voices_NMV).changed(of_C, voices_CMV, num_rows),
        )
        return Linked(neighbours, self.nearest)


def nearest_of_bundle(
    likeness: Likeness, neighbours: Neighbours, text_BE: NDArray[np.float16], tag_rows_BT: NDArray[np.int32]
) -> NearestOfBundle:
    """What items with these texts and tags are most alike, among all of the bundle, whose neighbours these are."""
    blocks = [
        NearestOfBundle.of(likeness.to_bundle(text_BE[block].astype(np.float32), tag_rows_BT[block]), neighbours)
        for block in (
            slice(start, start + NEW_ITEMS_PER_BLOCK) for start in range(0, len(text_BE), NEW_ITEMS_PER_BLOCK)
        )
    ]
    return NearestOfBundle.joined(blocks)
