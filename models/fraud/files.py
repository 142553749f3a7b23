"""`figment fraud sessions` and `figment fraud items`: a verdict for every shopper, or listing, of a file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from models.data.check import CheckReport
from models.data.read import NO_COLUMN_MAP, load_events, load_items
from models.data.sequences_from_events import sequences_from_events
from models.data.write_table import refuse_unwritable_table, write_table
from models.domain.progress import NoProgress, Progress
from models.fraud.listing_verdicts import ListingChecker, ListingVerdict
from models.fraud.open import listing_judgement, open_detector
from models.fraud.sessions import SessionChecker, SessionVerdict, read_histories
from models.recommend.recommender import Recommender

LISTINGS_PER_CALL: Final = 256
SESSION_SCHEMA: Final[Mapping[str, type[pl.DataType]]] = {
    "user_id": pl.String,
    "score": pl.Float64,
    "calibrated_probability": pl.Float64,
    "decision": pl.String,
    "least_plausible_item_id": pl.String,
    "least_plausible_percentile": pl.Float64,
    "group_item_id": pl.String,
    "group_sessions": pl.Int64,
    "group_expected": pl.Float64,
}
LISTING_SCHEMA: Final[Mapping[str, type[pl.DataType]]] = {
    "item_id": pl.String,
    "score": pl.Float64,
    "calibrated_probability": pl.Float64,
    "decision": pl.String,
    "field": pl.String,
    "value": pl.String,
    "usual": pl.String,
    "nearest_item_id": pl.String,
    "nearest_cosine": pl.Float64,
}


class Written(NamedTuple):
    """What became of a file."""

    num_scored: int
    num_review: int
    """Of those that were scored."""
    num_short: int
    """With too little to judge by."""


def score_events(
    bundle: Path,
    events: Path,
    out: Path,
    progress: Progress = NoProgress(),  # noqa: B008 - stateless
    tell: Callable[[CheckReport], None] | None = None,
    column_map: Mapping[str, str] = NO_COLUMN_MAP,
) -> Written:
    """Write a verdict for every shopper of an events file, the most suspicious first.

    From `MIN_POOL` that can be judged on they are one group.

    Raises BundleError, ModelLacks for a bundle without a detector, and InputError for a file that cannot be used.
    """
    refuse_unwritable_table(out, "scores")
    recommender = Recommender.open(bundle)
    checker = SessionChecker(recommender, open_detector(recommender.folder, recommender.manifest))
    loaded = load_events(events, column_map=column_map)
    if tell:
        tell(loaded.report)
    manifest = recommender.manifest
    histories = sequences_from_events(
        loaded.events, recommender.item_ids, time=manifest.dataset.time, seed=int(manifest.split["seed"])
    )
    progress.start("asking about every step")
    verdicts = checker.judge(read_histories(histories))
    progress.finish()
    rows = [_session_row(user_id, verdict) for user_id, verdict in zip(histories.user_ids, verdicts, strict=True)]
    write_table(_most_suspicious_first(pl.DataFrame(rows, schema=SESSION_SCHEMA, orient="row")), out)
    num_judged = sum(verdict.score is not None for verdict in verdicts)
    num_short = loaded.report.num_users - num_judged
    return Written(num_judged, sum(verdict.decision == "review" for verdict in verdicts), num_short)


def score_catalogue(
    bundle: Path,
    catalogue: Path,
    out: Path,
    progress: Progress = NoProgress(),  # noqa: B008 - stateless
    tell: Callable[[CheckReport], None] | None = None,
    column_map: Mapping[str, str] = NO_COLUMN_MAP,
) -> Written:
    """Write a verdict for every item of a catalogue file that has a text, the most suspicious first.

    Raises as `score_events` does.
    """
    refuse_unwritable_table(out, "scores")
    recommender = Recommender.open(bundle)
    detector = open_detector(recommender.folder, recommender.manifest)
    checker = ListingChecker(recommender, listing_judgement(detector, recommender.manifest))
    read, report = load_items(catalogue, column_map=column_map)
    if tell:
        tell(report)
    items = read.to_dicts()
    with_text = [item for item in items if checker.has_text(item)]
    progress.start("comparing listings", total=len(with_text))
    rows = []
    for start in range(0, len(with_text), LISTINGS_PER_CALL):
        some = with_text[start : start + LISTINGS_PER_CALL]
        rows += [_listing_row(item["item_id"], each) for item, each in zip(some, checker.verdicts(some), strict=True)]
        progress.advance(len(some))
    progress.finish()
    table = pl.DataFrame(rows, schema=LISTING_SCHEMA, orient="row")
    write_table(_most_suspicious_first(table), out)
    return Written(len(table), int((table["decision"] == "review").sum()), len(items) - len(with_text))


def _session_row(user_id: str, verdict: SessionVerdict) -> tuple[object, ...]:
    least = verdict.evidence[0] if verdict.evidence else None
    group = verdict.group
    return (
        *(user_id, verdict.score, verdict.probability, verdict.decision),
        *((least.item_id, least.percentile) if least else (None, None)),
        *((group.item_id, group.histories, group.expected) if group else (None, None, None)),
    )


def _listing_row(item_id: object, verdict: ListingVerdict) -> tuple[object, ...]:
    worst = verdict.evidence[0] if verdict.evidence else None
    return (
        *(item_id, verdict.score, verdict.probability, verdict.decision),
        *((worst.field, str(worst.value), str(worst.usual)) if worst else (None, None, None)),
        *(verdict.nearest[0] if verdict.nearest else (None, None)),
    )


def _most_suspicious_first(table: pl.DataFrame) -> pl.DataFrame:
    return table.sort("score", descending=True, nulls_last=True)
