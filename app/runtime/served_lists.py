"""Lists that were served: written down beside the answers, never before them, and found again.

An answer does not wait for the disk. What a process that is killed has not written yet, a fraction of a second of
lists, is lost, and what happens to those lists counts as unattributed.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Final, TypeVar

import orjson

from app.observability.logs import get_log
from app.runtime.going_on import going_on
from app.runtime.recommendation_id import age_seconds
from app.store.engine import Transaction
from app.store.lists import ListedItems, ServedList
from app.store.outcomes import Arm, Exposure
from app.store.store import Store
from models.domain.errors import StoreError

MOST_WAITING: Final = 10_000
"""About 20 MB of lists of ten. More come faster than they can be written, or the database is away."""
MOST_WAITING_BYTES: Final = 32 * 2**20
"""Of lists as JSON, which take four times as much in memory: hundreds of the longest lists and histories."""
EVERY_SECONDS: Final = 0.2
LISTS_A_TRANSACTION: Final = 100
RETRY_SECONDS: Final = 1.0
CLOSING_SECONDS: Final = 10.0
JUST_MADE_SECONDS: Final = 5.0
"""Within this, another process may not have written a list yet."""

Found = TypeVar("Found")

log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    served: ServedList
    num_shown: int
    num_bytes: int


class ServedLists:
    """Takes lists at once, writes them soon."""

    def __init__(
        self,
        store: Store,
        *,
        kept: timedelta,
        most_waiting: int = MOST_WAITING,
        most_waiting_bytes: int = MOST_WAITING_BYTES,
    ) -> None:
        """`kept`: how long a list can be found again."""
        self.kept = kept
        self.num_dropped = 0
        """Lists that were not written down: because too many waited, or because they cannot be."""
        self._store = store
        self._most_waiting = most_waiting
        self._most_waiting_bytes = most_waiting_bytes
        self._waiting: dict[str, _Waiting] = {}
        self._num_bytes_waiting = 0
        self._come = asyncio.Event()
        self._writing = asyncio.Lock()
        self._task = asyncio.create_task(self._write_forever())

    @property
    def num_waiting(self) -> int:
        """Lists that are not written yet."""
        return len(self._waiting)

    def record(self, served: ServedList, num_shown: int | None = None) -> bool:
        """Keeps the list, of which the first `num_shown` items were answered (all: None). Takes no time to speak of.

        False where there is no room: then nobody finds it again.
        """
        try:
            num_bytes = len(orjson.dumps([served.request, served.items]))
        except TypeError:  # as the database would find later
            self.num_dropped += 1
            log.exception("a served list is no JSON")
            return False
        is_full = self._num_bytes_waiting + num_bytes > self._most_waiting_bytes
        if is_full or len(self._waiting) >= self._most_waiting:
            self.num_dropped += 1
            return False
        self.take_back([served.recommendation_id])
        shown = len(served.items) if num_shown is None else num_shown
        self._waiting[served.recommendation_id] = _Waiting(served, shown, num_bytes)
        self._num_bytes_waiting += num_bytes
        self._come.set()
        return True

    def take_back(self, recommendation_ids: Iterable[str]) -> None:
        """Lists that nobody was answered are not written, and not counted, if they are not written yet."""
        for one in recommendation_ids:
            if (waiting := self._waiting.pop(one, None)) is not None:
                self._num_bytes_waiting -= waiting.num_bytes

    async def get(self, recommendation_id: str) -> ServedList | None:
        """The list, or None where it never was, has expired or was erased."""
        return (await self.find([recommendation_id])).get(recommendation_id)

    async def find(self, recommendation_ids: Collection[str]) -> dict[str, ServedList]:
        """Those of the lists that there are, written or not.

        One that is not there but was made a moment ago is waited for: another process may be about to write it.
        """
        found = {one: self._waiting[one].served for one in recommendation_ids if one in self._waiting}
        missing = [one for one in recommendation_ids if one not in found]
        return found | await _written(missing, self._store.lists.get_many)

    async def listed(self, asked: Mapping[str, Collection[str]]) -> dict[str, ListedItems]:
        """What events are put down by, as `find` finds it. `asked`: recommendation id → items that may stand in it."""
        waiting = [self._waiting[one].served for one in asked if one in self._waiting]
        found = await asyncio.to_thread(_listed, waiting, asked) if waiting else {}
        missing = [one for one in asked if one not in found]
        return found | await _written(missing, lambda ids: self._store.lists.listed({one: asked[one] for one in ids}))

    async def flush(self) -> None:
        """Returns when all that was recorded before is written. Raises StoreError."""
        left = len(self._waiting)
        async with self._writing:
            while left > 0 and self._waiting:
                batch = list(islice(self._waiting.values(), LISTS_A_TRANSACTION))
                await self._write_what_can_be(batch)
                left -= len(batch)

    async def close(self) -> None:
        """Writes what waits; tells what could not be written."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        try:
            await asyncio.wait_for(self.flush(), CLOSING_SECONDS)
        except (StoreError, TimeoutError) as error:
            log.warning("served lists are lost", lists=len(self._waiting), reason=str(error) or "the time was over")
        except Exception:  # an entry point: what is closed after this must be closed
            log.exception("served lists are lost", lists=len(self._waiting))

    async def _write_forever(self) -> None:
        while True:
            await self._come.wait()
            await asyncio.sleep(EVERY_SECONDS)
            self._come.clear()
            with going_on("served lists are not written yet", lists=len(self._waiting)):
                await self.flush()
                continue
            self._come.set()
            await asyncio.sleep(RETRY_SECONDS)

    async def _write_what_can_be(self, batch: Sequence[_Waiting]) -> None:
        """Afterwards none of them waits. One that can never be written keeps no other back. Raises StoreError."""
        try:
            await self._write(batch)
        except StoreError:
            raise
        except Exception:  # whatever it is, it belongs to one of the lists
            if len(batch) > 1:
                for one in batch:
                    await self._write_what_can_be([one])
                return
            self.num_dropped += 1
            log.exception("a served list cannot be written")
        self.take_back(one.served.recommendation_id for one in batch if self._waits(one))

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        async def work(transaction: Transaction) -> None:
            still = [one for one in batch if self._waits(one)]  # the transaction may have been waited for
            new = await self._store.lists.add([one.served for one in still], within=transaction)
            shown = _exposures([one for one in still if one.served.recommendation_id in new])
            await self._store.outcomes.add_exposures(shown, within=transaction)

        await self._store.database.write(work)

    def _waits(self, one: _Waiting) -> bool:
        return self._waiting.get(one.served.recommendation_id) is one


def arm_of(served: ServedList) -> Arm:
    """What the list is compared by."""
    return Arm(model_version=served.model_version, experiment_id=served.experiment_id, variant_id=served.variant_id)


async def _written(
    missing: Sequence[str], read: Callable[[Sequence[str]], Awaitable[dict[str, Found]]]
) -> dict[str, Found]:
    if not missing:
        return {}
    found = await read(missing)
    if just_made := [one for one in missing if one not in found and _is_just_made(one)]:
        await asyncio.sleep(2 * EVERY_SECONDS)
        found |= await read(just_made)
    return found


def _listed(waiting: Sequence[ServedList], asked: Mapping[str, Collection[str]]) -> dict[str, ListedItems]:
    return {
        one.recommendation_id: ListedItems(
            arm=arm_of(one),
            created_at=one.created_at,
            item_ids=frozenset(asked[one.recommendation_id]).intersection(item["item_id"] for item in one.items),
        )
        for one in waiting
    }


def _exposures(batch: Sequence[_Waiting]) -> list[Exposure]:
    times_shown: dict[tuple[date, Arm], Counter[str]] = defaultdict(Counter)
    num_lists: Counter[tuple[date, Arm]] = Counter()
    for one in batch:
        key = (one.served.created_at.date(), arm_of(one.served))
        num_lists[key] += 1
        times_shown[key].update(item["item_id"] for item in one.served.items[: one.num_shown])
    return [
        Exposure(day=day, arm=arm, lists=num_lists[day, arm], times_shown=times_shown[day, arm])
        for day, arm in num_lists
    ]


def _is_just_made(recommendation_id: str) -> bool:
    age = age_seconds(recommendation_id)
    return age is not None and abs(age) < JUST_MADE_SECONDS
