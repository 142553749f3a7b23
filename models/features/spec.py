"""What was fitted on the training catalogue so that any item or history becomes the same arrays again."""

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from typing import Any, Final

import polars as pl

CATEGORY_SEPARATOR: Final = " > "
MAX_HISTORY_EVENTS: Final = 50
"""Events the history encoder sees; older ones change the answer less than they cost."""
MAX_TAGS: Final = 24
MAX_WORDS: Final = 20_000
MIN_WORD_ITEMS: Final = 3
"""A word that fewer items carry says nothing that the identity does not."""
MIN_WORDS_OF_TEXT: Final = 3.0
"""A string attribute of more words than this, on average, is text; of fewer, a label."""
MIN_ITEMS_PER_LABEL: Final = 5.0
"""A label that fewer items share, on average, is an id in disguise and must not be a feature."""
NAMED_COLUMNS: Final = frozenset(
    {"item_id", "title", "description", "category", "brand", "price", "image", "in_stock", "created_at", "group_id"}
)
_WORD: Final = re.compile(r"[^\W_]{2,}")


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """Fitted once, stored in the bundle, used by training and serving alike."""

    tags: Mapping[str, int]
    """`category=Makeup > Nails`, `brand=OPI`, `word=lacquer`, `colour=red` → row of the tag table; row 0 is padding."""
    text_columns: Sequence[str]
    """Attribute columns read as text, beside title and description."""
    label_columns: Sequence[str]
    """Attribute columns read as labels."""
    log_price_mean: float
    log_price_deviation: float
    text_encoder_digest: str
    text_width: int
    uses_time: bool
    """False where timestamps only stand for positions: gaps between events are then not shown to the networks."""
    max_history_events: int = MAX_HISTORY_EVENTS
    max_tags: int = MAX_TAGS

    @property
    def digest(self) -> str:
        """SHA-256 of everything above."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def scalars(self) -> dict[str, Any]:
        """All but the tag vocabulary, which has a file of its own."""
        values = asdict(self)
        del values["tags"]
        return values

    def vocabulary(self) -> pl.DataFrame:
        """The tag vocabulary as a table: `tag`, `row`."""
        return pl.DataFrame(
            {"tag": list(self.tags), "row": list(self.tags.values())}, schema={"tag": pl.String, "row": pl.Int32}
        )

    @classmethod
    def from_parts(cls, scalars: Mapping[str, Any], vocabulary: pl.DataFrame) -> "FeatureSpec":
        """The spec as `scalars` and `vocabulary` gave it away."""
        return cls(tags=dict(vocabulary.select("tag", "row").iter_rows()), **scalars)


@dataclass(slots=True)
class _ColumnKinds:
    text: list[str] = field(default_factory=list)
    label: list[str] = field(default_factory=list)


def words_of(text: str | None) -> list[str]:
    """Distinct lower-case words of two or more letters or digits, in order of appearance."""
    return list(dict.fromkeys(_WORD.findall(text.lower()))) if text else []


def category_prefixes(category: str | None) -> list[str]:
    """`A > B > C` → `A`, `A > B`, `A > B > C`."""
    if not category:
        return []
    return list(accumulate(category.split(CATEGORY_SEPARATOR), lambda path, level: path + CATEGORY_SEPARATOR + level))


def fit_feature_spec(
    catalogue: pl.DataFrame, *, text_encoder_digest: str, text_width: int, uses_time: bool
) -> FeatureSpec:
    """Vocabulary, price scale and the reading of each attribute column, from the training catalogue."""
    kinds = _column_kinds(catalogue)
    mean, deviation = _price_scale(catalogue)
    return FeatureSpec(
        tags=_fit_tags(catalogue, kinds),
        text_columns=tuple(kinds.text),
        label_columns=tuple(kinds.label),
        log_price_mean=mean,
        log_price_deviation=deviation,
        text_encoder_digest=text_encoder_digest,
        text_width=text_width,
        uses_time=uses_time,
    )


def labels_of(item: Mapping[str, Any], label_columns: Iterable[str]) -> list[str]:
    """Tags of one catalogue row that are labels: category prefixes, brand and attribute values."""
    tags = [f"category={prefix}" for prefix in category_prefixes(item.get("category"))]
    if item.get("brand"):
        tags.append(f"brand={item['brand']}")
    return tags + [f"{column}={item[column]}" for column in label_columns if item.get(column)]


def text_words_of(item: Mapping[str, Any], text_columns: Iterable[str]) -> list[str]:
    """Distinct words of the title, the description and the text attributes of one catalogue row."""
    texts = (item.get(column) for column in ("title", "description", *text_columns))
    return words_of(" ".join(text for text in texts if text))


def _column_kinds(catalogue: pl.DataFrame) -> _ColumnKinds:
    kinds = _ColumnKinds()
    for name, dtype in catalogue.schema.items():
        values = catalogue[name].drop_nulls() if dtype == pl.String and name not in NAMED_COLUMNS else None
        if values is None or values.is_empty():
            continue
        mean_words = values.str.count_matches(r"\S+").mean()
        if isinstance(mean_words, float) and mean_words > MIN_WORDS_OF_TEXT:
            kinds.text.append(name)
        elif len(values) / values.n_unique() >= MIN_ITEMS_PER_LABEL:
            kinds.label.append(name)
    return kinds


def _fit_tags(catalogue: pl.DataFrame, kinds: _ColumnKinds) -> dict[str, int]:
    labels: Counter[str] = Counter()
    words: Counter[str] = Counter()
    for item in catalogue.iter_rows(named=True):
        labels.update(labels_of(item, kinds.label))
        words.update(text_words_of(item, kinds.text))
    kept = [tag for tag, count in sorted(labels.items()) if count > 1]
    # a word on more than half of the items separates nothing
    common = [(word, count) for word, count in words.items() if MIN_WORD_ITEMS <= count <= len(catalogue) / 2]
    common.sort(key=lambda pair: (-pair[1], pair[0]))
    kept += [f"word={word}" for word, _ in common[:MAX_WORDS]]
    return {tag: row for row, tag in enumerate(kept, start=1)}


def _price_scale(catalogue: pl.DataFrame) -> tuple[float, float]:
    if "price" not in catalogue.columns:
        return 0.0, 1.0
    logs = catalogue["price"].drop_nulls().log1p()
    if len(logs) < 2:
        return 0.0, 1.0
    mean, deviation = logs.mean(), logs.std()
    assert isinstance(mean, float)
    assert isinstance(deviation, float)
    return mean, deviation if deviation > 0 and math.isfinite(deviation) else 1.0
