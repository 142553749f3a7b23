"""First step: a dataset folder to everything that training and measuring need."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.data.check import CheckReport
from models.data.dataset import Dataset
from models.data.read import load_dataset
from models.data.repeats import exclude_seen_by_default, repeat_share
from models.data.sequences import Sequences
from models.data.sequences_from_events import build_sequences
from models.data.shuffle import shuffle_items
from models.data.split import Split, SplitKind, default_split, split_sequences
from models.domain.counted import counted
from models.domain.progress import Progress
from models.features.content import ItemContent
from models.features.spec import FeatureSpec
from models.networks.text_encoder_export import TextEncoderFiles
from models.training.encoded_catalogue import encode_catalogue


@dataclass(frozen=True, slots=True)
class Prepared:
    """A dataset, split and encoded."""

    dataset: Dataset
    report: CheckReport
    sequences: Sequences
    split: Split
    spec: FeatureSpec
    content: ItemContent
    text_encoder_name: str
    text_encoder: TextEncoderFiles
    cache: Path
    """Of text encoders and embeddings."""
    repeat_share: float
    """Of the training events."""
    exclude_seen: bool

    @property
    def options(self) -> dict[str, str]:
        """What was asked for, by the option's name: a checkpoint of other data or another split is none of this run."""
        return {
            "--dataset": f"{self.dataset.info.name} with digest {self.dataset.digest[:16]}",
            "--split": self.split.kind,
            "--text-encoder": self.text_encoder_name,
        }


def prepare(
    folder: Path,
    *,
    split: SplitKind | None,
    seed: int,
    strict: bool,
    column_map: dict[str, str],
    text_encoder: str | None,
    cache: Path,
    progress: Progress,
    refuse: Callable[[Dataset, Sequences], None] = lambda _dataset, _sequences: None,
) -> Prepared:
    """Read, check, split, fit the feature spec and embed every text (cached by content).

    `refuse` raises for data that cannot be used, before texts are embedded, which takes minutes.
    """
    progress.start("reading")
    loaded = load_dataset(folder, strict=strict, column_map=column_map)
    dataset = shuffle_items(loaded.dataset, seed)
    sequences = build_sequences(dataset, seed=seed)
    refuse(dataset, sequences)
    parts = split_sequences(sequences, split or default_split(dataset.info), time=dataset.info.time, seed=seed)
    progress.finish(
        f"{counted(len(dataset.catalogue), 'item')}, {counted(sequences.num_users, 'shopper')},"
        f" {counted(sequences.num_events, 'event')};"
        f" {parts.train.num_events:,} to train on ({parts.kind} split)"
    )
    encoded = encode_catalogue(dataset, text_encoder, cache, progress)
    share = repeat_share(parts.train)
    return Prepared(
        dataset=dataset,
        report=loaded.report,
        sequences=sequences,
        split=parts,
        spec=encoded.spec,
        content=encoded.content,
        text_encoder_name=encoded.text_encoder_name,
        text_encoder=encoded.text_encoder,
        cache=cache,
        repeat_share=share,
        exclude_seen=exclude_seen_by_default(share),
    )
