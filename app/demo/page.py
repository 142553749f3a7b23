"""What the demo prints: a table for each shopper, and honest figures below."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.demo.shoppers import Shopper
from models.bundle.manifest import Manifest
from models.data.dataset import Dataset
from models.domain.counted import counted

NUM_SHOWN_OF_HISTORY: Final = 5
SHOWN_PROPERTIES: Final = ("title", "brand", "category", "price")
COMPARED: Final = ("buy-again", "item-knn+content", "item-knn", "popularity")
WIDTH: Final = 100
"""Of what is printed into a file or a pipe."""


def open_page() -> Console:
    """Standard output, wide enough for titles."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH)


def print_shopper(page: Console, shopper: Shopper, items: Sequence[Mapping[str, Any]], dataset: Dataset) -> bool:
    """One shopper's table; whether the list holds something that was really bought next."""
    row_of = {item_id: row for row, item_id in enumerate(dataset.catalogue["item_id"].to_list())}
    page.print()
    length = counted(len(shopper.history), "event")
    page.print(f"[bold]Shopper {escape(shopper.user_id)}[/bold], last of {length}, newest first:")
    for event in reversed(shopper.history[-NUM_SHOWN_OF_HISTORY:]):
        properties = dataset.catalogue.row(row_of[event["item_id"]], named=True)
        page.print(f"  {event['event_type'].replace('_', ' ')}: {escape(_name(event['item_id'], properties))}")
    hits = [item for item in items if item["item_id"] in shopper.bought_next]
    table = Table(box=None, padding=(0, 1))
    table.add_column("", justify="right")
    table.add_column("recommended", overflow="ellipsis", no_wrap=True)
    table.add_column("score", justify="right")
    table.add_column("price", justify="right")
    table.add_column("bought next", justify="center", no_wrap=True)
    for item in items:
        price = item["properties"].get("price")
        table.add_row(
            str(item["rank"]),
            escape(_name(item["item_id"], item["properties"])),
            f"{item['score']:.3f}",
            "" if price is None else _price(price),
            "✓" if item["item_id"] in shopper.bought_next else "",
        )
    page.print(table)
    page.print(f"  Really bought next: {counted(len(shopper.bought_next), 'item')}; in the list: {len(hits)}.")
    return bool(hits)


def print_figures(page: Console, manifest: Manifest, num_hits: int, num_shoppers: int) -> None:
    """How many lists held a hit, and the measures over all held-out shoppers beside simpler systems."""
    page.print()
    page.print(
        f"{num_hits} of {counted(num_shoppers, 'list')} {'holds' if num_hits == 1 else 'hold'} something that the"
        " shopper really bought next. So few prove nothing;"
        f" over all held-out shoppers ({manifest.split['kind']} split, every item ranked,"
        f" seen items {'left out' if manifest.exclude_seen else 'kept in'}):"
    )
    table = Table(box=None, padding=(0, 1))
    table.add_column("system")
    table.add_column("HR@10", justify="right")
    table.add_column("NDCG@10", justify="right")
    for name in (manifest.serves, *COMPARED):
        row = manifest.scoreboard.get(name)
        if row is not None:
            served = " (this service)" if name == manifest.serves else ""
            table.add_row(f"{name}{served}", _figure(row.get("hr@10")), _figure(row.get("ndcg@10")))
    page.print(table)


def print_source(page: Console, dataset: Dataset, folder: Path) -> None:
    """Where the data come from and what they can prove."""
    info = dataset.info
    page.print()
    page.print(
        f"Data: {escape(info.name)}; source: {escape(info.source or 'not stated')};"
        f" licence: {escape(info.licence or 'not stated')}."
    )
    if caveat := _caveat(folder):
        page.print(f"Caveat: {escape(caveat)}")


def _caveat(folder: Path) -> str | None:
    file = folder / "dataset.json"
    caveat = orjson.loads(file.read_bytes()).get("caveat") if file.is_file() else None
    return caveat if isinstance(caveat, str) else None


def _name(item_id: str, properties: Mapping[str, Any]) -> str:
    """The title; without one, brand and last step of the category; the id where nothing is known."""
    if properties.get("title"):
        return str(properties["title"])
    category = str(properties.get("category") or "").rpartition(" > ")[2]
    words = ", ".join(str(part) for part in (properties.get("brand"), category) if part)
    return f"{words} ({item_id})" if words else item_id


def _price(price: float) -> str:
    return f"{price:.2f}" if price >= 0.1 else f"{price:.4f}"  # petrol by the millilitre


def _figure(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4f}"
