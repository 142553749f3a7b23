"""What both clients are made with."""

from typing import Final, TypedDict

import httpx

TIMEOUT_SECONDS: Final = 10.0
"""For connecting, and between two parts of an answer."""
RETRIES: Final = 2
LONGEST_PAUSE_SECONDS: Final = 10.0


class HttpOptions(TypedDict):
    """Keywords of httpx's clients."""

    base_url: str
    headers: dict[str, str]
    timeout: httpx.Timeout


def http_options(base_url: str, api_key: str | None, timeout_seconds: float) -> HttpOptions:
    """For a service there."""
    headers = {"User-Agent": "figment-client"}
    if api_key is not None:
        headers["Authorization"] = f"Bearer {api_key}"
    return HttpOptions(base_url=base_url, headers=headers, timeout=httpx.Timeout(timeout_seconds))
