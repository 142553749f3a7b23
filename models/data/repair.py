"""Broken rows of text files: found one by one, named, and left out of a copy that can be read."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from models.data.check import Findings


@dataclass(frozen=True, slots=True)
class Repaired:
    """A copy where each broken row is an empty one, so that all rows keep their numbers."""

    file: Path
    broken_rows: frozenset[int]


def repair(file: Path, folder: Path, findings: Findings) -> Repaired | None:
    """The copy, in `folder`; None where not even that can be made. Both outcomes are reported.

    Slow (one row at a time), so it is only done where the fast reader has failed.
    """
    copy = folder / file.name
    with copy.open("w", encoding="utf-8", newline="") as out:
        broken: list[int] = []
        if file.suffix == ".jsonl":
            for row, line in enumerate(_json_lines(file), start=1):
                out.write((line or "{}") + "\n")
                if line is None:
                    broken.append(row)
        else:
            writer = csv.writer(out)
            try:
                for row, (fields, is_broken) in enumerate(_csv_rows(file)):
                    writer.writerow(fields)
                    if is_broken:
                        broken.append(row)
            except csv.Error as error:
                findings.fatal(file.name, f"the file cannot be read as CSV: {error}")
                return None
    what = "line that is not a JSON object" if file.suffix == ".jsonl" else "row with more fields than the header"
    if broken:
        findings.note_broken(file.name, what, broken)
    return Repaired(file=copy, broken_rows=frozenset(broken))


def _json_lines(file: Path) -> Iterator[str | None]:
    """Each line that is not blank, None for one that is no JSON object."""
    with file.open(encoding="utf-8-sig") as lines:
        for line in lines:
            if not line.strip():
                continue
            try:
                entry = json.loads(line, parse_constant=str)  # NaN is for the checks to name
            except ValueError:
                yield None
                continue
            yield json.dumps(entry, ensure_ascii=False) if isinstance(entry, dict) else None


def _csv_rows(file: Path) -> Iterator[tuple[list[str], bool]]:
    """The header, then each row and whether it has too many fields; blank and broken ones as empty fields."""
    csv.field_size_limit(2**31 - 1)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines, strict=True)
        header = next(row for row in rows if row)
        yield header, False
        try:
            for row in rows:
                is_broken = len(row) > len(header)
                yield (row if row and not is_broken else [""] * len(header)), is_broken
        except csv.Error as error:
            raise csv.Error(f"line {rows.line_num}: {error}") from error
