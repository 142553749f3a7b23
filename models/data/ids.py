"""Ids: whatever the file holds → text that `models.domain.ids.is_usable_id` takes."""

from typing import Final

import polars as pl

from models.data.check import Findings
from models.domain.ids import is_printable
from models.domain.recommendation import MAX_ID_CHARACTERS

UNUSUAL: Final = r"[^\x20-\x7E]"
"""What is worth a look by `is_printable`, one text at a time."""


def id_text(values: pl.Series) -> pl.Series:
    """Ids as text; whole numbers as their decimals, also where a column of numbers with gaps was kept as floats."""
    if values.dtype.is_float():
        whole = values.cast(pl.Int64, strict=False)
        is_whole = (whole.cast(values.dtype) == values).fill_null(False)
        return pl.select(pl.when(is_whole).then(whole.cast(pl.String)).otherwise(values.cast(pl.String))).to_series()
    return values.cast(pl.String)


def unusable_ids(
    ids: pl.Series, rows: pl.Series, findings: Findings, *, file: str, column: str, dropped: str
) -> pl.Series:
    """True where the id is missing or `is_usable_id` refuses it; each kind is reported. `ids`: text of any type."""
    distinct = ids.unique().cast(pl.String)
    blank = distinct.str.strip_chars().str.len_chars() == 0
    unusual = distinct.filter(distinct.str.contains(UNUSUAL))
    unprintable = pl.Series([text for text in unusual if not is_printable(text)], dtype=pl.String)
    kinds = {
        "unprintable id": distinct.is_in(unprintable.implode()) & ~blank,
        f"id of more than {MAX_ID_CHARACTERS} characters": (distinct.str.len_chars() > MAX_ID_CHARACTERS) & ~blank,
    }
    unusable = ids.is_null()
    if blank.any():
        unusable = unusable | _is_among(ids, distinct.filter(blank))
    findings.note_rows(unusable, rows, file=file, column=column, what="empty id", consequence=dropped)
    for what, mask in kinds.items():
        if mask.any():
            found = _is_among(ids, distinct.filter(mask))
            findings.note_rows(found, rows, file=file, column=column, what=what, consequence=dropped, values=ids)
            unusable = unusable | found
    return unusable


def _is_among(ids: pl.Series, wanted: pl.Series) -> pl.Series:
    return ids.is_in(wanted.cast(ids.dtype).implode()).fill_null(False)
