"""The one error tree.

FigmentError
├── InputError                  what was handed in cannot be used (exit code 2)
│   ├── DatasetError            a dataset folder, file or column
│   ├── SplitRefused            a split that this dataset cannot support
│   ├── HistoryTooLong          more events than one request may carry
│   ├── UnknownItem             an item that the catalogue does not have, or has no more
│   │   └── NotPictured         an item whose photograph the picture model never saw
│   ├── TooFewShoppers          a segment with less behaviour than anything can be said of
│   ├── NothingListed           a catalogue out of which the shop took every item
│   ├── UnknownName             a system, profile, property or bundle that does not exist
│   ├── DocumentRefused         an item as the shop sent it, with a value that its field cannot have
│   ├── RuleRefused             a filter, boost or limit that this catalogue cannot answer; says where in it
│   ├── ModelLacks              a part that the model that serves was trained without
│   ├── SettingsRefused         the environment or the command line asks for what must not or cannot be
│   └── CursorRefused           a page cursor that no page of this list handed out
├── BundleError                 a bundle that must not be served
│   ├── BundleNotFound          no bundle where one was looked for; wrong input too, as the place was named
│   ├── BundleCorrupt           a digest, shape or schema version that disagrees; names the file
│   ├── GoldenReplayFailed      the bundle's own recorded requests answer differently here
│   └── ViewRefused             a catalogue with live changes that does not find what is in it
├── TrainingError
│   ├── TrainingDiverged        collapse or divergence that no roll-back mends
│   │   └── NothingLearned      networks that tell the real next items no better than a draw
│   └── CheckpointMismatch      --resume with other options, data or version than the checkpoint's; wrong input too
├── ListsUnfinished             lists for everyone that several processes could not all make
└── ServiceError
    ├── NotReady                the bundle is still loading, or the process is draining
    ├── Overloaded              too few permits are free
    ├── DeadlineExceeded        the caller's own time limit passed first
    ├── AddressTaken            another program listens there, or the address is not ours
    ├── NotYetServed            a write is stored, and answers do not know of it in time
    ├── IndexUnavailable        the server that keeps the index cannot be reached or cannot answer
    └── StoreError              the database
        ├── StoreUnavailable    cannot be reached, is busy for too long, or cannot write
        └── StoreVersionUnknown was made by another version of the program
"""

from collections.abc import Mapping
from pathlib import Path


class FigmentError(Exception):
    """Base of every error that Figment raises on purpose."""

    exit_code = 1


class InputError(FigmentError):
    """What was handed in cannot be used."""

    exit_code = 2


class DatasetError(InputError):
    """A dataset folder, file or column cannot be used."""


class SplitRefused(InputError):
    """A split that this dataset cannot support."""

    def __init__(self, split: str, reason: str) -> None:
        self.split = split
        super().__init__(f"split {split!r} is refused: {reason}")


class HistoryTooLong(InputError):
    """More events than one request may carry."""

    def __init__(self, num_events: int, limit: int) -> None:
        self.num_events = num_events
        self.limit = limit
        super().__init__(f"history has {num_events} events, the limit is {limit}")


class UnknownItem(InputError):
    """An item that the catalogue does not have, or has no more."""

    def __init__(self, item_id: str) -> None:
        self.item_id = item_id
        super().__init__(f"no item {item_id!r} in the catalogue")


class NotPictured(UnknownItem):
    """An item whose photograph the picture model never saw."""

    def __init__(self, item_id: str, model: str) -> None:
        super().__init__(item_id)
        self.args = (f"the picture model {model!r} was trained on no photograph of item {item_id!r}",)


class TooFewShoppers(InputError):
    """A segment with less behaviour than anything can be said of."""

    def __init__(self, found: int, least: int, what: str) -> None:
        self.found = found
        self.least = least
        super().__init__(f"{found} {what}, the least is {least}")


class NothingListed(InputError):
    """A catalogue out of which the shop took every item."""

    def __init__(self) -> None:
        super().__init__("the catalogue has no item left: there is nothing to imagine beside")


class UnknownName(InputError):
    """A name that is none of the known ones."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        self.name = name
        super().__init__(f"unknown {kind} {name!r}; known: {', '.join(known) or 'none'}")


class RuleRefused(InputError):
    """A filter, boost or limit that is malformed, or that asks what this catalogue cannot answer."""

    def __init__(self, path: tuple[str | int, ...], reason: str) -> None:
        """`path` leads from the request to the part that is refused: `("filter", "all", 0, "value")`."""
        self.path = path
        self.reason = reason
        super().__init__(f"{'.'.join(map(str, path))}: {reason}")


class DocumentRefused(InputError):
    """An item as the shop sent it, with a value that its field cannot have."""

    def __init__(self, item_id: str, field: str, reason: str) -> None:
        self.item_id = item_id
        self.field = field
        self.reason = reason
        super().__init__(f"item {item_id!r}: {field[:128]!r} {reason}")


class ModelLacks(InputError):
    """A part that the model that serves was trained without."""

    def __init__(self, part: str, model: str, remedy: str) -> None:
        self.part = part
        super().__init__(f"the model {model!r} has no {part}: {remedy}")


class SettingsRefused(InputError):
    """The environment or the command line asks for what must not or cannot be."""


class CursorRefused(InputError):
    """A page cursor that no page of this list handed out."""

    def __init__(self, list_name: str) -> None:
        self.list_name = list_name
        super().__init__(f"the cursor is none that a page of {list_name} handed out; leave it out to begin anew")


class BundleError(FigmentError):
    """A bundle that must not be served."""


class BundleNotFound(BundleError, InputError):
    """No bundle where one was looked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"no bundle at {path}; `figment bundle list` shows those there are, `figment train` makes one")


class PicturesNotFound(BundleError, InputError):
    """No picture model where one was looked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"no picture model at {folder}; `figment images train` makes one")


class BundleCorrupt(BundleError):
    """A digest, shape or schema version that disagrees."""

    def __init__(self, file: Path, reason: str) -> None:
        self.file = file
        super().__init__(f"bundle file {file}: {reason}")


class GoldenReplayFailed(BundleError):
    """The bundle's own recorded requests answer differently on this machine."""

    def __init__(self, request_number: int, reason: str) -> None:
        self.request_number = request_number
        super().__init__(f"golden request {request_number}: {reason}")


class ViewRefused(BundleError):
    """A catalogue with live changes that must not be served: it does not find what is in it."""

    def __init__(self, index_version: str, reason: str) -> None:
        self.index_version = index_version
        self.reason = reason
        super().__init__(f"index {index_version}: {reason}")


class TrainingError(FigmentError):
    """Training cannot go on."""


class TrainingDiverged(TrainingError):
    """Collapse, divergence or a number that is not finite, beyond what rolling back could mend."""

    def __init__(self, step: int, reason: str) -> None:
        self.step = step
        self.reason = reason
        super().__init__(f"training stopped at step {step}: {reason}")


class NothingLearned(TrainingDiverged):
    """Networks that tell the real next items no better than a draw among all items."""

    def __init__(self, step: int, gain: float, least: float) -> None:
        """`gain`, and the `least` that is asked for, in nats."""
        super().__init__(
            step,
            f"nothing was learned: over a draw among all items the single guess gained {gain:.2g} nats,"
            f" at least {least:g} is asked for",
        )


class CheckpointMismatch(TrainingError, InputError):
    """--resume with other settings or other data than the checkpoint's, or by another version of the program."""

    def __init__(self, differences: Mapping[str, tuple[str, str]]) -> None:
        """`differences`: option or setting → the checkpoint's value and this run's."""
        told = "; ".join(
            f"the checkpoint's {what} is {old}, this run's is {new}" for what, (old, new) in differences.items()
        )
        super().__init__(f"cannot resume: {told}. Without --resume training begins anew")


class ListsUnfinished(FigmentError):
    """Lists for everyone that several processes could not all make; what is made is kept."""

    def __init__(self, folder: Path, missing: int, reason: str) -> None:
        self.folder = folder
        self.missing = missing
        super().__init__(f"{missing} parts of {folder} are missing: {reason}. The same command makes those alone")


class ServiceError(FigmentError):
    """The service cannot answer now."""


class NotReady(ServiceError):
    """The bundle is still loading, or the process is draining."""


class Overloaded(ServiceError):
    """Too few permits are free."""

    def __init__(self, in_flight: int, limit: int, needed: int = 1) -> None:
        self.in_flight = in_flight
        self.limit = limit
        self.needed = needed
        super().__init__(f"{in_flight} of {limit} permits are taken, and the request needs {needed}")


class DeadlineExceeded(ServiceError):
    """The request's time limit passed first."""

    def __init__(self, timeout_ms: int) -> None:
        self.timeout_ms = timeout_ms
        super().__init__(f"no answer within the {timeout_ms} ms that the request may take")


class NotYetServed(ServiceError):
    """A write is stored, and answers do not know of it in time."""

    def __init__(self, job_id: str | None = None) -> None:
        """`job_id`: of the job that makes the features of what was written."""
        job = f" (the job {job_id} makes the features of what is new)" if job_id else ""
        super().__init__(
            f"what was sent is stored{job}, but answers do not know of it yet; "
            "they will by themselves, and sending it again is safe and tells when"
        )


class AddressTaken(ServiceError):
    """Another program listens there, or the address is not ours."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        self.host = host
        self.port = port
        super().__init__(f"cannot listen on {host}:{port}: {reason}; choose another port with FIGMENT_PORT or --port")


class IndexUnavailable(ServiceError):
    """The server that keeps the index cannot be reached, is busy for too long, or cannot answer."""

    def __init__(self, place: str, reason: str) -> None:
        """`place` names host and port and holds no password."""
        self.place = place
        super().__init__(f"the index at {place} cannot be used now: {reason}")


class StoreError(ServiceError):
    """The database cannot be used."""


class StoreUnavailable(StoreError):
    """The database cannot be reached, is busy for too long, or cannot write."""

    def __init__(self, place: str, reason: str) -> None:
        """`place` names host and database and holds no password."""
        self.place = place
        super().__init__(f"{place} cannot be used now: {reason}")


class StoreVersionUnknown(StoreError):
    """The tables were made by another version of the program, which this one cannot read."""

    def __init__(self, place: str, revision: str) -> None:
        self.place = place
        self.revision = revision
        super().__init__(
            f"{place} is at revision {revision}, which this version of Figment does not know; "
            "start the version that wrote it, or name another database in FIGMENT_DATABASE_URL"
        )
