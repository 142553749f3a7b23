"""UCI Online Retail as a dataset folder: real purchases at a British gift shop, December 2010 to December 2011.

D. Chen, UCI Machine Learning Repository, doi:10.24432/C5BW33, CC BY 4.0. The publisher gives no checksum. Those below
are of the archive and the workbook as many independent public projects have recorded them; they were not taken from a
download of our own. Whoever sees another checksum holds another file, which is refused, not guessed at.

Kept are rows with a known customer and a quantity above 0 (a cancellation has a negative one): 397,924 of 541,909.
Forty of them cost nothing; they are purchases all the same. The catalogue has every product that was ever sold for
money, also to unknown customers. Times are those of the shop's clock, read as UTC.
"""

import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from models.data.sources.download import download, save_known
from models.data.sources.folder import is_written, write_folder
from models.domain.errors import DatasetError
from models.domain.progress import NoProgress, Progress

NAME: Final = "UCI Online Retail"
ARCHIVE_URL: Final = "https://archive.ics.uci.edu/static/public/352/online+retail.zip"
ARCHIVE_BYTES: Final = 23_715_478
ARCHIVE_SHA256: Final = "f5385cbb54bbebf7196389109c6b0621faab0c304e3702548165e71c84aede8b"
WORKBOOK_NAME: Final = "Online Retail.xlsx"
WORKBOOK_BYTES: Final = 23_715_344
WORKBOOK_SHA256: Final = "43465a06f2ccf7c8b5bd2892bc7defb52f97487934fe93b16ae4c3936424676d"
NUM_ROWS: Final = 541_909
NUM_PURCHASES: Final = 397_924
COLUMN_TYPES: Final = {
    "InvoiceNo": pl.String(),
    "StockCode": pl.String(),
    "Description": pl.String(),
    "Quantity": pl.Int64(),
    "UnitPrice": pl.Float64(),
    "CustomerID": pl.String(),
}
"""Given, because the first rows mislead. Invoice, product and customer numbers are names, and some have letters."""


@dataclass(frozen=True, slots=True)
class Converted:
    """Both tables of the dataset, and how many rows the workbook had."""

    catalogue: pl.DataFrame
    events: pl.DataFrame
    num_rows: int


def write_online_retail(folder: Path, progress: Progress, file: Path | None = None) -> Path:
    """The dataset folder; nothing is done where it is already there.

    `file`: the archive or the workbook, already fetched; without it the archive is downloaded.
    """
    if is_written(folder, NAME):
        return folder
    with tempfile.TemporaryDirectory(prefix="figment-online-retail-") as name:
        workbook = _workbook(Path(name), file, progress)
        progress.start("UCI Online Retail: read the workbook and convert")
        converted = convert_workbook(workbook)
    counts = (converted.num_rows, converted.events.height)
    if counts != (NUM_ROWS, NUM_PURCHASES):
        raise DatasetError(f"the workbook was read as {counts} rows and purchases, not {(NUM_ROWS, NUM_PURCHASES)}")
    info = {
        "name": NAME,
        "source": "D. Chen, UCI Machine Learning Repository, doi:10.24432/C5BW33",
        "licence": "CC BY 4.0",
        "time": "real",
        "caveat": "Many customers are wholesalers. Times are the shop's local ones, read as UTC.",
        "rows": {
            "read": converted.num_rows,
            "dropped_no_customer_or_quantity_not_positive": converted.num_rows - converted.events.height,
        },
    }
    write_folder(folder, info, converted.catalogue, converted.events)
    progress.finish(f"{converted.catalogue.height:,} items, {converted.events.height:,} purchases")
    return folder


def convert_workbook(workbook: Path) -> Converted:
    """The workbook's first sheet as the two tables."""
    rows = _read_sheet(workbook)
    purchases = rows.filter(pl.col("user_id").is_not_null() & (pl.col("quantity") > 0))
    sold = rows.filter((pl.col("quantity") > 0) & (pl.col("unit_price") > 0))
    title = pl.col("title").drop_nulls()
    catalogue = (
        pl.concat([sold, purchases.join(sold, on="item_id", how="anti")])
        .group_by("item_id")
        .agg(
            title.mode().sort().first().alias("title"),  # the most frequent spelling; of equals the first in order
            pl.col("unit_price").filter(pl.col("unit_price") > 0).median().alias("price"),
        )
        .sort("item_id")
    )
    columns = ["user_id", "item_id", "timestamp", "event_type", "session_id", "quantity", "unit_price"]
    events = purchases.with_columns(pl.lit("purchase").alias("event_type")).select(columns)
    return Converted(catalogue, events.sort("user_id", "timestamp", maintain_order=True), rows.height)


def _workbook(folder: Path, file: Path | None, progress: Progress) -> Path:
    """The workbook with the known checksum, in that folder."""
    workbook = folder / WORKBOOK_NAME
    if file is not None and file.suffix == ".xlsx":
        with file.open("rb") as stream:
            save_known(stream, workbook, num_bytes=WORKBOOK_BYTES, sha256=WORKBOOK_SHA256, progress=NoProgress())
        return workbook
    archive = folder / "online_retail.zip"
    if file is None:
        download(ARCHIVE_URL, archive, num_bytes=ARCHIVE_BYTES, sha256=ARCHIVE_SHA256, progress=progress)
    else:
        with file.open("rb") as stream:
            save_known(stream, archive, num_bytes=ARCHIVE_BYTES, sha256=ARCHIVE_SHA256, progress=NoProgress())
    # a zipped file reads like any other, but is typed as a stream of its own
    with zipfile.ZipFile(archive) as zipped, zipped.open(WORKBOOK_NAME) as stream:
        save_known(stream, workbook, num_bytes=WORKBOOK_BYTES, sha256=WORKBOOK_SHA256, progress=NoProgress())  # type: ignore[arg-type]
    return workbook


def _read_sheet(workbook: Path) -> pl.DataFrame:
    """All rows under our names."""
    try:
        sheet = pl.read_excel(workbook, engine="calamine", schema_overrides=COLUMN_TYPES)
    except ModuleNotFoundError as error:
        raise DatasetError(f'reading .xlsx needs {error.name}: pip install "figment[demo]"') from error
    return sheet.select(
        pl.col("InvoiceNo").str.strip_suffix(".0").alias("session_id"),
        pl.col("StockCode").str.strip_suffix(".0").alias("item_id"),
        pl.col("Description").str.strip_chars().alias("title"),
        pl.col("Quantity").alias("quantity"),
        pl.col("InvoiceDate").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("timestamp"),
        pl.col("UnitPrice").alias("unit_price"),
        pl.col("CustomerID").str.strip_suffix(".0").alias("user_id"),
    )
