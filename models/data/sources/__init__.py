"""Data sets that Figment can fetch and lay down as a dataset folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from models.data.sources.complete_journey import write_complete_journey
from models.domain.errors import UnknownName
from models.domain.progress import NoProgress, Progress


@dataclass(frozen=True, slots=True)
class KnownSource:
    """One data set and how to get it."""

    about: str
    write: Callable[[Path, Progress], Path]
    """Writes the dataset folder, or leaves it where it is already there; the folder comes back."""


KNOWN_SOURCES: Mapping[str, KnownSource] = MappingProxyType(
    {
        "complete-journey": KnownSource(
            about="The Complete Journey (84.51°): a year of groceries, simulated from real shopping patterns",
            write=write_complete_journey,
        ),
    }
)


def write_known_source(name: str, folder: Path, progress: Progress | None = None) -> Path:
    """The dataset folder of that source; written if it is not there yet."""
    if name not in KNOWN_SOURCES:
        raise UnknownName("dataset", name, list(KNOWN_SOURCES))
    return KNOWN_SOURCES[name].write(folder, progress or NoProgress())
