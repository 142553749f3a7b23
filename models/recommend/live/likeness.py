"""How alike by content new items are to those that were trained on.

The measure of `models.baselines.content_neighbours`, from what a bundle carries and without sparse matrices.
"""

# N items of the bundle, X and Y items that are compared, E text embedding, T tags of an item, V tags of the vocabulary,
# U tags of some items

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.baselines.content_neighbours import MAX_ITEMS_OF_TAG

ITEMS_PER_BLOCK: Final = 8_192
_TINY: Final = 1e-6


@dataclass(frozen=True, eq=False)
class Likeness:
    """Cosine of centred texts plus cosine of tags weighted by how few items of the bundle carry them."""

    text_NE: NDArray[np.float16]
    tag_rows_NT: NDArray[np.int32]

    @cached_property
    def mean_E(self) -> NDArray[np.float32]:
        """Mean text of the items that have one."""
        total_E, count = np.zeros(self.text_NE.shape[1], np.float64), 0
        for start in range(0, len(self.text_NE), ITEMS_PER_BLOCK):
            block_XE = self.text_NE[start : start + ITEMS_PER_BLOCK].astype(np.float32)
            total_E += block_XE.sum(axis=0, dtype=np.float64)
            count += int(_has_text(block_XE).sum())
        return np.asarray(total_E / max(1, count), np.float32)

    @cached_property
    def idf_V(self) -> NDArray[np.float32]:
        """Weight of each tag; 0 of those that are on too many items, or on none."""
        counts_V = np.bincount(self.tag_rows_NT[self.tag_rows_NT > 0], minlength=1)
        said_V = (counts_V > 0) & (counts_V <= MAX_ITEMS_OF_TAG)
        return (np.log(len(self.tag_rows_NT) / np.maximum(counts_V, 1)) * said_V).astype(np.float32)

    @cached_property
    def _text_lengths_N(self) -> NDArray[np.float32]:
        lengths = [
            np.linalg.norm(self.text_NE[start : start + ITEMS_PER_BLOCK].astype(np.float32) - self.mean_E, axis=1)
            for start in range(0, len(self.text_NE), ITEMS_PER_BLOCK)
        ]
        return np.concatenate(lengths)

    @cached_property
    def _has_text_N(self) -> NDArray[np.bool_]:
        return _has_text(self.text_NE)

    @cached_property
    def _tag_lengths_N(self) -> NDArray[np.float32]:
        return self.tag_lengths(self.tag_rows_NT)

    @cached_property
    def _carriers(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Items by tag, and where each tag's begin."""
        present_NT = self.tag_rows_NT > 0
        tags, items = self.tag_rows_NT[present_NT], np.nonzero(present_NT)[0].astype(np.int32)
        order = np.argsort(tags, kind="stable")
        return items[order], np.searchsorted(tags[order], np.arange(len(self.idf_V) + 1))

    def unit_text(self, text_XE: NDArray[np.float32]) -> NDArray[np.float32]:
        """Centred texts of length 1; zeros where there is no text."""
        centred_XE = np.where(_has_text(text_XE)[:, None], text_XE - self.mean_E, np.float32(0.0))
        lengths_X1 = np.linalg.norm(centred_XE, axis=1, keepdims=True)
        return np.asarray(centred_XE / np.maximum(lengths_X1, _TINY), np.float32)

    def tag_lengths(self, tag_rows_XT: NDArray[np.int32]) -> NDArray[np.float32]:
        """Length of each item's weighted tags [X]."""
        return np.asarray(np.sqrt(np.square(self._weights(tag_rows_XT)).sum(axis=1)), np.float32)

    def to_bundle(self, text_XE: NDArray[np.float32], tag_rows_XT: NDArray[np.int32]) -> NDArray[np.float32]:
        """Likeness [X, N] of these items to all of the bundle."""
        alike_XN = self._tags_to_bundle(tag_rows_XT)
        unit_XE = self.unit_text(text_XE)
        offsets_X = unit_XE @ self.mean_E
        for start in range(0, len(self.text_NE), ITEMS_PER_BLOCK):
            block = slice(start, start + ITEMS_PER_BLOCK)
            texts_BE = self.text_NE[block].astype(np.float32)
            centred_XB = unit_XE @ texts_BE.T - offsets_X[:, None]
            alike_XN[:, block] += centred_XB * self._has_text_N[block] / np.maximum(self._text_lengths_N[block], _TINY)
        return alike_XN

    def between(
        self,
        text_XE: NDArray[np.float32],
        tag_rows_XT: NDArray[np.int32],
        other_text_YE: NDArray[np.float32],
        other_tag_rows_YT: NDArray[np.int32],
    ) -> NDArray[np.float32]:
        """Likeness [X, Y] of items that the bundle does not have."""
        alike_XY = self.unit_text(text_XE) @ self.unit_text(other_text_YE).T
        # of all tags only those that the few carry
        tags_U = np.unique(tag_rows_XT[tag_rows_XT > 0])
        return np.asarray(
            alike_XY + self._unit_tags(tag_rows_XT, tags_U) @ self._unit_tags(other_tag_rows_YT, tags_U).T
        )

    def _tags_to_bundle(self, tag_rows_XT: NDArray[np.int32]) -> NDArray[np.float32]:
        items, starts = self._carriers
        num_items = len(self.tag_rows_NT)
        alike_XN = np.zeros((len(tag_rows_XT), num_items), np.float32)
        for number, tags_T in enumerate(tag_rows_XT):
            known = [int(tag) for tag in tags_T if 0 < tag < len(self.idf_V) and self.idf_V[tag] > 0]
            if not known:
                continue
            carriers = [items[starts[tag] : starts[tag + 1]] for tag in known]
            weights = np.repeat(np.square(self.idf_V[known]), [len(each) for each in carriers])
            shared_N = np.bincount(np.concatenate(carriers), weights=weights, minlength=num_items)
            length = float(np.sqrt(np.square(self.idf_V[known]).sum()))
            alike_XN[number] = shared_N / np.maximum(self._tag_lengths_N * length, _TINY)
        return alike_XN

    def _unit_tags(self, tag_rows_XT: NDArray[np.int32], tags_U: NDArray[np.int32]) -> NDArray[np.float32]:
        """Weights of these tags [X, U], as parts of rows of length 1 over all tags."""
        unit_XU = np.zeros((len(tag_rows_XT), len(tags_U) + 1), np.float32)
        places_XT = np.searchsorted(tags_U, tag_rows_XT)
        is_among_XT = np.isin(tag_rows_XT, tags_U) & (tag_rows_XT > 0)
        lengths_X1 = np.maximum(self.tag_lengths(tag_rows_XT), _TINY)[:, None]
        values_XT = np.where(is_among_XT, self._weights(tag_rows_XT) / lengths_X1, np.float32(0.0))
        np.put_along_axis(unit_XU, np.where(is_among_XT, places_XT, len(tags_U)), values_XT, axis=1)
        return unit_XU[:, :-1]

    def _weights(self, tag_rows_XT: NDArray[np.int32]) -> NDArray[np.float32]:
        known_XT = (tag_rows_XT > 0) & (tag_rows_XT < len(self.idf_V))
        return np.where(known_XT, self.idf_V[np.where(known_XT, tag_rows_XT, 0)], np.float32(0.0))


def _has_text(text_XE: NDArray[np.float32] | NDArray[np.float16]) -> NDArray[np.bool_]:
    return np.asarray((text_XE != 0).any(axis=1))
