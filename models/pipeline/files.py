"""Trained networks to the files of a bundle."""

# N items, D features

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import save
from torch import nn

from models.bundle import layout
from models.domain.progress import Progress
from models.networks.critic import Critic, CriticOfItems
from models.networks.export import (
    export_critic,
    export_critic_of_items,
    export_decoder,
    export_generator,
    export_item_encoder,
    export_judge,
)
from models.networks.in_process import runs_in_process
from models.networks.judge import Judge
from models.pipeline.fit import Fitted, content_features, item_features
from models.pipeline.prepare import Prepared
from models.recommend.evidence import EVIDENCE
from models.retrieval.choice import ChosenIndex, choose_index
from models.synthesis.habits import Habits
from models.training.decoder import fit_decoder


def write_serving_files(
    folder: Path, fitted: Fitted, judge: Judge | None, prepared: Prepared, progress: Progress
) -> ChosenIndex:
    """Everything that training made, into `folder`; the index is the one that its rule chose."""
    progress.start("writing networks", total=4 if judge is None else 5)
    networks = fitted.trained.networks
    features_ND = item_features(networks, prepared, fitted.train)
    size = features_ND.shape[1]
    generator_file = folder / layout.network_file("generator")
    generator_file.parent.mkdir(exist_ok=True)
    export_generator(
        networks.generator, generator_file, embedding_size=size, max_events=prepared.spec.max_history_events
    )
    progress.advance(note="generator")
    export_critic(networks.critic, folder / layout.network_file("critic"), embedding_size=size)
    progress.advance(note="critic")
    write_critic_of_items(folder, networks.critic, features_ND)
    progress.advance(note="critic of known items")
    export_item_encoder(networks.items, folder / layout.network_file("item_encoder"), max_tags=prepared.spec.max_tags)
    progress.advance(note="item encoder")
    modules = dict(networks.named_children())
    if judge is not None:
        export_judge(judge, folder / layout.network_file("judge"), num_evidence=len(EVIDENCE))
        modules["judge"] = judge
        progress.advance(note="judge")
    _write_weights(folder / "weights", modules)
    np.save(folder / layout.ITEM_FEATURES, features_ND, allow_pickle=False)
    np.save(folder / layout.TEXT_FEATURES, prepared.content.text_NE.astype(np.float16), allow_pickle=False)
    np.save(folder / layout.TAG_ROWS, prepared.content.tag_rows_NT.astype(np.int32), allow_pickle=False)
    progress.finish()
    progress.start("choosing the index")
    chosen = choose_index(features_ND)
    progress.finish(f"{chosen.figures.kind}, recall@100 {chosen.figures.recall:.3f}")
    chosen.index.save(folder / layout.INDEX)
    fitted.mixture.neighbours.save(folder / layout.NEIGHBOURS)
    fitted.facts.save(folder / layout.ITEM_FACTS)
    np.save(folder / layout.POPULARITY, fitted.facts.events_N, allow_pickle=False)
    prepared.spec.vocabulary().write_parquet(folder / layout.VOCABULARY)
    prepared.dataset.catalogue.write_parquet(folder / layout.CATALOGUE)
    return chosen


def write_critic_of_items(folder: Path, critic: Critic, features_ND: NDArray[np.float32]) -> None:
    """What the critic says of these items, and the network that says it of others."""
    size, of_items = features_ND.shape[1], CriticOfItems(critic).eval()
    export_critic_of_items(critic, folder / layout.network_file("critic_items"), embedding_size=size)
    terms_NX = runs_in_process(of_items)({"features": features_ND})
    np.save(folder / layout.CRITIC_ITEMS, terms_NX, allow_pickle=False)
    np.save(folder / layout.CRITIC_TASTE, of_items.taste_weights().numpy(), allow_pickle=False)


def write_imagining_files(folder: Path, fitted: Fitted, prepared: Prepared, seed: int) -> dict[str, float]:
    """What imagining adds: decoder, and how sessions go. The decoder's figures; empty where none could be fitted."""
    networks, catalogue = fitted.trained.networks, prepared.dataset.catalogue
    Habits.fit(fitted.train, prepared.content.num_items).save(folder / layout.SESSIONS)
    features_ND = item_features(networks, prepared, fitted.train)
    decoder = fit_decoder(features_ND, content_features(networks, prepared), catalogue, prepared.spec, seed)
    if decoder is None:
        return {}
    file = folder / layout.network_file("decoder")
    export_decoder(decoder.network, file, embedding_size=features_ND.shape[1])
    decoder.labels.table().write_parquet(folder / layout.DECODER_LABELS)
    _write_weights(folder / "weights", {"decoder": decoder.network})
    return dict(decoder.figures)


def _write_weights(folder: Path, modules: Mapping[str, nn.Module]) -> None:
    """Retrainable weights, one file a network."""
    folder.mkdir(exist_ok=True)
    for name, module in modules.items():
        tensors = {key: value.contiguous() for key, value in module.state_dict().items()}
        (folder / f"{name}.safetensors").write_bytes(save(tensors))  # as a file, save_file() lets nobody else read it
