"""Whether the lists that `figment recommend` writes for every shopper find what `figment evaluate` says they find.

    python benchmarks/nightly_accuracy.py --dataset DIR --bundle BUNDLE --json results/nightly_accuracy_NAME.json

Histories of all held-out shoppers are written to a file, as a shop would have them the evening before; the verb is
given that file; its lists are scored against what was taken next, beside what evaluation found for the same shoppers.
"""

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import polars as pl
from accuracy import succeed
from held_out import held_out_cases
from record import circumstances, keep

from models.data.split import EvaluationCases
from models.domain.events import EVENT_TYPES
from models.metrics.ranking import hit_rate, hits, ndcg
from models.recommend.recommender import Recommender

PACKAGES: Final = ["numpy", "polars", "faiss-cpu", "onnxruntime"]
K: Final = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()
    recommender = Recommender.open(arguments.bundle)
    cases = held_out_cases(arguments.dataset, recommender, sys.maxsize)
    with TemporaryDirectory() as folder:
        events, lists, figures = (Path(folder) / name for name in ("events.parquet", "lists.parquet", "figures.json"))
        histories_of(cases, recommender.item_ids).write_parquet(events)
        bundle, dataset = str(arguments.bundle), str(arguments.dataset)
        succeed("recommend", "--bundle", bundle, "--events", str(events), "--out", str(lists), "--k", str(K))
        nightly = found_by(pl.read_parquet(lists), cases, recommender)
        options = ["--systems", recommender.serves, "--json", str(figures)]
        succeed("evaluate", "--dataset", dataset, "--bundle", bundle, *options)
        evaluated = json.loads(figures.read_text())
    keep(
        {
            "what": f"lists for every shopper, {evaluated['dataset']}",
            **circumstances(PACKAGES),
            "revision_of_the_bundle": recommender.manifest.git_revision,
            "system": recommender.serves,
            "shoppers": {"recommend": cases.num_cases, "evaluate": evaluated["num_users"]},
            "recommend": nightly,
            "evaluate": {name: evaluated["systems"][recommender.serves][name] for name in nightly},
        },
        arguments.json,
    )


def histories_of(cases: EvaluationCases, item_ids: Any) -> pl.DataFrame:
    """An events file; where times are not known, the places of the events are their seconds."""
    histories = cases.histories
    lengths = histories.lengths_U
    places = np.arange(lengths.sum()) - np.repeat(histories.offsets_U1[:-1], lengths)
    times = np.where(histories.timestamps_E >= 0, histories.timestamps_E, places)
    return pl.DataFrame(
        {
            "user_id": np.repeat(np.array(histories.user_ids), lengths),
            "item_id": np.array(item_ids)[histories.item_rows_E],
            "event_type": np.array(EVENT_TYPES)[histories.event_types_E],
            "timestamp": pl.from_epoch(pl.Series(times), time_unit="s").dt.replace_time_zone("UTC"),
        }
    )


def found_by(lists: pl.DataFrame, cases: EvaluationCases, recommender: Recommender) -> dict[str, float]:
    """HR@10 and NDCG@10 of the written lists."""
    number_of = {user_id: number for number, user_id in enumerate(cases.histories.user_ids)}
    rows_BK = np.full((cases.num_cases, K), -1, np.int32)
    scores_BK = np.full((cases.num_cases, K), -np.inf, np.float32)
    for user_id, item_id, rank in lists.select("user_id", "item_id", "rank").iter_rows():
        # by rank: scores of a file are rounded, and ties would count against the list
        rows_BK[number_of[user_id], rank - 1] = recommender.row_of[item_id]
        scores_BK[number_of[user_id], rank - 1] = -rank
    hits_BK = hits(rows_BK, scores_BK, cases.target_offsets_U1, cases.targets_T)
    gains_B = ndcg(hits_BK, np.diff(cases.target_offsets_U1), K)
    return {f"hr@{K}": float(hit_rate(hits_BK, K).mean()), f"ndcg@{K}": float(gains_B.mean())}


if __name__ == "__main__":
    main()
