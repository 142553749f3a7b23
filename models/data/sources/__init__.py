"""Data sets that Figment can fetch and lay down as a dataset folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from models.data.sources.complete_journey import write_complete_journey
from models.data.sources.fashion_mnist import write_fashion_mnist
from models.data.sources.online_retail import write_online_retail
from models.domain.errors import InputError, UnknownName
from models.domain.progress import NoProgress, Progress


@dataclass(frozen=True, slots=True)
class KnownSource:
    """One data set and how to get it."""

    about: str
    write: Callable[[Path, Progress], Path]
    """Writes the dataset folder, or leaves it where it is already there; the folder comes back."""
    write_from_file: Callable[[Path, Progress, Path], Path] | None = None
    """The same from the source's own file, for users without network; None where no download is needed."""


KNOWN_SOURCES: Mapping[str, KnownSource] = MappingProxyType(
    {
        "complete-journey": KnownSource(
            about="The Complete Journey (84.51°): a year of groceries, simulated from real shopping patterns",
            write=write_complete_journey,
        ),
        "fashion-mnist": KnownSource(
            about="Fashion-MNIST: 70,000 small grey pictures, for picture models; no events; downloads 31 MB",
            write=write_fashion_mnist,
            write_from_file=write_fashion_mnist,
        ),
        "online-retail": KnownSource(
            about="UCI Online Retail: a year of real purchases at a gift shop; downloads 24 MB",
            write=write_online_retail,
            write_from_file=write_online_retail,
        ),
    }
)


def write_known_source(name: str, folder: Path, progress: Progress | None = None, file: Path | None = None) -> Path:
    """The dataset folder of that source; written if it is not there yet. `file`: what would else be downloaded."""
    if name not in KNOWN_SOURCES:
        raise UnknownName("dataset", name, list(KNOWN_SOURCES))
    source = KNOWN_SOURCES[name]
    progress = progress or NoProgress()
    if file is None:
        return source.write(folder, progress)
    if source.write_from_file is None:
        raise InputError(f"{name} downloads nothing, so no file can stand for it")
    if not file.is_file():
        raise InputError(f"{file} is not a file")
    return source.write_from_file(folder, progress, file)
