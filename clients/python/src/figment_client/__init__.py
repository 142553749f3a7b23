"""Client of Figment, the recommendation service.

    with Figment("http://127.0.0.1:8000", api_key=key) as figment:
        answer = figment.recommend(history=[{"item_id": "tea-1"}], k=5)

`inputs` and `answers` hold the types of what goes in and comes back.
"""

from figment_client.async_client import AsyncFigment
from figment_client.client import Figment
from figment_client.errors import (
    DeadlineExceeded,
    FigmentError,
    InvalidRequest,
    NoAnswer,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    RateLimited,
    Refused,
    Unavailable,
)

__all__ = [
    "AsyncFigment",
    "DeadlineExceeded",
    "Figment",
    "FigmentError",
    "InvalidRequest",
    "NoAnswer",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "RateLimited",
    "Refused",
    "Unavailable",
]
