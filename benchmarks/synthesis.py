"""Are made-up shoppers and items worth anything? Fidelity, privacy, and training on them, beside a Markov chain.

    python benchmarks/synthesis.py --dataset DIR --bundle BUNDLE --json benchmarks/results/synthesis_NAME.json

As many sessions as there are training shoppers, walked by the bundle's generator and by a Markov chain of the same
training events (first item, then the next by how often it followed, with length as drawn for the walk). A third row is
real: another third of the shoppers beside one third, the floor that no maker can pass; as many made-up sessions stand
beside that third, and how well an item sells is counted on the last third, because sessions sell what is in them.

SASRec (quick) is trained on each and tested on the real held-out events (its teacher's neighbours have their settings
from real validation events in every row); with `--short`, also on real and made-up events together, for shoppers with
five events or fewer, and on controls: sessions of items drawn at random, by how well they sell, and along neighbours.
Made-up items are told from real rows by a classifier that looks at how often brand, category and words are seen
together in other real rows; beside them real rows whose columns were shuffled, which it must tell, and other real rows,
which it cannot. Whether made-up sessions tell who was trained on: benchmarks/membership.py.
"""

# U sessions, E events, N items, X rows of a classifier, F its features

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from record import circumstances, keep
from scipy.sparse import coo_array, csr_array
from scipy.stats import rankdata
from separation import auc

from models.data.read import load_dataset
from models.data.sequences import Sequences
from models.data.sequences_from_events import build_sequences
from models.data.shuffle import shuffle_items
from models.data.split import split_sequences
from models.domain.events import EVENT_TYPES
from models.evaluation.rival_data import RivalData, RivalTraining
from models.evaluation.rival_neighbours import RivalNeighbours
from models.evaluation.sasrec import fit_sasrec
from models.features.spec import CATEGORY_SEPARATOR, FeatureSpec
from models.metrics.ranking import hits, ndcg
from models.recommend.recommender import Recommender
from models.synthesis.items import make_items
from models.synthesis.labels import item_words
from models.synthesis.walk import Sessions, beginning, walk
from models.synthesis.workshop import Workshop

PACKAGES = ["torch", "numpy", "onnxruntime"]
SHORT = 5
MAX_CASES = 8_000
NEAREST_OF = 2_000
"""Sessions whose nearest record is looked for."""
KINDS = ("category", "brand")
MOST_IN_BASKET = 30
"""Larger ones count as this one."""


def main() -> int:
    arguments = _arguments()
    torch.set_num_threads(1)
    recommender = Recommender.open(arguments.bundle)
    workshop, manifest = Workshop(recommender), recommender.manifest
    seed = int(manifest.split["seed"])
    dataset = shuffle_items(load_dataset(arguments.dataset).dataset, seed)
    assert dataset.catalogue["item_id"].to_list() == list(recommender.item_ids)
    split = split_sequences(
        build_sequences(dataset, seed=seed), manifest.split["kind"], time=dataset.info.time, seed=seed
    )
    real = split.train.take_users(np.flatnonzero(split.train.lengths_U > 0))
    num_sessions = arguments.sessions or real.num_users
    walked = as_sequences(walk(workshop, beginning(workshop), num_sessions, seed), "walk")
    chained = markov(real, walked.lengths_U, np.random.default_rng(seed))
    shuffled = np.random.default_rng(seed).permutation(real.num_users)
    one, other, known = (real.take_users(third) for third in np.array_split(shuffled, 3))
    made = {"figment": walked, "markov chain": chained}
    report: dict[str, Any] = {
        name: fidelity(each.take_users(np.arange(min(one.num_users, each.num_users))), one, known, dataset.catalogue)
        | privacy(each, real)
        for name, each in made.items()
    }
    report["real, another third"] = fidelity(other, one, known, dataset.catalogue)
    if dataset.info.time == "real":
        thirds = {"figment": walked.take_users(np.arange(min(one.num_users, walked.num_users)))}
        for name, each in (thirds | {"real, another third": other}).items():
            report[name] |= rhythm(each, one)
    print(json.dumps(report, indent=1), flush=True)
    items = item_auc(workshop, dataset.catalogue, seed)
    print(json.dumps(items, indent=1), flush=True)
    trained = {}
    if not arguments.no_training:
        if arguments.short:
            made |= controls(workshop, real, walked.lengths_U, np.random.default_rng(seed))
        trained = tested(dataset, split, real, made, arguments.short, seed)
    result = {
        "what": f"synthetic shoppers and items on {dataset.info.name}",
        **circumstances(PACKAGES),
        "profile": manifest.training["profile"],
        "temperature": workshop.temperature,
        "num_sessions": num_sessions,
        "sessions": report,
        "items": items,
        "decoder": manifest.metrics.get("decoder", {}),
        "trained_on": trained,
    }
    if arguments.json:
        keep(result, arguments.json)
    return 0


def as_sequences(sessions: Sessions, name: str) -> Sequences:
    return Sequences(
        user_ids=[f"{name}-{number}" for number in range(len(sessions.offsets_U1) - 1)],
        offsets_U1=sessions.offsets_U1,
        item_rows_E=sessions.item_rows_E,
        event_types_E=sessions.event_types_E,
        timestamps_E=sessions.timestamps_E,
    )


def markov(real: Sequences, lengths_U: np.ndarray, rng: np.random.Generator) -> Sequences:
    """First items and steps by their counts; where nothing followed, and for what was had, by popularity."""
    followers: dict[int, list[int]] = {}
    later = np.ones(real.num_events, bool)
    later[real.offsets_U1[:-1]] = False
    for before, after in zip(
        real.item_rows_E[np.flatnonzero(later) - 1], real.item_rows_E[np.flatnonzero(later)], strict=True
    ):
        followers.setdefault(int(before), []).append(int(after))
    first = real.item_rows_E[real.offsets_U1[:-1]]
    sessions: list[list[int]] = []
    for length in lengths_U:
        session = [int(rng.choice(first))]
        while len(session) < length:
            options = [row for row in followers.get(session[-1], ()) if row not in session]
            row = int(options[rng.integers(len(options))]) if options else int(rng.choice(real.item_rows_E))
            if row not in session:
                session.append(row)
        sessions.append(session)
    return sessions_of(sessions, "markov")


def controls(
    workshop: Workshop, real: Sequences, lengths_U: np.ndarray, rng: np.random.Generator
) -> dict[str, Sequences]:
    """As many sessions, as long, of which no generator knows anything."""
    num_items = len(workshop.recommender.item_ids)
    sales_N = np.bincount(real.item_rows_E, minlength=num_items) / real.num_events
    neighbours = workshop.source.neighbours

    def along_neighbours(length: int) -> list[int]:
        session = [int(rng.choice(num_items, p=sales_N))]
        while len(session) < length:
            near = neighbours.rows_NM[session[-1:]][0]
            weights = neighbours.voices_NMV[session[-1:]][0].astype(np.float64) @ neighbours.weights_V
            weights = np.where((near < 0) | np.isin(near, session), 0.0, np.maximum(weights, 0.0))
            row = int(rng.choice(near, p=weights / weights.sum())) if weights.any() else int(rng.choice(num_items))
            if row not in session:
                session.append(row)
        return session

    def drawn(shares_N: np.ndarray | None) -> Callable[[int], list[int]]:
        return lambda length: rng.choice(num_items, length, replace=False, p=shares_N).tolist()

    makers = {"random": drawn(None), "by popularity": drawn(sales_N), "along neighbours": along_neighbours}
    return {
        f"control: {name}": sessions_of([make(int(length)) for length in lengths_U], name)
        for name, make in makers.items()
    }


def sessions_of(rows: list[list[int]], name: str) -> Sequences:
    """Purchases a day apart."""
    lengths_U = [len(each) for each in rows]
    return Sequences(
        user_ids=[f"{name}-{number}" for number in range(len(rows))],
        offsets_U1=np.concatenate([[0], np.cumsum(lengths_U)]).astype(np.int64),
        item_rows_E=np.concatenate(rows).astype(np.int32),
        event_types_E=np.full(sum(lengths_U), EVENT_TYPES.index("purchase"), np.int8),
        timestamps_E=np.concatenate([np.arange(length, dtype=np.int64) * 86_400 for length in lengths_U]),
    )


def fidelity(made: Sequences, real: Sequences, known: Sequences, catalogue: pl.DataFrame) -> dict[str, float]:
    """How alike the two are: 0 is the best distance, 1 the best correlation, .5 the best AUC."""
    num_items = len(catalogue)
    counts = [np.bincount(each.item_rows_E, minlength=num_items) / each.num_events for each in (made, real)]
    mean = (counts[0] + counts[1]) / 2
    divergence = sum(0.5 * (each[each > 0] * np.log2(each[each > 0] / mean[each > 0])).sum() for each in counts)
    quantiles = np.linspace(0, 1, 101)
    lengths = [np.quantile(each.lengths_U, quantiles) for each in (made, real)]
    steps = [pairs_of(each, num_items) for each in (made, real)]
    return {
        "length_distance": round(float(np.abs(lengths[0] - lengths[1]).mean()), 3),
        "popularity_divergence": round(float(divergence), 4),
        "popularity_correlation": round(float(np.corrcoef(rankdata(counts[0]), rankdata(counts[1]))[0, 1]), 4),
        "steps_that_are_real": round(float(np.isin(steps[0], steps[1]).mean()), 4),
        "real_steps_made": round(float(np.isin(np.unique(steps[1]), steps[0]).mean()), 4),
        "two_sample_auc": two_sample(session_facts(made, known, catalogue), session_facts(real, known, catalogue)),
    }


def rhythm(made: Sequences, real: Sequences) -> dict[str, float]:
    """How alike the two are in when things happen and what of which kind: 0 is the best distance.

    A basket is what a shopper took at one instant. A chain of items says nothing of any of this.
    """
    quantiles = np.linspace(0, 1, 101)
    gaps, baskets, kinds = [], [], []
    for each in (made, real):
        later = np.ones(each.num_events, bool)
        later[each.offsets_U1[:-1][each.lengths_U > 0]] = False
        between = np.diff(each.timestamps_E, prepend=each.timestamps_E[:1])
        gaps.append(np.quantile(np.log1p(between[later & (between > 0)]), quantiles))
        sizes = np.diff(np.append(np.flatnonzero(~later | (between > 0)), each.num_events))
        baskets.append(np.bincount(np.minimum(sizes, MOST_IN_BASKET), minlength=MOST_IN_BASKET + 1) / len(sizes))
        kinds.append(np.bincount(each.event_types_E, minlength=len(EVENT_TYPES)) / each.num_events)
    return {
        "log_gap_distance": round(float(np.abs(gaps[0] - gaps[1]).mean()), 3),
        "basket_size_variation": round(float(np.abs(baskets[0] - baskets[1]).sum() / 2), 4),
        "baskets_of_one": round(float(baskets[0][1]), 4),
        "type_variation": round(float(np.abs(kinds[0] - kinds[1]).sum() / 2), 4),
    }


def pairs_of(sequences: Sequences, num_items: int) -> np.ndarray:
    """One number for each step from an item to the next."""
    later = np.ones(sequences.num_events, bool)
    later[sequences.offsets_U1[:-1][sequences.lengths_U > 0]] = False
    after = np.flatnonzero(later)
    return sequences.item_rows_E[after - 1].astype(np.int64) * num_items + sequences.item_rows_E[after]


def session_facts(sequences: Sequences, known: Sequences, catalogue: pl.DataFrame) -> np.ndarray:
    """[U, F]: length, popularity, how often category and brand stay the same from step to step."""
    counts_N = np.log1p(np.bincount(known.item_rows_E, minlength=len(catalogue)))
    codes = [
        catalogue[name].fill_null("").rank("dense").to_numpy()
        if name in catalogue.columns
        else np.zeros(len(catalogue))
        for name in ("category", "brand")
    ]
    if "category" in catalogue.columns:
        tops = catalogue["category"].fill_null("").str.split(CATEGORY_SEPARATOR).list.last().rank("dense").to_numpy()
        codes.append(tops)
    users_E = sequences.users_of_events_E()
    lengths_U = np.maximum(sequences.lengths_U, 1)

    def mean_of(values_E: np.ndarray) -> np.ndarray:
        return np.bincount(users_E, weights=values_E, minlength=sequences.num_users) / lengths_U

    popularity_E = counts_N[sequences.item_rows_E]
    same = [
        np.concatenate([[0], code[sequences.item_rows_E][1:] == code[sequences.item_rows_E][:-1]]) for code in codes
    ]
    first = sequences.offsets_U1[:-1][sequences.lengths_U > 0]
    for each in same:
        each[first] = 0
    spread = np.sqrt(np.maximum(mean_of(popularity_E**2) - mean_of(popularity_E) ** 2, 0))
    facts = [np.log(lengths_U), mean_of(popularity_E), spread, counts_N[sequences.item_rows_E[first]]]
    return np.stack([*facts, *(mean_of(each) for each in same)], axis=1)


def two_sample(made_XF: np.ndarray, real_XF: np.ndarray, steps: int = 400) -> float:
    """AUC on a held-out half of a network that tells the two apart."""
    torch.manual_seed(0)
    size = min(len(made_XF), len(real_XF))
    rng = np.random.default_rng(0)
    facts = np.concatenate([each[rng.permutation(len(each))[:size]] for each in (made_XF, real_XF)])
    facts = (facts - facts.mean(axis=0)) / np.maximum(facts.std(axis=0), 1e-6)
    x, y = torch.from_numpy(facts.astype(np.float32)), torch.cat([torch.zeros(size), torch.ones(size)])
    order = torch.randperm(2 * size)
    fit, held = order[:size], order[size:]
    network = torch.nn.Sequential(torch.nn.Linear(x.shape[1], 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3, weight_decay=1e-2)
    for _ in range(steps):
        rows = fit[torch.randint(len(fit), (min(512, len(fit)),))]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(x[rows])[:, 0], y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        said, truth = network(x[held])[:, 0].numpy(), y[held].numpy() > 0
    return round(auc(said[truth], said[~truth]), 4)


def privacy(made: Sequences, real: Sequences) -> dict[str, float]:
    """Copies, and how near real records are: by the share of items that two sessions have in common (Jaccard).

    The ratio is 1 where made-up sessions are as far from the nearest real one as real ones are from each other, and 0
    where they are copies.
    """
    known = {tuple(real.items_of(user)) for user in range(real.num_users)}
    copies = np.mean([tuple(made.items_of(user)) in known for user in range(made.num_users)])
    long = [user for user in range(made.num_users) if made.lengths_U[user] > 2]
    long_copies = np.mean([tuple(made.items_of(user)) in known for user in long]) if long else 0.0
    to_real = nearest_overlap(made.take_users(np.arange(min(NEAREST_OF, made.num_users))), real)
    some = np.random.default_rng(0).permutation(real.num_users)[:NEAREST_OF]
    among_real = nearest_overlap(real.take_users(some), real, own=some)
    ratio = (1 - to_real.mean()) / max(1e-9, 1 - among_real.mean())
    return {
        "copies": round(float(copies), 5),
        "copies_longer_than_two": round(float(long_copies), 5),
        "nearest_record_distance_ratio": round(float(ratio), 4),
    }


def nearest_overlap(left: Sequences, right: Sequences, own: np.ndarray | None = None) -> np.ndarray:
    """Largest overlap of each of the left with one of the right; `own`: places of the left ones among the right, which
    do not count."""
    num_items = int(max(left.item_rows_E.max(), right.item_rows_E.max())) + 1
    sets = [
        coo_array(
            (np.ones(each.num_events, np.float32), (each.users_of_events_E(), each.item_rows_E)),
            shape=(each.num_users, num_items),
        ).tocsr()
        for each in (left, right)
    ]
    for each in sets:
        each.data[:] = 1
    sizes = [np.asarray(each.sum(axis=1)).ravel() for each in sets]
    best = []
    for start in range(0, left.num_users, 256):
        common = (sets[0][start : start + 256] @ sets[1].T).toarray()
        overlap = common / (sizes[0][start : start + 256, None] + sizes[1][None] - common)
        if own is not None:
            overlap[np.arange(len(overlap)), own[start : start + 256]] = 0.0
        best.append(overlap.max(axis=1))
    return np.concatenate(best)


def item_auc(workshop: Workshop, catalogue: pl.DataFrame, seed: int) -> dict[str, Any]:
    """How well a classifier tells made-up rows from real ones; shuffled columns and other real rows beside them."""
    rng = np.random.default_rng(seed)
    made = make_items(workshop, beginning(workshop), min(len(catalogue) // 3, 5_000), seed)
    known, one, other = (catalogue[rows] for rows in np.array_split(rng.permutation(len(catalogue)), 3))
    columns = [name for name in ("category", "brand") if name in catalogue.columns]
    shuffled = other.with_columns(other[name].gather(rng.permutation(len(other))) for name in columns)
    seen = Seen.of(known, workshop)
    real_XF = seen.facts(one)
    found: dict[str, Any] = {
        name: two_sample(seen.facts(rows), real_XF, steps=600)
        for name, rows in {"made-up": made, "real, shuffled columns": shuffled, "real, another third": other}.items()
    }
    if "category" in columns:
        shares = [frame["category"].value_counts(normalize=True) for frame in (made, catalogue)]
        both = shares[0].join(shares[1], on="category", how="full", coalesce=True).fill_null(0.0)
        found["category_share_distance"] = round(
            float((both["proportion"] - both["proportion_right"]).abs().sum() / 2), 4
        )
    return found


@dataclass(frozen=True)
class Seen:
    """How often words, categories and brands that the decoder knows stand in rows, alone and together."""

    words: frozenset[str]
    tags: dict[str, frozenset[str]]
    spec: FeatureSpec
    counts: Counter[tuple[str, ...]]

    @classmethod
    def of(cls, frame: pl.DataFrame, workshop: Workshop) -> "Seen":
        labels = workshop.decoder.labels
        tags = {"category": frozenset(labels.categories), "brand": frozenset(labels.brands)}
        seen = cls(frozenset(labels.words), tags, workshop.spec, Counter())
        for words, row_tags in seen._rows(frame):
            seen.counts.update(each for kind in pairs(words, row_tags) for each in kind)
        return seen

    def facts(self, frame: pl.DataFrame) -> np.ndarray:
        """[X, F]: number of words, price, and of each kind of pair the mean log count and the share of new ones."""
        rows = []
        prices = frame["price"].fill_null(0.0) if "price" in frame.columns else np.zeros(len(frame))
        for (words, row_tags), price in zip(self._rows(frame), prices, strict=True):
            row = [len(words), np.log1p(price), *(name in row_tags for name in self.tags)]
            for kind in pairs(words, row_tags):
                counts = np.array([self.counts[each] for each in kind] or [0])
                row += [np.log1p(counts).mean(), (counts == 0).mean()]
            rows.append(row)
        return np.array(rows, np.float32)

    def _rows(self, frame: pl.DataFrame) -> Iterator[tuple[list[str], dict[str, str]]]:
        for item in frame.iter_rows(named=True):
            tags = {name: item[name] for name, known in self.tags.items() if item.get(name) in known}
            yield [word for word in item_words(item, self.spec) if word in self.words], tags


def pairs(words: list[str], tags: dict[str, str]) -> list[list[tuple[str, ...]]]:
    """What is counted of a row: each thing by itself, and things of two kinds together."""
    alone = [[("word", word) for word in words], *([(name, tags[name])] if name in tags else [] for name in KINDS)]
    with_words = [[(name, tags[name], word) for word in words] if name in tags else [] for name in KINDS]
    together = [[("both", *(tags[name] for name in KINDS))]] if len(tags) == len(KINDS) else [[]]
    among_words = [[("words", *sorted(pair)) for pair in combinations(words, 2)]]
    return [*alone, *with_words, *together, *among_words]


def tested(
    dataset: Any, split: Any, real: Sequences, made: dict[str, Sequences], short: bool, seed: int
) -> dict[str, dict[str, float]]:
    """NDCG@10 on real held-out events of SASRec trained on each."""
    cases = split.test.with_history(MAX_CASES, seed)
    trained_on = {"real": real, **made}
    if short:
        trained_on |= {f"real + {name}": joined(real, each) for name, each in made.items()}
    found = {}
    for name, train in trained_on.items():
        data = RivalData(
            dataset=dataset,
            split_kind=split.kind,
            train=train,
            validation=split.validation,
            exclude_seen=True,
            seed=seed,
            training=RivalTraining(profile="quick"),
        )
        no_content_NN = csr_array((data.num_items, data.num_items), dtype=np.float32)
        system = fit_sasrec(data, RivalNeighbours.choose(data, no_content_NN))
        rows_BK, scores_BK = system.rank(cases.histories, 20, exclude_seen=True)
        ndcg_B = ndcg(
            hits(rows_BK, scores_BK, cases.target_offsets_U1, cases.targets_T), np.ones(len(rows_BK), int), 10
        )
        is_short_B = cases.histories.lengths_U <= SHORT
        found[name] = {
            "ndcg@10": float(ndcg_B.mean()),
            f"ndcg@10, {SHORT} events or fewer": float(ndcg_B[is_short_B].mean()),
        }
        print(name, found[name], flush=True)
    return found


def joined(real: Sequences, made: Sequences) -> Sequences:
    return Sequences(
        user_ids=[*real.user_ids, *made.user_ids],
        offsets_U1=np.concatenate([real.offsets_U1, real.offsets_U1[-1] + made.offsets_U1[1:]]),
        item_rows_E=np.concatenate([real.item_rows_E, made.item_rows_E]),
        event_types_E=np.concatenate([real.event_types_E, made.event_types_E]),
        timestamps_E=np.concatenate([real.timestamps_E, made.timestamps_E]),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True, help="trained on this dataset")
    parser.add_argument("--sessions", type=int, help="how many; by default as many as there are training shoppers")
    parser.add_argument("--no-training", action="store_true", help="fidelity and privacy only")
    parser.add_argument("--short", action="store_true", help="also train on real and made-up events together")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
