"""A bundle of as many items as are wished for, sealed like any other: made from a real one, and its name says so."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from afternoon import trained_critic, trained_generator, trained_judge
from live_items import enlarged

from models.bundle import layout
from models.bundle.digests import file_digest
from models.bundle.manifest import Manifest
from models.bundle.read import Bundle, open_bundle
from models.bundle.write import link_or_copy, seal_bundle
from models.networks.export import export_generator, export_judge
from models.pipeline.files import write_critic_of_items
from models.pipeline.fill_bundle import git_revision
from models.recommend.golden import record_golden
from models.recommend.recommender import Recommender

GENERATOR, JUDGE = "generator.onnx", "judge.onnx"
EXPORTED_AGAIN = (GENERATOR, JUDGE, "critic_items.onnx")
OF_ITS_SIZE = ("index", "profiles")
"""Figures of the source that its copy, which has another index, must not tell."""
LABEL = "Not a trained catalogue: the items of {name} over and over, with noise on the features of the copies.\n\n"


def enlarged_bundle(source: Path, num_items: int, root: Path) -> Path:
    """The folder of the bundle below `root`; made where this code has not made it of this source yet."""
    of_source, by_code = file_digest(source / layout.MANIFEST)[:8], (git_revision() or "unknown")[:7]
    destination = root / f"{source.name}-{of_source}-{by_code}-enlarged-{num_items}"
    if not destination.exists():
        large = enlarged(open_bundle(source), num_items)
        seal_bundle(destination, lambda folder: _written(folder, large, destination.name))
    return destination


def _written(folder: Path, bundle: Bundle, name: str) -> Manifest:
    """Arrays of the enlarged catalogue; networks, weights and vocabulary are the source's own files.

    Networks are exported again from their weights, so that an older bundle is measured with today's graphs.
    """
    for part in ("networks", "weights"):
        for file in sorted((bundle.folder / part).iterdir()):
            if file.name not in EXPORTED_AGAIN:
                link_or_copy(file, folder / part / file.name)
    size, max_events = bundle.manifest.embedding_size, bundle.manifest.max_history_events
    export_generator(
        trained_generator(bundle), folder / "networks" / GENERATOR, embedding_size=size, max_events=max_events
    )
    if bundle.has_judge:
        export_judge(trained_judge(bundle), folder / "networks" / JUDGE, num_evidence=len(bundle.manifest.evidence))
    write_critic_of_items(folder, trained_critic(bundle), bundle.item_features_ND)
    shutil.copyfile(bundle.folder / layout.VOCABULARY, folder / layout.VOCABULARY)
    card = (bundle.folder / layout.MODEL_CARD).read_text()
    (folder / layout.MODEL_CARD).write_text(LABEL.format(name=bundle.folder.name) + card)
    np.save(folder / layout.ITEM_FEATURES, bundle.item_features_ND, allow_pickle=False)
    np.save(folder / layout.TEXT_FEATURES, bundle.text_features_NE, allow_pickle=False)
    np.save(folder / layout.TAG_ROWS, bundle.tag_rows_NT, allow_pickle=False)
    np.save(folder / layout.POPULARITY, bundle.popularity_N, allow_pickle=False)
    bundle.neighbours.save(folder / layout.NEIGHBOURS)
    bundle.item_facts.save(folder / layout.ITEM_FACTS)
    bundle.index.save(folder / layout.INDEX)
    bundle.catalogue.write_parquet(folder / layout.CATALOGUE)
    told = {key: value for key, value in bundle.manifest.metrics.items() if key not in OF_ITS_SIZE}
    update = {"model_version": name, "created_at": datetime.now(UTC), "files": {}, "metrics": told}
    manifest = bundle.manifest.model_copy(update=update)
    recommender = Recommender(bundle)
    record_golden(folder, recommender.recommend, recommender.item_ids, bundle.popularity_N, seed=0)
    return manifest
