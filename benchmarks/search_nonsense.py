"""Does a search tell when nothing is near? How many queries are warned about, of random letters and of real words.

    python benchmarks/search_nonsense.py --bundle BUNDLE --json benchmarks/results/search_nonsense_NAME.json

Queries: letters drawn at random, other ones than those that the bound is made of; words of letters that follow each
other as in titles; two words of a title; the names of categories. Real queries are asked twice, the second time as if
no item had any of their words: the items that have one are left out.
"""

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from record import circumstances, keep

from models.recommend.recommender import Recommender
from models.recommend.search.chance import SEED, drawn_queries
from models.recommend.search.words import query_words
from models.retrieval.faiss_index import set_search_threads

PACKAGES: Final = ["numpy", "polars", "faiss-cpu", "onnxruntime"]
NUM_QUERIES: Final = 300
MAX_LETTERS: Final = 12


def main() -> None:
    arguments = _arguments()
    set_search_threads(1)
    recommender = Recommender.open(arguments.bundle, threads=1)
    recommender.prepare_search()
    frame, rng = recommender.catalogue.attributes.frame, np.random.default_rng(1)
    titles = [title for title in frame["title"].to_list() if title]
    categories = sorted({category.split(" > ")[-1] for category in frame["category"].to_list() if category})
    real = {"two words of a title": [_two_words(titles, rng) for _ in range(NUM_QUERIES)], "category": categories}
    made_up = {
        "letters at random": drawn_queries(NUM_QUERIES, SEED + 1),
        "letters as in titles": _like_words(titles, rng),
    }
    result = {
        "what": f"queries that are warned about, among the {len(frame):,} items of {recommender.model_version}",
        **circumstances(PACKAGES),
        "bound on the cosine": round(recommender.items.origin.texts.chance, 4),
        "share warned about": {
            **{name: _warned(recommender, queries) for name, queries in {**made_up, **real}.items()},
            **{f"{name}, no item has a word": _warned(recommender, real[name], wordless=True) for name in real},
        },
    }
    keep(result, arguments.json)


def _warned(recommender: Recommender, queries: list[str], *, wordless: bool = False) -> dict[str, Any]:
    texts, embed = recommender._texts, recommender.items.origin.encoder.embed
    near = []
    for query in queries:
        allowed = ~recommender.catalogue.attributes.is_deleted_N
        if wordless:
            allowed = allowed & (texts._words(query).shared_N == 0)
        near.append(texts.is_near(texts.find(query, embed([query])[0], [allowed])[0]))
    return {"queries": len(queries), "share": round(1.0 - float(np.mean(near)), 3)}


def _two_words(titles: list[str], rng: np.random.Generator) -> str:
    while True:
        words = [word for word in query_words(str(rng.choice(titles))) if len(word) > 2]
        if len(words) > 1:
            return " ".join(rng.permutation(words)[:2])


def _like_words(titles: list[str], rng: np.random.Generator) -> list[str]:
    """Each letter drawn by the two before it."""
    follow: dict[str, list[str]] = defaultdict(list)
    for word in (f"^^{word}$" for title in titles for word in query_words(title) if word.isalpha()):
        for place in range(len(word) - 2):
            follow[word[place : place + 2]].append(word[place + 2])
    letters = {pair: np.array(nexts) for pair, nexts in follow.items()}
    return [" ".join(_one_like(letters, rng) for _ in range(rng.integers(1, 4))) for _ in range(NUM_QUERIES)]


def _one_like(letters: dict[str, NDArray[np.str_]], rng: np.random.Generator) -> str:
    word = "^^"
    while len(word) < MAX_LETTERS + 2:
        letter = str(rng.choice(letters[word[-2:]]))
        if letter == "$":
            break
        word += letter
    return word[2:]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
