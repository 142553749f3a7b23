"""Do made-up items lift real ones that nobody has bought yet?

    python benchmarks/cold_items.py --dataset DIR --folder var/cold --json benchmarks/results/cold_items_NAME.json

A tenth of the items lose their events and stay in the catalogue. A bundle (quick profile) is trained on what is left;
its generator wishes for items, which are decoded into catalogue rows, and each is put behind the history of the shopper
who wished for it. A second bundle is trained on shop and made-up rows together. NDCG@10 of both on real last events,
among all real items: of hidden items and of the others. Controls, as many rows behind the same shoppers: real rows
drawn at random, and rows of neighbours of what the shopper had.
"""

# X made-up items, K places

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch
from record import circumstances, keep

from app.observability.progress import TaskProgress
from models.domain.events import HistoryEvent
from models.domain.recommendation import RecommendationRequest
from models.pipeline.train import TrainOptions, train
from models.recommend.recommender import Recommender
from models.synthesis.items import make_items
from models.synthesis.segment import encoded_histories
from models.synthesis.walk import beginning
from models.synthesis.workshop import Workshop

HIDDEN_SHARE = 0.1
MAX_CASES = 3_000
"""Of each kind."""
PER_CALL = 256
K = 10
PACKAGES = ["torch", "numpy", "onnxruntime"]


@dataclass(frozen=True)
class Shop:
    """A catalogue, the events that are left, and real last events to ask about: shopper → history, item."""

    catalogue: pl.DataFrame
    events: pl.DataFrame
    cases: dict[str, list[tuple[list[str], str]]]


def main() -> int:
    arguments = _arguments()
    started = time.process_time()
    torch.set_num_threads(1)
    shop = hidden(arguments.dataset)
    plain = trained(arguments, "plain", shop.catalogue, shop.events)
    rows = {"real alone": measured(plain, shop)}
    for name, (catalogue, events) in enlarged(plain, shop, arguments.items).items():
        rows[name] = measured(trained(arguments, name.replace(" ", "-"), catalogue, events), shop)
        print(name, rows[name], flush=True)
    result = {
        "what": f"{arguments.dataset.name}: {HIDDEN_SHARE:.0%} of the items hidden, {arguments.items:,} rows added",
        **circumstances(PACKAGES),
        "cpu_seconds": round(time.process_time() - started),
        "rows": rows,
    }
    print(json.dumps(rows, indent=1))
    if arguments.json:
        keep(result, arguments.json)
    return 0


def hidden(folder: Path) -> Shop:
    catalogue = pl.read_parquet(folder / "catalogue.parquet")
    events = pl.read_parquet(folder / "events.parquet").sort("user_id", "timestamp", maintain_order=True)
    sold = events["item_id"].unique().sort().to_numpy()
    cold = set(np.random.default_rng(0).permutation(sold)[: round(HIDDEN_SHARE * len(sold))].tolist())
    last = events.with_columns(last=pl.int_range(pl.len()).over("user_id") == pl.len().over("user_id") - 1)
    left = last.filter(~pl.col("last") & ~pl.col("item_id").is_in(list(cold))).drop("last")
    histories = {
        str(user): items
        for user, items in left.group_by("user_id", maintain_order=True).agg(pl.col("item_id")).iter_rows()
    }
    cases: dict[str, list[tuple[list[str], str]]] = {"hidden": [], "warm": []}
    for user, item in last.filter(pl.col("last")).select("user_id", "item_id").iter_rows():
        if str(user) in histories:
            cases["hidden" if item in cold else "warm"].append((histories[str(user)], str(item)))
    rng = np.random.default_rng(1)
    some = {name: [each[place] for place in rng.permutation(len(each))[:MAX_CASES]] for name, each in cases.items()}
    return Shop(catalogue, left, some)


def trained(arguments: argparse.Namespace, name: str, catalogue: pl.DataFrame, events: pl.DataFrame) -> Recommender:
    """From its folder on the second start."""
    folder, bundle = arguments.folder / name, arguments.folder / "bundles" / name
    if not bundle.exists():
        folder.mkdir(parents=True, exist_ok=True)
        catalogue.write_parquet(folder / "catalogue.parquet")
        events.write_parquet(folder / "events.parquet")
        (folder / "dataset.json").write_bytes((arguments.dataset / "dataset.json").read_bytes())
        with TaskProgress() as progress:
            train(TrainOptions(dataset=folder, out=bundle, profile="quick", split="none"), progress)
    return Recommender.open(bundle)


def enlarged(plain: Recommender, shop: Shop, num: int) -> dict[str, tuple[pl.DataFrame, pl.DataFrame]]:
    """Catalogue and events with one made-up item behind the histories of `num` shoppers, and the controls."""
    rng = np.random.default_rng(2)
    by_user = {str(user): part for (user,), part in shop.events.group_by(["user_id"], maintain_order=True)}
    users = rng.permutation(sorted(by_user))[:num].tolist()
    workshop = Workshop(plain)
    histories = [[HistoryEvent(item) for item in by_user[user]["item_id"].to_list()] for user in users]
    rows = [
        make_items(workshop, beginning(workshop, histories=[history]), 1, seed)
        for seed, history in enumerate(encoded_histories(workshop, histories))
    ]
    items = [history[int(rng.integers(len(history)))].item_id for history in histories]
    near = [plain.item_ids[int(plain.ranker.source.neighbours.rows_NM[[plain.row_of[item]]][0, 0])] for item in items]
    drawn = rng.choice(shop.catalogue["item_id"].to_numpy(), len(users)).tolist()
    made = {
        "made by figment": pl.concat(rows).drop("synthetic"),
        "control random rows": copies(shop.catalogue, drawn),
        "control neighbours rows": copies(shop.catalogue, near),
    }
    return {name: with_rows(shop, by_user, users, each) for name, each in made.items()}


def copies(catalogue: pl.DataFrame, item_ids: list[str]) -> pl.DataFrame:
    """Real rows under new ids."""
    rows = pl.DataFrame({"item_id": item_ids}).join(catalogue, on="item_id", how="left", maintain_order="left")
    return rows.with_columns(item_id=pl.Series([f"copy-{number}" for number in range(len(rows))]))


def with_rows(
    shop: Shop, by_user: dict[str, pl.DataFrame], users: list[str], rows: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Each row a real shopper's next choice: a second shopper with the same history took it."""
    ends = []
    for user, item in zip(users, rows["item_id"].to_list(), strict=True):
        after = by_user[user].tail(1).with_columns(item_id=pl.lit(item), timestamp=pl.col("timestamp") + DAY)
        ends.append(pl.concat([by_user[user], after]).with_columns(user_id=pl.lit(f"again-{user}")))
    catalogue = pl.concat([shop.catalogue, rows], how="diagonal_relaxed")
    return catalogue, pl.concat([shop.events, *ends], how="vertical_relaxed")


DAY = pl.duration(days=1)


def measured(recommender: Recommender, shop: Shop) -> dict[str, float]:
    """NDCG@10 of the list as served, made-up rows left out of it."""
    real = set(shop.catalogue["item_id"].to_list())
    unreal = [item for item in recommender.item_ids if item not in real]
    found = {}
    for name, cases in shop.cases.items():
        gains = []
        for start in range(0, len(cases), PER_CALL):
            some = cases[start : start + PER_CALL]
            asked = [
                RecommendationRequest(history=[HistoryEvent(item) for item in history], k=K, exclude_item_ids=unreal)
                for history, _ in some
            ]
            for answer, (_, target) in zip(recommender.recommend(asked), some, strict=True):
                places = [place for place, item in enumerate(answer.items) if item.item_id == target]
                gains.append(1.0 / np.log2(places[0] + 2.0) if places else 0.0)
        found[f"ndcg@10, {name}"] = round(float(np.mean(gains)), 5)
        found[f"standard error, {name}"] = round(float(np.std(gains) / len(gains) ** 0.5), 5)
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="for the enlarged data and the bundles")
    parser.add_argument("--items", type=int, default=1_000, help="made-up rows")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
