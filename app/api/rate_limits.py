"""How often a caller may ask: 429, and the headers that tell clients before it comes to that.

RateLimit and RateLimit-Policy are those of draft-ietf-httpapi-ratelimit-headers-10; `t` is when the next window begins,
or when the next request fits where none does now.
"""

import ipaddress
from collections.abc import Mapping
from typing import Final

from app.api.auth import Caller
from app.api.problem import RequestError
from app.store.sliding_window import SlidingWindow

POLICY: Final = '"default"'
IPV6_NETWORK: Final = 64
"""One customer's share of addresses, which can ask from any of them."""


def counted_name(caller: Caller, address: str) -> str:
    """Under which the request is counted: a secret key, else the client's address.

    A publishable key is counted for each address anew: one visitor must not use up what others need.
    """
    match caller.kind:
        case "secret":
            return f"key {caller.key_id}"
        case "publishable":
            return f"key {caller.key_id} at {_network(address)}"
        case _:
            return f"at {_network(address)}"


def limit_headers(window: SlidingWindow) -> Mapping[str, str]:
    """For every answer to a request that was counted."""
    wait = window.seconds_left if window.remaining else window.seconds_until_next
    return {
        "RateLimit-Policy": f"{POLICY};q={window.limit};w={window.seconds}",
        "RateLimit": f"{POLICY};r={window.remaining};t={wait}",
    }


def too_many(window: SlidingWindow) -> RequestError:
    """The 429."""
    wait = window.seconds_until_next
    detail = f"more than {window.limit} requests in {window.seconds} s; try again in {wait} s"
    return RequestError(429, detail, headers={"Retry-After": str(wait), **limit_headers(window)})


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]  # whatever a proxy calls its client
    if found.version == 6 and found.ipv4_mapped:
        found = found.ipv4_mapped
    return str(found if found.version == 4 else ipaddress.ip_network((found, IPV6_NETWORK), strict=False))
