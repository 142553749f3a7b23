"""Items by the words that they are described with: BM25 over an inverted index."""

# N items, W words, X postings

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

K1: Final = 1.2
B: Final = 0.75
"""The usual settings (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009)."""
WORD: Final = r"[\p{L}\p{N}]+"
"""One letter or digit is a word too: who asks for size 7 or M means it."""
_QUERY_WORD: Final = re.compile(r"[^\W_]+")
"""The same, for Python."""


@dataclass(frozen=True, eq=False)
class WordIndex:
    """Which item is described with which word, and how often."""

    number_of: Mapping[str, int]
    starts_W1: NDArray[np.int64]
    """Word w owns postings `starts_W1[w]:starts_W1[w + 1]`."""
    items_X: NDArray[np.int32]
    weights_X: NDArray[np.float32]
    """What the word counts for the item, before how rare it is."""
    rarity_W: NDArray[np.float32]
    num_items: int
    mean_length: float

    @classmethod
    def of(cls, texts: Sequence[str], like: "WordIndex | None" = None) -> "WordIndex":
        """Of the items' texts; with the word rarities and the mean length of another index where that is given."""
        postings = _postings(texts)
        words = postings["word"].unique(maintain_order=True)
        counts = postings.group_by("word", maintain_order=True).len()["len"].to_numpy()
        number_of = {word: number for number, word in enumerate(words)}
        lengths_N = np.zeros(len(texts), np.float32)
        items_X, times_X = postings["item"].to_numpy(), postings["times"].to_numpy().astype(np.float32)
        np.add.at(lengths_N, items_X, times_X)
        mean_length = like.mean_length if like else float(lengths_N.mean()) if len(texts) else 1.0
        norm_X = K1 * (1.0 - B + B * lengths_N[items_X] / max(mean_length, 1e-9))
        rarity_W = _rarity(counts, len(texts))
        if like is not None:
            unseen = _rarity(np.array([1]), like.num_items)[0]
            numbers = [like.number_of.get(word) for word in words]
            rarity_W = np.array([unseen if each is None else like.rarity_W[each] for each in numbers], np.float32)
        return cls(
            number_of=number_of,
            starts_W1=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            items_X=items_X.astype(np.int32),
            weights_X=np.asarray(times_X * (K1 + 1.0) / (times_X + norm_X), np.float32),
            rarity_W=rarity_W,
            num_items=len(texts),
            mean_length=mean_length,
        )

    def rarity(self, word: str) -> float:
        """How much the word says; 0 where no item has it."""
        number = self.number_of.get(word)
        return 0.0 if number is None else float(self.rarity_W[number])

    def found(self, query: str) -> "FoundWords":
        """What every item shares with the query."""
        scores_N, shared_N = np.zeros((2, self.num_items), np.float32)
        for word in query_words(query):
            number = self.number_of.get(word)
            if number is not None:
                owned = slice(self.starts_W1[number], self.starts_W1[number + 1])
                scores_N[self.items_X[owned]] += self.rarity_W[number] * self.weights_X[owned]
                shared_N[self.items_X[owned]] += self.rarity_W[number]
        return FoundWords(scores_N, shared_N)


def query_words(query: str) -> list[str]:
    """Its distinct words, as those of items are told apart."""
    return list(dict.fromkeys(_QUERY_WORD.findall(query.lower())))


class FoundWords(NamedTuple):
    """Of every item."""

    scores_N: NDArray[np.float32]
    """BM25; 0 where no word is shared."""
    shared_N: NDArray[np.float32]
    """Sum of the rarities of the query's words that the item has, however often."""


def described(frame: pl.DataFrame, columns: Sequence[str]) -> list[str]:
    """Everything that an item is described with, as one text each."""
    present = [pl.col(name).cast(pl.String).fill_null("") for name in columns if name in frame.columns]
    if not present:
        return [""] * len(frame)
    return frame.select(pl.concat_str(present, separator=" ")).to_series().to_list()


def _postings(texts: Sequence[str]) -> pl.DataFrame:
    """`word`, `item`, `times`: postings of one word stand together, in the order of items."""
    frame = pl.DataFrame({"item": range(len(texts)), "text": texts}, schema={"item": pl.Int32, "text": pl.String})
    words = pl.col("text").str.to_lowercase().str.extract_all(WORD).alias("word")
    exploded = frame.select("item", words).explode("word").drop_nulls("word")
    return exploded.group_by("word", "item").len("times").sort("word", "item")


def _rarity(counts_W: NDArray[np.integer], num_items: int) -> NDArray[np.float32]:
    return np.asarray(np.log1p((num_items - counts_W + 0.5) / (counts_W + 0.5)), np.float32)
