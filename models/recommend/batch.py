"""`figment recommend`: a list for every shopper of an events file."""

# U users, K places

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.data.check import CheckReport
from models.data.read import NO_COLUMN_MAP, load_events
from models.data.sequences import Sequences
from models.data.sequences_from_events import sequences_from_events
from models.data.write_table import refuse_unwritable_table, write_table
from models.domain.counted import counted
from models.domain.item_rows import NO_ITEM
from models.domain.progress import NoProgress, Progress
from models.recommend.recommender import Recommender
from models.recommend.systems import STAGE_OF, Wish

USERS_PER_CHUNK: Final = 2_048
THREADS: Final = 2
NO_PROGRESS: Final = NoProgress()


class ListsWritten(NamedTuple):
    """How many shoppers got a list, and how many of those got popular items for want of a known history."""

    num_users: int
    num_fallbacks: int


def recommend_file(
    bundle: Path,
    events: Path,
    out: Path,
    k: int,
    progress: Progress = NO_PROGRESS,
    tell: Callable[[CheckReport], None] | None = None,
    column_map: Mapping[str, str] = NO_COLUMN_MAP,
    wish: Wish = "auto",
) -> ListsWritten:
    """Write `user_id`, `item_id`, `rank` (from 1), `score` in the format of the file's name, whole or not at all.

    The lists are those that the service gives for the same histories; events of one moment have no order, and are put
    into one by the seed of training. Shoppers whose events name no known item get popular items. `tell` is given what
    was found while reading the events. Raises BundleError, and InputError for an events file that cannot be used.
    """
    refuse_unwritable_table(out, "lists")
    recommender = Recommender.open(bundle, threads=THREADS, wish=wish)
    loaded = load_events(events, column_map=column_map)
    if tell:
        tell(loaded.report)
    lists, written = recommend_events(recommender, loaded.events, k, progress)
    write_table(lists, out)
    progress.finish(counted(written.num_users, "shopper"))
    return written


def recommend_events(
    recommender: Recommender, events: pl.DataFrame, k: int, progress: Progress = NO_PROGRESS
) -> tuple[pl.DataFrame, ListsWritten]:
    """The lists of all shoppers of these events, as a table. A shopper's list does not depend on who else is there."""
    histories, disliked = _histories(events, recommender), _disliked(events, recommender)
    progress.start("recommending", total=histories.num_users)
    parts = []
    for start in range(0, histories.num_users, USERS_PER_CHUNK):
        users = np.arange(start, min(start + USERS_PER_CHUNK, histories.num_users))
        chunk = histories.take_users(users)
        parts.append(_table(recommender, chunk, *_ranked(recommender, chunk, k, disliked)))
        progress.advance(len(users))
    return pl.concat(parts), ListsWritten(histories.num_users, int((histories.lengths_U == 0).sum()))


def _histories(events: pl.DataFrame, recommender: Recommender) -> Sequences:
    """Every shopper of the file, those without a known item at the end with an empty history."""
    manifest = recommender.manifest
    seed = int(manifest.split["seed"])
    # by the event itself and not by its place: the same list whoever else is in the file
    named_E = pl.concat_str(pl.col("user_id", "item_id", "event_type").cast(pl.String), separator="\0")
    ties_E = events.select(named_E.hash(seed)).to_series().to_numpy()
    known = sequences_from_events(events, recommender.item_ids, time=manifest.dataset.time, seed=seed, ties_E=ties_E)
    named = set(known.user_ids)
    others = [user_id for user_id in events["user_id"].cast(pl.String).unique().sort() if user_id not in named]
    ends = np.full(len(others), known.num_events, np.int64)
    return Sequences(
        user_ids=[*known.user_ids, *others],
        offsets_U1=np.concatenate([known.offsets_U1, ends]),
        item_rows_E=known.item_rows_E,
        event_types_E=known.event_types_E,
        timestamps_E=known.timestamps_E,
    )


def _disliked(events: pl.DataFrame, recommender: Recommender) -> dict[str, list[int]]:
    """Rows of the items that each shopper disliked, oldest first: no history, and never listed."""
    dislikes = events.filter(pl.col("event_type").cast(pl.String) == "dislike").sort("timestamp", maintain_order=True)
    rows: dict[str, list[int]] = {}
    for user_id, item_id in dislikes.select(pl.col("user_id", "item_id").cast(pl.String)).iter_rows():
        if item_id in recommender.row_of:
            rows.setdefault(user_id, []).append(recommender.row_of[item_id])
    return rows


def _ranked(
    recommender: Recommender, users: Sequences, k: int, disliked: dict[str, list[int]]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    mask = recommender.catalogue.attributes.mask(None, include_out_of_stock=False)
    questions = [
        recommender.ranker.best_guess(
            users,
            number,
            k,
            recommender.manifest.exclude_seen,
            disliked_rows=np.array(list(dict.fromkeys(disliked.get(user_id, ()))), np.int32),
            mask=mask,
        )
        for number, user_id in enumerate(users.user_ids)
    ]
    return recommender.ranker.rank_all(questions, k, STAGE_OF[recommender.serves])


def _table(
    recommender: Recommender, users: Sequences, rows_UK: NDArray[np.int32], scores_UK: NDArray[np.float32]
) -> pl.DataFrame:
    listed_UK = rows_UK != NO_ITEM
    user_U, place_U = np.nonzero(listed_UK)
    return pl.DataFrame(
        {
            "user_id": np.array(users.user_ids, object)[user_U].tolist(),
            "item_id": np.array(recommender.item_ids, object)[rows_UK[listed_UK]].tolist(),
            "rank": pl.Series(place_U + 1, dtype=pl.Int32),
            "score": scores_UK[listed_UK],
        },
        schema_overrides={"user_id": pl.String, "item_id": pl.String},
    )
