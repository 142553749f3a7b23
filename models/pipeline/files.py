"""Trained networks to the files of a bundle."""

# N items, D features

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from models.baselines.item_knn import ItemKnn
from models.bundle import layout
from models.data.sequences import Sequences
from models.networks.export import export_critic, export_generator, export_item_encoder
from models.pipeline.prepare import Prepared
from models.retrieval.faiss_index import build_faiss_index
from models.training.step import Networks


def write_serving_files(folder: Path, networks: Networks, prepared: Prepared, train: Sequences) -> None:
    """Everything that training made, into `folder`; `train` is what the networks were trained on."""
    features_ND = item_features(networks, prepared, train)
    num_items, size = features_ND.shape
    generator_file = folder / layout.network_file("generator")
    generator_file.parent.mkdir(exist_ok=True)
    export_generator(
        networks.generator, generator_file, embedding_size=size, max_events=prepared.spec.max_history_events
    )
    export_critic(networks.critic, folder / layout.network_file("critic"), embedding_size=size)
    export_item_encoder(networks.items, folder / layout.network_file("item_encoder"), max_tags=prepared.spec.max_tags)
    _write_weights(folder / "weights", networks)
    np.save(folder / layout.ITEM_FEATURES, features_ND, allow_pickle=False)
    build_faiss_index(features_ND).save(folder / layout.INDEX)
    ItemKnn.fit(train, num_items).to_neighbours().save(folder / layout.NEIGHBOURS)
    popularity_N = np.bincount(train.item_rows_E, minlength=num_items).astype(np.float32)
    np.save(folder / layout.POPULARITY, popularity_N, allow_pickle=False)
    prepared.spec.vocabulary().write_parquet(folder / layout.VOCABULARY)
    prepared.dataset.catalogue.write_parquet(folder / layout.CATALOGUE)


@torch.no_grad()
def item_features(networks: Networks, prepared: Prepared, train: Sequences) -> NDArray[np.float32]:
    """Features of every catalogue item; the identity counts only where an event trained it."""
    inputs = {name: torch.from_numpy(values) for name, values in prepared.content.as_inputs().items()}
    trained_N = np.bincount(train.item_rows_E, minlength=prepared.content.num_items) > 0
    features_ND = networks.items.with_identity(
        networks.items(**inputs), torch.arange(len(trained_N)), torch.from_numpy(trained_N)
    )
    return np.ascontiguousarray(features_ND.numpy(), np.float32)


def _write_weights(folder: Path, networks: Networks) -> None:
    """Retrainable weights, one file a network."""
    folder.mkdir(exist_ok=True)
    for name, module in networks.named_children():
        tensors = {key: value.contiguous() for key, value in module.state_dict().items()}
        save_file(tensors, folder / f"{name}.safetensors")
