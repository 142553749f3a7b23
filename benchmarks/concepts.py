"""Are concepts what a shop lacks? Hide products from catalogue and training, imagine, and look for the hidden.

    python benchmarks/concepts.py --dataset DIR --folder var/concepts --json benchmarks/results/concepts_NAME.json

Where the catalogue has categories, whole leaf categories are hidden: each training hides `--draws` draws of them at
once, and a draw is asked about with the others out of the catalogue too. Elsewhere the newest 5 % of products are
hidden. Of a list of 20: precision (share of concepts whose nearest item of the full catalogue, by content alone, is
hidden) and the share of the draw's categories found. With chance at .5: (a) AUC of realism × demand for hidden items
against made-up points of the same gap, (b) AUC of real buyers of a hidden category by what their wishes hold of it.
All lists are cut by the same code; rivals differ in where their points come from, each also moved into the gap.
"""

# X points, A items that are left, F items of the full catalogue, U shoppers, D features

import argparse
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from record import circumstances, keep
from scipy.cluster.vq import kmeans2
from separation import auc

from models.concepts.gap import into_the_gap, nearest
from models.concepts.imagine import MAX_SHOPPERS, NUM_CANDIDATES, candidates, demand, led, realism
from models.data.read import load_dataset
from models.domain.progress import NoProgress
from models.features.content import encode_content
from models.features.spec import CATEGORY_SEPARATOR
from models.features.text_encoder import EmbeddingCache, TextEncoder
from models.networks.critic import ServedCritic
from models.networks.in_process import runs_in_process
from models.pipeline.fit import item_features
from models.pipeline.train import TrainOptions, _Run
from models.recommend.candidates import CandidateSource
from models.synthesis.workshop import Workshop, directions
from models.training.config import training_config

LIST_LENGTH = 20
HIDDEN_BLOCKS = 3
BLOCK_SHARE = 0.04
"""So much is hidden at once: three blocks of categories that hold at least 4 % of the items each."""
NEWEST_SHARE = 0.05
LEAF_ITEMS = (15, 200)
NUM_BUYERS = 400
NOVELTIES = (0.0, 0.5, 1.0)
PACKAGES = ["torch", "numpy", "onnxruntime"]


@dataclass(frozen=True, eq=False)
class HiddenShop(Workshop):
    """A workshop on networks as they are in memory, of a catalogue with some items hidden."""

    fit: dict[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> CandidateSource:
        networks = self.fit["networks"]
        return CandidateSource(
            generator=runs_in_process(networks.generator),
            critic=runs_in_process(ServedCritic(networks.critic)),
            index=None,
            item_features_ND=self.fit["features"],
            neighbours=None,
            similarity_scale=float(networks.generator.log_scale.exp()),
        )

    @property
    def spec(self) -> Any:
        return self.fit["spec"]

    @property
    def noise_size(self) -> int:
        return int(self.fit["networks"].generator.noise_size)

    @property
    def listed_rows_A(self) -> np.ndarray:
        return np.arange(len(self.fit["catalogue"]), dtype=np.int32)

    @property
    def features_AD(self) -> np.ndarray:
        return self.fit["features"]

    @property
    def content_AD(self) -> np.ndarray:
        return self.fit["content_AD"]


def main() -> int:
    arguments = _arguments()
    torch.set_num_threads(1)
    rows = [row for seed in range(1, arguments.trainings + 1) for row in measured(arguments, seed)]
    systems = list(rows[0]["systems"])
    result = {
        "what": f"concepts on {arguments.dataset.name}, what was hidden",
        **circumstances(PACKAGES),
        "draws": len(rows),
        "chance": _mean([row["chance"] for row in rows]),
        "systems": {
            name: {key: _mean([row["systems"][name][key] for row in rows]) for key in rows[0]["systems"][name]}
            for name in systems
        },
        "auc": {key: _mean([row["auc"][key] for row in rows if key in row["auc"]]) for key in rows[0]["auc"]},
        "rows": rows,
    }
    if arguments.json:
        keep(result, arguments.json)
    print(json.dumps({key: value for key, value in result.items() if key != "rows"}, indent=1))
    return 0


def _mean(values: list[float]) -> dict[str, float]:
    known = [value for value in values if value is not None]
    error = np.std(known, ddof=1) / len(known) ** 0.5 if len(known) > 1 else 0.0
    return {"mean": round(float(np.mean(known)), 4), "standard_error": round(float(error), 4)} if known else {}


def hidden_groups(catalogue: pl.DataFrame, first_seen: pl.DataFrame, seed: int, draws: int) -> list[dict[str, str]]:
    """For each draw item → category, or `newest`."""
    if "category" not in catalogue.columns or catalogue["category"].null_count() == len(catalogue):
        newest = first_seen.sort("timestamp").tail(round(NEWEST_SHARE * len(first_seen)))
        return [dict.fromkeys(newest["item_id"].to_list(), "newest")]
    leaf = catalogue["category"].str.split(CATEGORY_SEPARATOR).list.last().fill_null("")
    sizes = dict(leaf.value_counts().filter(pl.col("count").is_between(*LEAF_ITEMS)).sort("category").iter_rows())
    order = [str(name) for name in np.random.default_rng(seed).permutation(sorted(sizes)) if name]
    chosen: list[str] = []
    for _ in range(HIDDEN_BLOCKS):
        start = len(chosen)
        while sum(sizes[each] for each in chosen[start:]) < BLOCK_SHARE * len(catalogue):
            chosen.append(order[len(chosen)])
    group = {name: number % draws for number, name in enumerate(chosen)}
    of_item = dict(zip(catalogue["item_id"].to_list(), leaf.to_list(), strict=True))
    return [{item: name for item, name in of_item.items() if group.get(name) == draw} for draw in range(draws)]


def fitted(arguments: argparse.Namespace, seed: int, groups: list[dict[str, str]]) -> dict[str, Any]:
    """Networks trained without the hidden items; from their file on the second start."""
    file = arguments.folder / f"fit-{seed}.pt"
    if file.exists():
        found: dict[str, Any] = torch.load(file, weights_only=False)
        return found
    hidden = {item for group in groups for item in group}
    folder = arguments.folder / f"hidden-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("catalogue", "events"):
        table = pl.read_parquet(arguments.dataset / f"{name}.parquet")
        table.filter(~pl.col("item_id").is_in(list(hidden))).write_parquet(folder / f"{name}.parquet")
    (folder / "dataset.json").write_text((arguments.dataset / "dataset.json").read_text())
    options = TrainOptions(dataset=folder, out=arguments.folder / f"b-{seed}", profile="quick", split="none", seed=seed)
    run = _Run(options, training_config("quick", seed), NoProgress())
    prepared = run.prepare()
    trained = run.choose(prepared).fit(prepared.split.train, "hidden")
    networks = trained.trained.networks
    fit = {
        "networks": networks,
        "spec": prepared.spec,
        "catalogue": prepared.dataset.catalogue,
        "train": trained.train,
        "features": item_features(networks, prepared, trained.train),
        "text_encoder": prepared.text_encoder,
    }
    torch.save(fit, file)
    return fit


def measured(arguments: argparse.Namespace, seed: int) -> list[dict[str, Any]]:
    """A row a draw."""
    dataset = load_dataset(arguments.dataset).dataset
    events = dataset.events.with_columns(pl.col("item_id", "user_id").cast(pl.String))
    first_seen = events.group_by("item_id").agg(pl.col("timestamp").min())
    groups = hidden_groups(dataset.catalogue, first_seen, seed, arguments.draws)
    fit = fitted(arguments, seed, groups)
    encoder_files = fit.get("text_encoder") or sorted(Path("var/cache/text-encoders").glob("*"))[0]
    onnx, tokenizer = (
        encoder_files
        if isinstance(encoder_files, tuple)
        else (encoder_files / "text_encoder.onnx", encoder_files / "tokenizer.json")
    )
    encoder, cache = TextEncoder(onnx, tokenizer), EmbeddingCache(Path("var/cache/embeddings"))
    content = encode_content(dataset.catalogue, fit["spec"], lambda texts: cache.embed(encoder, texts))
    with torch.no_grad():
        inputs = {name: torch.from_numpy(values) for name, values in content.as_inputs().items()}
        content_FD = directions(fit["networks"].items(**inputs).numpy())
    row_of = {item: row for row, item in enumerate(dataset.catalogue["item_id"].to_list())}
    left_rows = np.array([row_of[item] for item in fit["catalogue"]["item_id"].to_list()])
    fit["content_AD"] = content_FD[left_rows]
    shop = HiddenShop(recommender=None, fit=fit)
    rows = []
    for number, group in enumerate(groups):
        # other shoppers and other noise each time: the networks alone are what the draws of a training share
        lists = all_lists(shop, np.random.default_rng((seed, number)))
        hidden_rows = np.array([row_of[item] for item in group])
        systems = {
            name: hit_rates(points_XD, shop.content_AD, content_FD[hidden_rows], list(group.values()))
            for name, points_XD in lists.items()
        }
        chance = len(hidden_rows) / (len(hidden_rows) + len(left_rows))
        auc = aucs(shop, content_FD, group, row_of, events, np.random.default_rng(seed))
        rows.append(
            {"seed": seed, "hidden": sorted(set(group.values())), "chance": chance, "systems": systems, "auc": auc}
        )
        print(seed, {name: round(each["precision"], 3) for name, each in systems.items()}, auc, flush=True)
    return rows


def all_lists(shop: HiddenShop, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """System → its list of points."""
    train = shop.fit["train"]
    users = rng.choice(np.flatnonzero(train.lengths_U > 0), MAX_SHOPPERS, replace=False)
    histories = [history_of(train, user) for user in users]
    tastes_BD, _ = shop.wishes(histories, np.zeros((len(histories), 1, shop.noise_size), np.float32))
    content_AD = shop.content_AD
    mean_D, spread_DD = content_AD.mean(axis=0), np.cov(content_AD.T)
    random_XD = directions(rng.multivariate_normal(mean_D, spread_DD, NUM_CANDIDATES).astype(np.float32))
    centres_XD = directions(kmeans2(tastes_BD.astype(float), 64, seed=rng, minit="points")[0].astype(np.float32))
    # with and without D, of the same noise
    lists, noise = {}, int(rng.integers(2**32))
    for novelty in NOVELTIES:
        for least, name in ((0.1, "figment"), (0.0, "figment without D")):
            found = candidates(shop, histories, novelty, np.random.default_rng(noise), least_realism=least)
            lists[f"{name}, novelty {novelty:g}"] = found.features_XD[led(found.features_XD, LIST_LENGTH)[0]]
        for name, points_XD in (("random points", random_XD), ("k-means of tastes", centres_XD)):
            moved_XD = into_the_gap(points_XD, content_AD, novelty)
            gap_X = 1.0 - nearest(moved_XD, content_AD, 1)[1][:, 0]
            best = np.argsort(-demand(shop, tastes_BD, moved_XD) * gap_X, kind="stable")
            lists[f"{name}, novelty {novelty:g}"] = moved_XD[best][led(moved_XD[best], LIST_LENGTH)[0]]
            plain = rng.permutation(len(moved_XD))
            lists[f"{name}, unranked, novelty {novelty:g}"] = moved_XD[plain][led(moved_XD[plain], LIST_LENGTH)[0]]
    return lists


def history_of(train: Any, user: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    events = slice(train.offsets_U1[user], train.offsets_U1[user + 1])
    return train.item_rows_E[events], train.event_types_E[events], train.timestamps_E[events]


def hit_rates(
    points_XD: np.ndarray, content_AD: np.ndarray, hidden_HD: np.ndarray, names_H: list[str]
) -> dict[str, float]:
    cosine_XH, left_X = points_XD @ hidden_HD.T, (points_XD @ content_AD.T).max(axis=1)
    hits_X = cosine_XH.max(axis=1) > left_X
    found = {names_H[place] for place in cosine_XH[hits_X].argmax(axis=1)} if hits_X.any() else set()
    return {
        "precision": float(hits_X.mean()),
        "categories_found": len(found) / len(set(names_H)),
        "gap": float(1.0 - left_X.mean()),
        "distance_of_hits": float(1.0 - cosine_XH[hits_X].max(axis=1).mean()) if hits_X.any() else None,
    }


def aucs(
    shop: HiddenShop,
    content_FD: np.ndarray,
    group: dict[str, str],
    row_of: dict[str, int],
    events: pl.DataFrame,
    rng: np.random.Generator,
) -> dict[str, float]:
    train = shop.fit["train"]
    users = rng.choice(np.flatnonzero(train.lengths_U > 0), MAX_SHOPPERS, replace=False)
    tastes_BD, _ = shop.wishes(
        [history_of(train, user) for user in users], np.zeros((len(users), 1, shop.noise_size), np.float32)
    )
    hidden_HD = content_FD[[row_of[item] for item in group]]
    made_HD = same_gap(hidden_HD, shop.content_AD, rng)
    found: dict[str, float] = {}
    score = {}
    for name, points in (("hidden", hidden_HD), ("made", made_HD)):
        of_taste = tastes_BD[rng.integers(len(tastes_BD), size=(8, len(points)))]
        real = np.mean([realism(shop, tastes, points, rng) for tastes in of_taste], axis=0)
        score[name] = {"demand": demand(shop, tastes_BD, points), "realism": real}
        score[name]["realism x demand"] = score[name]["demand"] * score[name]["realism"]
    for key in score["hidden"]:
        found[f"a: {key}"] = round(auc(score["hidden"][key], score["made"][key]), 4)
    of_wishes, of_content = buyers_found(shop, content_FD, group, row_of, events, rng)
    if of_wishes:
        found["b: wishes"] = float(np.mean(of_wishes))
        found["b: mean content of the history"] = float(np.mean(of_content))
    return found


def same_gap(hidden_HD: np.ndarray, content_AD: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each hidden item a made-up point that is as far from what is left: a draw of the items' spread, pushed."""
    drawn = rng.multivariate_normal(content_AD.mean(axis=0), np.cov(content_AD.T), 400).astype(np.float32)
    mixed = content_AD[rng.integers(len(content_AD), size=(800, 2))].mean(axis=1)
    pool = directions(np.concatenate([drawn, mixed, into_the_gap(drawn, content_AD, 0.2)]))
    gap_X = 1.0 - nearest(pool, content_AD, 1)[1][:, 0]
    gap_H = 1.0 - nearest(hidden_HD, content_AD, 1)[1][:, 0]
    closest = np.abs(gap_H[:, None] - gap_X[None]).argsort(axis=1)[:, :5]
    return pool[closest[np.arange(len(closest)), rng.integers(5, size=len(closest))]]


def buyers_found(
    shop: HiddenShop,
    content_FD: np.ndarray,
    group: dict[str, str],
    row_of: dict[str, int],
    events: pl.DataFrame,
    rng: np.random.Generator,
) -> tuple[list[float], list[float]]:
    """AUC for each hidden category with enough buyers who also took something that is left."""
    train = shop.fit["train"]
    number_of = {user: number for number, user in enumerate(train.user_ids) if train.lengths_U[number] > 0}
    scale = shop.source.similarity_scale
    length = float(np.median(np.linalg.norm(shop.features_AD, axis=1)))
    of_wishes, of_content = [], []
    for name in sorted(set(group.values())):
        items = [item for item, category in group.items() if category == name]
        who = set(events.filter(pl.col("item_id").is_in(items))["user_id"].to_list())
        buyers = np.array([number_of[user] for user in sorted(who) if user in number_of])
        if len(buyers) < 20:
            continue
        others = rng.permutation(np.setdiff1d(list(number_of.values()), buyers))[:NUM_BUYERS]
        buyers = rng.permutation(buyers)[:NUM_BUYERS]
        histories = [history_of(train, user) for user in np.concatenate([buyers, others])]
        noise = rng.standard_normal((len(histories), 4, shop.noise_size)).astype(np.float32)
        _, wishes_BSD = shop.wishes(histories, noise)
        category_HD = content_FD[[row_of[item] for item in items]]
        score = np.exp(scale * length * (wishes_BSD @ category_HD.T)).mean(axis=(1, 2))
        mean_BD = directions(np.stack([shop.content_AD[rows].mean(axis=0) for rows, _, _ in histories]))
        plain = np.exp(scale * (mean_BD @ category_HD.T)).mean(axis=1)
        of_wishes.append(auc(score[: len(buyers)], score[len(buyers) :]))
        of_content.append(auc(plain[: len(buyers)], plain[len(buyers) :]))
    return of_wishes, of_content


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="trainings; kept for a second start")
    parser.add_argument("--trainings", type=int, default=3)
    parser.add_argument("--draws", type=int, default=4, help="of each training")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
