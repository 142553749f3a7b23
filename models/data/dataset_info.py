"""`dataset.json`: what a dataset is called, where it comes from and what its times mean."""

import json
from pathlib import Path
from typing import Final, get_args

from models.data.check import Findings
from models.data.dataset import DatasetInfo, TimeMeaning

FILE_NAME: Final = "dataset.json"
KEYS: Final = ("name", "source", "licence", "caveat", "time", "rows")
"""The last counts what Figment's own sources read and dropped."""


def read_info(folder: Path, findings: Findings) -> DatasetInfo:
    """What the file says; where there is none, the folder's name and real times. Other keys are noted."""
    file = folder / FILE_NAME
    nothing_told = DatasetInfo(name=folder.resolve().name)
    if not file.is_file():
        return nothing_told
    try:
        told = json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        findings.fatal(FILE_NAME, f"not a JSON file: {error}")
        return nothing_told
    if not isinstance(told, dict):
        findings.fatal(FILE_NAME, "not a JSON object")
        return nothing_told
    findings.note_unread(FILE_NAME, "keys", [key for key in told if key not in KEYS])
    for key in ("name", "source", "licence"):
        if not isinstance(told.get(key), str | None):
            findings.fatal(FILE_NAME, f"{key} is not text", column=key)
    time = told.get("time", "real")
    if time not in get_args(TimeMeaning):
        findings.fatal(FILE_NAME, f"time is {time!r}; it is {' or '.join(get_args(TimeMeaning))}", column="time")
        return nothing_told
    return DatasetInfo(
        name=told.get("name") or nothing_told.name,
        source=told.get("source"),
        licence=told.get("licence"),
        time=time,
    )
