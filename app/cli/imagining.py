"""`figment concepts` and `figment synthesize`: what does not exist, from a bundle and files."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from app.cli.bundles import named_bundle
from app.cli.parts import ColumnMap, column_map_of, interruptible, refuse_unwritable_file
from models.domain.errors import SettingsRefused

if TYPE_CHECKING:
    import polars as pl

    from models.domain.events import HistoryEvent
    from models.domain.filter import Filter
    from models.domain.progress import Progress
    from models.synthesis.walk import Beginning
    from models.synthesis.workshop import Workshop

MAX_SEED = 2**63 - 1
MAX_MADE = 10_000_000
Bundle = Annotated[Path, named_bundle("The bundle that imagines.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, max=MAX_SEED, help="Of everything drawn.")]
FilterText = Annotated[
    str | None, typer.Option("--filter", metavar="JSON", help="The segment: items, as in the filters of requests.")
]
SegmentEvents = Annotated[
    Path | None, typer.Option("--events", metavar="FILE", help="The segment: histories; .parquet, .csv or .jsonl.")
]
Num = Annotated[int, typer.Option("--num", metavar="N", min=1, max=MAX_MADE, help="How many.")]
Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="Rows: .parquet, .csv or .jsonl.")]


class Segment(NamedTuple):
    """Whose sessions or items: as the options say it."""

    filter_text: str | None
    events: Path | None
    column_map: list[str] | None


synthesize_cli = typer.Typer(no_args_is_help=True, help="Make shoppers and items that do not exist.")


def concepts(
    bundle: Bundle,
    events: Annotated[Path, typer.Option("--events", metavar="FILE", help="Shoppers: .parquet, .csv or .jsonl.")],
    filter_text: FilterText = None,
    column_map: ColumnMap = None,
    n: Annotated[int, typer.Option("--n", metavar="N", min=1, max=50, help="Most concepts.")] = 10,
    novelty: Annotated[float, typer.Option("--novelty", min=0, max=1, help="How far from what exists.")] = 0.5,
    seed: Seed = 0,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write them there.")] = None,
) -> None:
    """Ideas for products that the shop does not have, from the events of its shoppers."""
    import json

    with interruptible("nothing was written"):
        from app.observability.progress import TaskProgress
        from models.concepts.imagine import imagine
        from models.concepts.table import as_documents, render_concepts
        from models.synthesis.segment import stored_segment

        if json_file:
            refuse_unwritable_file("--json", json_file)
        with TaskProgress() as progress:
            progress.start("opening the bundle")
            workshop = _workshop(bundle)
            segment = stored_segment(workshop, _histories(events, column_map), _filter(filter_text))
            progress.finish(f"{len(segment):,} shoppers")
            progress.start("imagining")
            found = imagine(workshop, segment, n=n, novelty=novelty, seed=seed)
            progress.finish(f"{len(found.concepts)} concepts from the wishes of {found.num_shoppers} shoppers")
        if json_file:
            json_file.write_text(json.dumps(as_documents(workshop, found, seed), indent=1) + "\n", encoding="utf-8")
        print(render_concepts(workshop, found))


@synthesize_cli.command("sessions")
def sessions(
    bundle: Bundle,
    num: Num,
    out: Out,
    filter_text: FilterText = None,
    events: SegmentEvents = None,
    column_map: ColumnMap = None,
    seed: Seed = 0,
) -> None:
    """Sessions of shoppers who do not exist, as the events of a dataset, each row labelled synthetic."""
    from models.synthesis.walk import walked_frames

    def walked(workshop: "Workshop", begin: "Beginning", progress: "Progress") -> "Iterator[pl.DataFrame]":
        return walked_frames(workshop, begin, num, seed, progress)

    num_events = _made(bundle, out, Segment(filter_text, events, column_map), walked)
    print(f"{num:,} sessions, {num_events:,} events in {out}")


@synthesize_cli.command("items")
def items(
    bundle: Bundle,
    num: Num,
    out: Out,
    filter_text: FilterText = None,
    events: SegmentEvents = None,
    column_map: ColumnMap = None,
    seed: Seed = 0,
) -> None:
    """Catalogue rows of items that do not exist, each row labelled synthetic."""
    from models.synthesis.items import item_frames

    def decoded(workshop: "Workshop", begin: "Beginning", progress: "Progress") -> "Iterator[pl.DataFrame]":
        return item_frames(workshop, begin, num, seed, progress)

    num_items = _made(bundle, out, Segment(filter_text, events, column_map), decoded)
    print(f"{num_items:,} items in {out}")


def _made(
    bundle: Path,
    out: Path,
    segment: Segment,
    make: "Callable[[Workshop, Beginning, Progress], Iterator[pl.DataFrame]]",
) -> int:
    """How many rows were made and written."""
    with interruptible("nothing was written"):
        from app.observability.progress import TaskProgress
        from models.data.write_table import refuse_unwritable_table, write_batches

        refuse_unwritable_table(out, "rows")
        with TaskProgress() as progress:
            workshop = _workshop(bundle)
            return write_batches(make(workshop, _beginning(workshop, segment), progress), out)


def _workshop(bundle: Path) -> "Workshop":
    from models.recommend.recommender import Recommender
    from models.synthesis.workshop import Workshop

    return Workshop(Recommender.open(bundle, threads=2))


def _beginning(workshop: "Workshop", segment: Segment) -> "Beginning":
    from models.synthesis.segment import posted_segment
    from models.synthesis.walk import beginning

    if segment.filter_text is not None and segment.events:
        raise SettingsRefused("--filter and --events are two ways to say whose sessions: give one")
    if segment.events:
        histories = _histories(segment.events, segment.column_map)
        return beginning(workshop, histories=posted_segment(workshop, histories))
    return beginning(workshop, _filter(segment.filter_text))


def _filter(text: str | None) -> "Filter | None":
    import json

    from models.domain.filter import parse_filter

    if text is None:
        return None
    try:
        return parse_filter(json.loads(text), ("filter",))
    except ValueError as error:
        raise SettingsRefused(f"--filter is not JSON: {error}") from None


def _histories(file: Path, column_map: list[str] | None) -> "list[list[HistoryEvent]]":
    """One for each shopper of an events file."""
    import polars as pl

    from app.observability.data_losses import tell_losses
    from models.data.read import load_events
    from models.domain.events import HistoryEvent

    loaded = load_events(file, column_map=column_map_of(column_map))
    tell_losses(loaded.report)
    table = loaded.events.with_columns(pl.col("user_id", "item_id", "event_type").cast(pl.String))
    rows = table.select("user_id", "item_id", "event_type", pl.col("timestamp").dt.epoch("s"))
    histories: dict[str, list[HistoryEvent]] = {}
    for user_id, item_id, event_type, moment in rows.iter_rows():
        histories.setdefault(user_id, []).append(HistoryEvent(item_id, event_type, float(moment)))
    return list(histories.values())


def add_to(cli: typer.Typer) -> None:
    """Both verbs."""
    cli.command()(concepts)
    cli.add_typer(synthesize_cli, name="synthesize")
