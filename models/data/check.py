"""What was found while reading: problems with file, column, rows and counts, and the report that lists them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import polars as pl

from models.domain.counted import counted
from models.domain.errors import DatasetError

Severity = Literal["note", "assumed", "loss", "fatal"]
"""`note`: worth knowing. `assumed`: read in a way the file does not say. `loss`: something was dropped.
`fatal`: nothing of the file can be used. Strict reading stops at all but notes."""

NUM_ROWS_NAMED: Final = 5
NUM_EXAMPLES: Final = 3
EXAMPLE_CHARACTERS: Final = 40


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of problem in one column of one file."""

    file: str
    column: str | None
    what: str
    consequence: str
    severity: Severity
    count: int
    rows: Sequence[int] = ()
    """The first few, from 1; the header of a CSV file is no row."""
    examples: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All problems of a dataset, and what was left to use; 0 of what was not there to be read."""

    problems: Sequence[Problem]
    num_items: int
    num_users: int
    num_events: int
    dropped_items: int
    dropped_events: int


@dataclass(slots=True)
class Findings:
    """Problems as they come up, the same kind in later batches added to the first."""

    _problems: dict[tuple[str, str | None, str], Problem] = field(default_factory=dict)

    @property
    def problems(self) -> list[Problem]:
        """The worst first, then as found."""
        order = ("fatal", "loss", "assumed", "note")
        return sorted(self._problems.values(), key=lambda problem: order.index(problem.severity))

    def add(self, problem: Problem) -> None:
        """One more, or more of one that is known."""
        key = (problem.file, problem.column, problem.what)
        known = self._problems.get(key)
        if known is not None:
            problem = Problem(
                file=problem.file,
                column=problem.column,
                what=problem.what,
                consequence=problem.consequence,
                severity=problem.severity,
                count=known.count + problem.count,
                rows=(*known.rows, *problem.rows)[:NUM_ROWS_NAMED],
                examples=tuple(dict.fromkeys((*known.examples, *problem.examples)))[:NUM_EXAMPLES],
            )
        self._problems[key] = problem

    def add_all(self, others: "Findings") -> None:
        """All that the others found."""
        for problem in others._problems.values():
            self.add(problem)

    def fatal(self, file: str, what: str, column: str | None = None) -> None:
        """Nothing of the file can be used."""
        self.add(Problem(file, column, what, "the file cannot be used", "fatal", count=1))

    def drop_column(self, file: str, column: str, what: str) -> None:
        """A column that is left out of the table."""
        self.add(Problem(file, column, what, "column dropped", "loss", count=1))

    def note_broken(self, file: str, what: str, rows: Sequence[int]) -> None:
        """Rows that cannot be read at all."""
        self.add(Problem(file, None, what, "row dropped", "loss", len(rows), tuple(rows[:NUM_ROWS_NAMED])))

    def note_single_event_histories(self, file: str, num_users: int) -> None:
        """Users whose history is one event: they train nothing that needs a next item."""
        what = "histories of one event"
        self.add(Problem(file, "user_id", what, "kept; they teach popularity only", "note", num_users))

    def note_unread(self, file: str, kind: str, names: Sequence[str]) -> None:
        """Names of the file that are none of ours, if any: one may be meant for one of ours."""
        if names:
            self.add(Problem(file, None, f"{kind} that are not read: {listed(names)}", "left alone", "note", 1))

    def note_rows(
        self,
        mask: pl.Series,
        rows: pl.Series,
        *,
        file: str,
        column: str | None,
        what: str,
        consequence: str,
        severity: Severity = "loss",
        values: pl.Series | None = None,
    ) -> None:
        """The rows where the mask is true, if any; `values` gives examples."""
        count = int(mask.sum())
        if count == 0:
            return
        examples: tuple[str, ...] = ()
        if values is not None:
            first = values.filter(mask).head(NUM_EXAMPLES).to_list()
            examples = tuple(dict.fromkeys(_shortened(str(value)) for value in first))
        first_rows = tuple(rows.filter(mask).head(NUM_ROWS_NAMED).to_list())
        self.add(Problem(file, column, what, consequence, severity, count, first_rows, examples))

    def stop_if_unusable(self, place: str, *, strict: bool) -> None:
        """Raises `DatasetError` with everything but notes where anything is fatal; with `strict`, in any case."""
        problems = [problem for problem in self.problems if problem.severity != "note"]
        told = list(map(render_problem, problems))
        if any(problem.severity == "fatal" for problem in problems):
            raise DatasetError("\n".join([f"{place} cannot be used:", *told]))
        if strict and problems:
            raise DatasetError("\n".join([f"{place} is refused by --strict; without it:", *told]))


def render_problem(problem: Problem) -> str:
    """One line: where, what, how often, which rows, what happened to them."""
    place = problem.file if problem.column is None else f"{problem.file}, column {problem.column}"
    parts = [f"{place}: {problem.what}"]
    if problem.examples:
        parts.append(f", such as {', '.join(map(repr, problem.examples))},")
    if not problem.rows and problem.count > 1:
        parts.append(f": {problem.count:,}")
    if problem.rows:
        more = ", …" if problem.count > len(problem.rows) else ""
        parts.append(f" in {counted(problem.count, 'data row')} ({', '.join(map(str, problem.rows))}{more})")
    parts.append(f" → {problem.consequence}")
    return "  " + "".join(parts)


def render_report(report: CheckReport) -> str:
    """Readable plain text: what is usable, then the problems, the worst first."""
    usable = [counted(report.num_items, "item")] if report.num_items else []
    if report.num_events:
        usable.append(f"{counted(report.num_events, 'event')} of {counted(report.num_users, 'user')}")
    lines = [f"Usable: {', '.join(usable)}."]
    losses = {"catalogue row": report.dropped_items, "event": report.dropped_events}
    dropped = [counted(number, noun) for noun, number in losses.items() if number]
    if dropped:
        lines.append(f"Dropped: {', '.join(dropped)}.")
    titles: dict[Severity, str] = {
        "fatal": "Unusable:",
        "loss": "Problems that cost data:",
        "assumed": "Read on an assumption:",
        "note": "Worth knowing:",
    }
    for severity, title in titles.items():
        found = [render_problem(problem) for problem in report.problems if problem.severity == severity]
        if found:
            lines += ["", title, *found]
    if not report.problems:
        lines.append("No problems found.")
    return "\n".join(lines)


def listed(names: Iterable[str]) -> str:
    """Names in a row; quoted where something of them would not be seen."""
    return ", ".join(name if name.isprintable() and name.strip() == name != "" else repr(name) for name in names)


def _shortened(value: str) -> str:
    return value if len(value) <= EXAMPLE_CHARACTERS else value[: EXAMPLE_CHARACTERS - 1] + "…"
