"""The systems that one bundle holds: what may order a list, and how they are called."""

from collections.abc import Mapping
from typing import Final, Literal

Stage = Literal["popularity", "neighbours", "generator", "fused", "judged"]
"""What orders the list: popularity, neighbours or generator alone, both of these together, and the judge on top."""

STAGE_OF: Final[Mapping[str, Stage]] = {
    "figment": "judged",
    "figment-fused": "fused",
    "figment-generator": "generator",
    "item-knn+content": "neighbours",
    "popularity": "popularity",
}
"""By the names that scoreboard and manifest use."""

Wish = Literal["auto", "figment", "figment-fused", "figment-generator", "item-knn+content", "popularity", "item-knn"]
"""What an operator may ask for: a system that the bundle holds, by its name in the scoreboard; `auto` is the one that
won on validation events when the bundle was made, `item-knn` another name of `item-knn+content`. Rivals that are only
measured are in no bundle and cannot serve."""


def system_for(wish: Wish, winner: str) -> str:
    """The name of the system that serves."""
    match wish:
        case "auto":
            return winner
        case "item-knn":
            return "item-knn+content"
        case _:
            return wish
