"""Sparse neighbours as serving reads them: a few an item, no more than NumPy needed."""

# N items, M neighbours an item, V voices, B users, L events, H events that count, C candidates, X contributions

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.baselines.best_first import best_items
from models.baselines.interest import ALIKE
from models.baselines.mapped_archive import mapped_array
from models.domain.item_rows import NO_ITEM
from models.domain.layered_rows import LayeredRows, Rows
from models.features.row_keys import row_keys

IntegerT = TypeVar("IntegerT", bound=np.integer[Any])
VOICES: Final = ("forward", "late", "backward", "content", "borrowed")
"""Why an item is a neighbour: taken after it, taken after it lately, taken before it, alike by content, taken near what
is alike."""
_NOTHING: Final = 1e-6
"""What is left of a sum after its only part was subtracted is rounding, not evidence."""


@dataclass(frozen=True, slots=True)
class Contributions:
    """What each event of each history says for each of its item's neighbours, one entry each."""

    users_X: NDArray[np.int64]
    places_X: NDArray[np.int64]
    """Column of the event among the H that count; the newest is the last."""
    rows_X: NDArray[np.int32]
    voices_XV: NDArray[np.float32]

    @classmethod
    def joined(cls, parts: Sequence["Contributions"]) -> "Contributions":
        """All of them, at least one."""
        return cls(
            np.concatenate([part.users_X for part in parts]),
            np.concatenate([part.places_X for part in parts]),
            np.concatenate([part.rows_X for part in parts]),
            np.concatenate([part.voices_XV for part in parts]),
        )

    def minus(self, other: "Contributions") -> "Contributions":
        """These, and the other's with their sign turned: sums over both are differences."""
        return self.joined([self, replace(other, voices_XV=-other.voices_XV)])

    def weighted(self, weights_BH: NDArray[np.float32]) -> "Contributions":
        """The same, each event counting so much."""
        return replace(self, voices_XV=self.voices_XV * weights_BH[self.users_X, self.places_X][:, None])


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What tends to be taken near each item or is like it, and how a history asks for it."""

    rows_NM: Rows
    """Best first, -1 where an item has fewer than M neighbours."""
    voices_NMV: Rows
    """Each voice for each neighbour, 0 and more; 0 where there is no neighbour."""
    weights_V: NDArray[np.float32]
    """What each voice counts in the score."""
    history_window: int
    """The newest events that count."""
    age_decay: float
    """An event counts this much less than the one after it."""
    content_scale: float = 1.0
    """What a likeness by content, to its power, was multiplied by to become a voice."""
    borrowed_scale: float = 1.0
    """The same of what is borrowed."""
    interest_T: NDArray[np.float32] = field(default_factory=ALIKE.copy)
    """What an event of each type counts, in the order of `EVENT_TYPES`."""
    is_gone_N: NDArray[np.bool_] | None = None
    """Items that are nobody's neighbour any more; None where all are still there."""

    @property
    def num_items(self) -> int:
        """Number of items."""
        return len(self.rows_NM)

    @property
    def most_scored(self) -> int:
        """More candidates than this no history can have."""
        return self.history_window * int(self.rows_NM.shape[1])

    def recent(self, history_BL: NDArray[IntegerT]) -> NDArray[IntegerT]:
        """The columns [B, H] of right-aligned histories that count."""
        return history_BL[:, max(0, history_BL.shape[1] - self.history_window) :]

    def age_weights(self, num_recent: int) -> NDArray[np.float32]:
        """What an event in each of H columns counts [H]."""
        return (self.age_decay ** np.arange(num_recent - 1, -1, -1)).astype(np.float32)

    def weighed(self, voices: NDArray[np.float32]) -> NDArray[np.float32]:
        """The score of voices [..., V]; voice by voice: a matrix product rounds by the company that a row is in."""
        score = voices[..., 0] * self.weights_V[0]
        for voice in range(1, len(self.weights_V)):
            score = score + voices[..., voice] * self.weights_V[voice]
        return np.asarray(score, np.float32)

    def interest(self, event_types_BL: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """What each event that counts is worth by its type [B, H]."""
        return np.asarray(self.interest_T[self.recent(event_types_BL)], np.float32)

    def contributions(self, history_rows_BL: NDArray[np.int32]) -> Contributions:
        """Every neighbour of every event that counts, whatever its type.

        Histories are right-aligned item rows, -1 where shorter.
        """
        recent_BH = self.recent(history_rows_BL)
        rows_BHM = np.where((recent_BH != NO_ITEM)[..., None], self.rows_NM[recent_BH], NO_ITEM)
        if self.is_gone_N is not None:
            rows_BHM = np.where(self.is_gone_N[rows_BHM], NO_ITEM, rows_BHM)
        is_there_BHM = rows_BHM != NO_ITEM
        is_there = is_there_BHM.ravel()
        num_users, num_recent = recent_BH.shape
        counts_Y = is_there_BHM.sum(axis=2).ravel()
        users_Y, places_Y = np.divmod(np.arange(num_users * num_recent), num_recent)
        # whole rows, of which what is not there is left out: to fetch one voice after another takes three times as long
        voices_XV = self.voices_NMV[recent_BH].reshape(len(is_there), len(self.weights_V)).compress(is_there, axis=0)
        return Contributions(
            users_X=np.repeat(users_Y, counts_Y),
            places_X=np.repeat(places_Y, counts_Y),
            rows_X=rows_BHM.ravel().compress(is_there),
            voices_XV=voices_XV,
        )

    def scores(
        self, history_rows_BL: NDArray[np.int32], event_types_BL: NDArray[np.integer[Any]], num: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The `num` best candidates [B, C] of each history, -1 beyond the last, and their scores, there 0.

        Nothing is left out: the history's own items are there if they are each other's neighbours. A user's answer does
        not depend on who else is in the batch.
        """
        interest_BH = self.interest(event_types_BL)
        return self.best(self.contributions(history_rows_BL).weighted(interest_BH), interest_BH.shape, num)

    def best(
        self, said: Contributions, shape_BH: tuple[int, int], num: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The `num` candidates [B, C] that are most spoken for, -1 beyond the last, and their scores."""
        num_users, num_recent = shape_BH
        values_X = self.weighed(said.voices_XV) * self.age_weights(num_recent)[said.places_X]
        lines_X = said.users_X * np.int64(self.num_items) + said.rows_X
        # summed in 64 bits and always newest last, so that company cannot change a rounding
        order_X = np.argsort(lines_X * np.int64(num_recent) + said.places_X)
        lines_X = lines_X[order_X]
        (starts_Y,) = np.nonzero(np.diff(lines_X, prepend=-1))
        totals_Y = np.add.reduceat(values_X[order_X], starts_Y, dtype=np.float64) if len(starts_Y) else values_X
        starts_Y, totals_Y = starts_Y[totals_Y > _NOTHING], totals_Y[totals_Y > _NOTHING]
        users_Y, rows_Y = np.divmod(lines_X[starts_Y], max(1, self.num_items))
        return best_items(users_Y, rows_Y.astype(np.int32), totals_Y.astype(np.float32), num_users, num)

    def save(self, path: Path) -> None:
        """Write an .npz file."""
        assert not isinstance(self.rows_NM, LayeredRows)
        assert not isinstance(self.voices_NMV, LayeredRows)
        with path.open("wb") as file:
            np.savez(
                file,
                rows=self.rows_NM,
                voices=self.voices_NMV,
                weights=self.weights_V,
                history_window=np.int64(self.history_window),
                age_decay=np.float64(self.age_decay),
                content_scale=np.float64(self.content_scale),
                borrowed_scale=np.float64(self.borrowed_scale),
                interest=self.interest_T,
            )

    @classmethod
    def load(cls, path: Path) -> "Neighbours":
        """The saved neighbours, the large arrays mapped; raises OSError, KeyError or ValueError for any other file."""
        try:
            # opened here, because NumPy leaves the file open where it is no archive
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                # looked at in memory that is given back: to look through the mapped rows would keep all of them
                rows_NM = arrays["rows"]
                least, most = int(rows_NM.min(initial=0)), int(rows_NM.max(initial=NO_ITEM))
                rows_NM, voices_NMV = mapped_array(path, "rows"), mapped_array(path, "voices")
                neighbours = cls(
                    rows_NM=rows_NM,
                    voices_NMV=voices_NMV,
                    weights_V=arrays["weights"],
                    history_window=int(arrays["history_window"]),
                    age_decay=float(arrays["age_decay"]),
                    content_scale=float(arrays["content_scale"]),
                    borrowed_scale=float(arrays["borrowed_scale"]),
                    interest_T=arrays["interest"],
                )
        except zipfile.BadZipFile as error:
            raise ValueError(str(error)) from error
        if rows_NM.ndim != 2 or rows_NM.dtype != np.int32 or voices_NMV.dtype != np.float32:
            raise ValueError(f"rows are {rows_NM.dtype} of shape {rows_NM.shape}, voices are {voices_NMV.dtype}")
        if voices_NMV.shape != (*rows_NM.shape, len(VOICES)) or neighbours.weights_V.shape != (len(VOICES),):
            raise ValueError(f"voices of shape {voices_NMV.shape} do not fit rows of shape {rows_NM.shape}")
        if neighbours.interest_T.shape != ALIKE.shape:
            raise ValueError(f"interest of {len(neighbours.interest_T)} event types, not {len(ALIKE)}")
        if rows_NM.size and not NO_ITEM <= least <= most < len(rows_NM):
            raise ValueError(f"a neighbour's row is outside of the {len(rows_NM)} items")
        return neighbours


def unseen(
    rows_BC: NDArray[np.int32], scores_BC: NDArray[np.float32], had_BX: NDArray[np.int32], num: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The first `num` of each list that the shopper has not had, in their order, -1 and 0 beyond the last."""
    left_BC = (rows_BC != NO_ITEM) & ~np.isin(row_keys(rows_BC), row_keys(had_BX))
    order_BC = np.argsort(~left_BC, axis=1, kind="stable")[:, :num]
    kept_BC = np.take_along_axis(left_BC, order_BC, axis=1)
    return (
        np.where(kept_BC, np.take_along_axis(rows_BC, order_BC, axis=1), NO_ITEM).astype(np.int32),
        np.where(kept_BC, np.take_along_axis(scores_BC, order_BC, axis=1), np.float32(0.0)),
    )


def gather(
    said: Contributions, candidates_BC: NDArray[np.int32], num_recent: int, num_items: int
) -> NDArray[np.float32]:
    """What each event says for each candidate [B, H, C, V]; candidates ascend in each row, then -1."""
    num_users, num_candidates = candidates_BC.shape
    end_BC = np.where(candidates_BC == NO_ITEM, num_items, candidates_BC)
    keys_Y = (np.arange(num_users)[:, None] * np.int64(num_items + 1) + end_BC).ravel()
    keys_X = said.users_X * np.int64(num_items + 1) + said.rows_X
    found_X = np.minimum(np.searchsorted(keys_Y, keys_X), len(keys_Y) - 1)
    matched_X = keys_Y[found_X] == keys_X
    users_X, columns_X = np.divmod(found_X[matched_X], num_candidates)
    places_Y = (users_X * num_recent + said.places_X[matched_X]) * num_candidates + columns_X
    # voice by voice, because only single numbers are added quickly where some places come twice
    said_VY = np.zeros((said.voices_XV.shape[1], num_users * num_recent * num_candidates), np.float32)
    for said_Y, voice_X in zip(said_VY, said.voices_XV[matched_X].T, strict=True):
        np.add.at(said_Y, places_Y, np.ascontiguousarray(voice_X))
    return np.moveaxis(said_VY.reshape(len(said_VY), num_users, num_recent, num_candidates), 0, -1)
