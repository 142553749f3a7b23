"""Rows of an array that is never copied, some replaced and more appended: what changes costs, and the rest nothing."""

# N rows in all, A replaced or appended, C that change

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class LayeredRows:
    """Reads like an array that is indexed by rows; never changed, the next state is another one."""

    base: NDArray[Any]
    layered: NDArray[np.int32]
    """The rows that are not the base's, ascending."""
    delta: NDArray[Any]
    """Their values."""
    slots: NDArray[np.int32]
    """For each row its place in `delta`, -1 where the base has it."""

    @classmethod
    def over(cls, base: NDArray[Any]) -> "LayeredRows":
        """The base as it is."""
        return cls(base, np.empty(0, np.int32), base[:0], np.full(len(base), -1, np.int32))

    def __len__(self) -> int:
        return len(self.slots)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """As NumPy's indexing by integer arrays; the first says the rows, a second the places in each."""
        rows, *rest = index if isinstance(index, tuple) else (index,)
        slots = self.slots[rows]
        added = slots >= 0
        if not np.any(added):
            return np.asarray(self.base[(rows, *rest)])
        found = np.array(self.base[(np.where(added, 0, rows), *rest)])
        found[added] = self.delta[(slots[added], *(each[added] for each in rest))]
        return found

    @property
    def shape(self) -> tuple[int, ...]:
        """As an array of all rows would have it."""
        return (len(self), *self.base.shape[1:])

    def changed(self, rows_C: NDArray[np.int32], values_C: NDArray[Any], num_rows: int) -> "LayeredRows":
        """With these values in these rows, which may lie beyond the last one; `num_rows` in all afterwards.

        Raises ValueError where a new row would have no value.
        """
        slots = np.concatenate([self.slots, np.full(num_rows - len(self), -1, np.int32)])
        rows_A = np.sort(np.concatenate([self.layered, rows_C[slots[rows_C] < 0].astype(np.int32)]))
        slots[rows_A] = np.arange(len(rows_A))
        if (slots[len(self.base) :] < 0).any():
            raise ValueError("a new row has no value")
        delta = np.empty((len(rows_A), *self.base.shape[1:]), self.base.dtype)
        delta[slots[self.layered]] = self.delta
        delta[slots[rows_C]] = values_C
        return LayeredRows(self.base, rows_A, delta, slots)


Rows: TypeAlias = NDArray[Any] | LayeredRows
"""What is only ever read by rows."""


def of_each(rows: Rows, ask: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
    """What `ask` tells of every row, in its last axis; base and delta are asked apart, so that no row is copied."""
    if not isinstance(rows, LayeredRows):
        return ask(rows)
    of_base, of_delta = ask(rows.base), ask(rows.delta)
    told = np.empty((*of_base.shape[:-1], len(rows)), of_base.dtype)
    told[..., : len(rows.base)] = of_base
    told[..., rows.layered] = of_delta
    return told


def layered(rows: Rows) -> LayeredRows:
    """The same rows, ready to be changed."""
    return rows if isinstance(rows, LayeredRows) else LayeredRows.over(rows)
