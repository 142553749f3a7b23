"""Do made-up sessions tell whose real ones the generator was trained on?

    python benchmarks/membership.py --dataset DIR --folder var/membership --json benchmarks/results/membership_NAME.json

Half of the shoppers are members: a bundle (quick profile) is trained on them alone, and as many sessions are walked as
there are members. An attacker who holds a record and the made-up sessions calls it a member's the more items it has in
common with the nearest one (Jaccard), and the more of its steps they take. AUC over members and others, .5 being a
coin; and the share of members found where one other in a hundred is accused. A Markov chain of the members' events is
the rival, and the members' own sessions, handed out as they are, show what the worst would be. No event of the members
is held out, so nothing chooses a temperature: sessions are walked at 1.
"""

# U sessions

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from known_shoppers import known_shoppers
from record import circumstances, keep
from separation import auc
from synthesis import as_sequences, markov, nearest_overlap, pairs_of

from models.data.sequences import Sequences
from models.recommend.recommender import Recommender
from models.synthesis.walk import beginning, walk
from models.synthesis.workshop import Workshop

ASKED_ABOUT = 4_000
"""Members, and as many others."""
PACKAGES = ["torch", "numpy", "onnxruntime"]


def main() -> int:
    arguments = _arguments()
    started = time.process_time()
    torch.set_num_threads(1)
    shoppers = known_shoppers(arguments.dataset, arguments.folder, 0.5)
    members, others = shoppers.known, shoppers.unknown
    workshop = Workshop(Recommender.open(shoppers.bundle))
    walked = as_sequences(walk(workshop, beginning(workshop), members.num_users, 0), "walk")
    made = {
        "figment": walked,
        "markov chain": markov(members, walked.lengths_U, np.random.default_rng(0)),
        "members as they are": members,
    }
    asked = [each.take_users(np.arange(min(ASKED_ABOUT, each.num_users))) for each in (members, others)]
    result = {
        "what": f"membership inference on {arguments.dataset.name}: {members.num_users:,} members,"
        f" {asked[0].num_users:,} of them and {asked[1].num_users:,} others asked about",
        **circumstances(PACKAGES),
        "cpu_seconds": round(time.process_time() - started),
        "temperature": workshop.temperature,
        "rows": {name: inferred(each, *asked, len(workshop.recommender.item_ids)) for name, each in made.items()},
    }
    print(json.dumps(result["rows"], indent=1))
    if arguments.json:
        keep(result, arguments.json)
    return 0


def inferred(made: Sequences, members: Sequences, others: Sequences, num_items: int) -> dict[str, Any]:
    known = np.unique(pairs_of(made, num_items))
    found = {}
    for name, score in (("nearest session", nearest_of), ("steps taken", steps_of)):
        of_members, of_others = (score(each, made, known, num_items) for each in (members, others))
        limit = np.quantile(of_others, 0.99)
        found[name] = {
            "auc": round(auc(of_members, of_others), 4),
            "members_found_at_1_percent": round(float((of_members > limit).mean()), 4),
        }
    return found


def nearest_of(records: Sequences, made: Sequences, _known: np.ndarray, _num_items: int) -> np.ndarray:
    return nearest_overlap(records, made)


def steps_of(records: Sequences, _made: Sequences, known: np.ndarray, num_items: int) -> np.ndarray:
    """Share of each record's steps that made-up sessions take."""
    is_known = np.isin(pairs_of(records, num_items), known)
    steps_U = records.lengths_U - 1
    of_step = np.repeat(np.arange(records.num_users), steps_U)
    return np.bincount(of_step, weights=is_known, minlength=records.num_users) / steps_U


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="for the members' data and bundle")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
