"""Histories of many users as one flat array each, cut by offsets."""

# U users, E events of all users

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Sequences:
    """Users' events end to end, oldest first: user u owns `offsets_U1[u]:offsets_U1[u + 1]`."""

    user_ids: Sequence[str]
    offsets_U1: NDArray[np.int64]
    item_rows_E: NDArray[np.int32]
    """Rows of the catalogue."""
    event_types_E: NDArray[np.int8]
    """Places in `EVENT_TYPES`."""
    timestamps_E: NDArray[np.int64]
    """Epoch seconds, UTC; -1 where unknown or where times only stand for positions."""

    @classmethod
    def joined(cls, parts: "Sequence[Sequences]") -> "Sequences":
        """All users, part after part; at least one part. A user of several parts is several users."""
        return cls(
            user_ids=[user_id for part in parts for user_id in part.user_ids],
            offsets_U1=joined_offsets([part.offsets_U1 for part in parts]),
            item_rows_E=np.concatenate([part.item_rows_E for part in parts]),
            event_types_E=np.concatenate([part.event_types_E for part in parts]),
            timestamps_E=np.concatenate([part.timestamps_E for part in parts]),
        )

    @property
    def num_users(self) -> int:
        """Number of users."""
        return len(self.user_ids)

    @property
    def num_events(self) -> int:
        """Number of events of all users."""
        return len(self.item_rows_E)

    @property
    def lengths_U(self) -> NDArray[np.int64]:
        """Events of each user."""
        return np.diff(self.offsets_U1)

    def items_of(self, user: int) -> NDArray[np.int32]:
        """Item rows of one user, oldest first."""
        return self.item_rows_E[self.offsets_U1[user] : self.offsets_U1[user + 1]]

    def users_of_events_E(self) -> NDArray[np.int64]:
        """The user's number for each event."""
        return np.repeat(np.arange(self.num_users), self.lengths_U)

    def take_events(self, mask_E: NDArray[np.bool_]) -> "Sequences":
        """Only the events where the mask is true; users keep their numbers, some may become empty."""
        kept_U = np.bincount(self.users_of_events_E()[mask_E], minlength=self.num_users)
        return Sequences(
            user_ids=self.user_ids,
            offsets_U1=np.concatenate([[0], np.cumsum(kept_U)]).astype(np.int64),
            item_rows_E=self.item_rows_E[mask_E],
            event_types_E=self.event_types_E[mask_E],
            timestamps_E=self.timestamps_E[mask_E],
        )

    def without_items(self, rows: NDArray[np.int32]) -> "Sequences":
        """Without the events of these items; users keep their numbers."""
        return self.take_events(~np.isin(self.item_rows_E, rows))

    def take_users(self, users: NDArray[np.int64]) -> "Sequences":
        """Only these users, in this order."""
        lengths = self.lengths_U[users]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        events = np.repeat(self.offsets_U1[users] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Sequences(
            user_ids=[self.user_ids[user] for user in users],
            offsets_U1=offsets,
            item_rows_E=self.item_rows_E[events],
            event_types_E=self.event_types_E[events],
            timestamps_E=self.timestamps_E[events],
        )


def joined_offsets(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Offsets of arrays that are laid end to end, each cut by its own."""
    return np.concatenate([[0], np.cumsum(np.concatenate([np.diff(part) for part in parts]))]).astype(np.int64)
