"""How near to a catalogue letters come that were drawn at random: what is no nearer to a query was not found."""

# Q queries, E text embedding

import string
from typing import Final

import numpy as np

from models.features.content import EmbedsText
from models.retrieval.faiss_index import FaissIndex

NUM_DRAWN: Final = 64
MOST_WORDS: Final = 3
WORD_LENGTHS: Final = (4, 10)
CHANCE: Final = 0.95
"""Of drawn queries, whose nearest item is no nearer. On Amazon Beauty 95 in 100 other ones are then told. A query with
a word that an item has never is; of categories asked as if no item had their words, 18 in 100 are
(benchmarks/results/search_nonsense_amazon_beauty.json)."""
SEED: Final = 0


def drawn_queries(num: int, seed: int) -> list[str]:
    """Words of letters that mean nothing."""
    rng = np.random.default_rng(seed)
    least, most = WORD_LENGTHS
    letters = np.array(list(string.ascii_lowercase))
    return [
        " ".join(
            "".join(rng.choice(letters, rng.integers(least, most + 1))) for _ in range(rng.integers(1, MOST_WORDS + 1))
        )
        for _ in range(num)
    ]


def chance_cosine(embed: EmbedsText, meanings: FaissIndex) -> float:
    """The cosine to its nearest item that few random queries exceed, by this encoder and among these items."""
    drawn_QE = embed(drawn_queries(NUM_DRAWN, SEED))
    _, cosines_Q1 = meanings.search(drawn_QE, 1)
    return float(np.quantile(cosines_Q1, CHANCE))
