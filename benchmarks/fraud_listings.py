"""Listings with one thing swapped or copied among real ones: fitted on some items, tried on others.

    python benchmarks/fraud_listings.py --bundle BUNDLE --json benchmarks/results/fraud_listings_NAME.json

AUC of each kind of swap against the items as they are, and recall where one real listing in a hundred is accused; with
all figures, and without those of the networks (the critic's verdict, the closeness of the item's feature). A catalogue
without events has no networks: `--dataset DIR` instead of `--bundle` measures the figures without them.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from record import circumstances
from separation import auc, recall_at_one_percent

from app.observability.progress import TaskProgress
from models.bundle.read import open_bundle
from models.data.catalogue import read_catalogue
from models.data.check import Findings
from models.data.table_files import find_table
from models.features.content import encode_content
from models.features.spec import fit_feature_spec
from models.features.text_encoder import EmbeddingCache, TextEncoder
from models.fraud.listings import LISTING
from models.networks.text_encoder_export import DEFAULT_TEXT_ENCODER, ensure_text_encoder
from models.pipeline.fit_detector import listing_shop
from models.training.fit_fraud import fitted
from models.training.fit_listings import ListingShop, as_listed, swapped, training_listings

# C listings

OF_NETWORKS: Final = ("critic", "feature_closeness")
PACKAGES: Final = ["numpy", "scikit-learn", "onnxruntime"]


def main() -> None:
    parser = argparse.ArgumentParser()
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--bundle", type=Path)
    source.add_argument("--dataset", type=Path)
    parser.add_argument("--items", type=int, default=1_500, help="most of each part")
    parser.add_argument(
        "--catalogue-items", type=int, default=10**9, help="most of a dataset's catalogue that are read"
    )
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()
    started = time.process_time()
    if arguments.bundle:
        shop = listing_shop(open_bundle(arguments.bundle))
    else:
        shop = shop_without_networks(arguments.dataset, arguments.catalogue_items)
    rows = measured(shop, arguments.items, networks=arguments.bundle is not None)
    result = {
        "what": f"{len(shop.frame):,} items; AUC and recall at one per cent of false alarms, by what was swapped",
        **circumstances(PACKAGES),
        "cpu_seconds": round(time.process_time() - started),
        "rows": rows,
    }
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")


def shop_without_networks(folder: Path, most: int) -> ListingShop:
    """A catalogue, its texts, and nothing that was trained."""
    findings = Findings()
    file = find_table(folder, "catalogue", findings)
    assert file is not None
    read = read_catalogue(file, {}, findings)
    assert read is not None
    frame = read[0].sample(min(most, len(read[0])), seed=0, shuffle=True)
    with TaskProgress() as progress:
        cache = Path("var/cache")
        encoder = TextEncoder(*ensure_text_encoder(cache / "text-encoders", DEFAULT_TEXT_ENCODER, progress))
        spec = fit_feature_spec(frame, text_encoder_digest=encoder.digest, text_width=encoder.width, uses_time=False)
        embeddings = EmbeddingCache(cache / "embeddings")
        content = encode_content(frame, spec, lambda texts: embeddings.embed(encoder, texts, progress))
    return ListingShop(
        frame=frame,
        text_NE=content.text_NE,
        item_features_ND=np.zeros((len(frame), 1), np.float32),
        spec=spec,
        item_encoder=lambda inputs: np.zeros((len(inputs["text"]), 1), np.float32),
        critic=lambda inputs: np.zeros(inputs["candidates"].shape[:2], np.float32),
    )


def measured(shop: ListingShop, most: int, *, networks: bool) -> list[dict[str, Any]]:
    """One row for each kind of swap and each set of figures."""
    rng = np.random.default_rng(0)
    rows_N = rng.permutation(len(shop.frame)).astype(np.int32)
    fit_C, tried_C = rows_N[: len(rows_N) // 2][:most], rows_N[len(rows_N) // 2 :][:most]
    lore, kinds = shop.lore(), shop.kinds()
    figures_CF, is_swapped_C, half_C = training_listings(shop, lore, kinds, fit_C, rng)
    real_CF = as_listed(shop, tried_C).figures(shop, lore)
    fakes = {kind: swapped(shop, kind, tried_C, rng).figures(shop, lore) for kind in kinds}
    without = np.array([place for place, name in enumerate(LISTING) if name not in OF_NETWORKS])
    arms = {"without the networks": without, **({"all": np.arange(len(LISTING))} if networks else {})}
    rows = []
    for arm, columns in arms.items():
        trees = fitted(figures_CF[:, columns], is_swapped_C, half_C, 0).trees
        real_C = trees.log_odds(real_CF[:, columns])
        for kind, fake_CF in fakes.items():
            rows.append({"swapped": kind, "figures": arm, **figures_of(real_C, trees.log_odds(fake_CF[:, columns]))})
            print(rows[-1], flush=True)
    return rows


def figures_of(real_C: NDArray[np.float32], fake_C: NDArray[np.float32]) -> dict[str, float]:
    return {
        "auc": round(auc(fake_C, real_C), 4),
        "recall_at_1_percent": round(recall_at_one_percent(real_C, fake_C), 4),
        "listings": len(fake_C),
    }


if __name__ == "__main__":
    main()
