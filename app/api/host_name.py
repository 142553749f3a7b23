"""How a request shows that it comes from elsewhere, while the service answers this machine alone and asks for no key.

A web page may let its own name lead to 127.0.0.1 (DNS rebinding): its scripts then ask this service as if they were its
own pages. What they cannot change is the name in the Host header. And a proxy on this machine may hand on what it was
sent from anywhere: such proxies say so in a header.
"""

import ipaddress
from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers

from app.api.auth import forbidden
from app.api.fields import shown

HANDED_ON: Final = frozenset({"forwarded", "via", "x-real-ip", "cf-connecting-ip", "true-client-ip"})
"""What proxies add, besides all that begins with `x-forwarded-`."""


def refuse_from_elsewhere(headers: Headers) -> None:
    """Raises the 403 for another name of this machine than a loopback one, and for what a proxy hands on."""
    refuse_other_names(headers.getlist("host"))
    if name := next((each for each in headers if each in HANDED_ON or each.startswith("x-forwarded-")), None):
        raise forbidden(
            f"without an API key this service answers this machine alone; {name} says that a proxy hands this on: make"
            " a key with `figment keys create`, or set FIGMENT_ALLOW_ANONYMOUS=true to serve anyone"
        )


def refuse_other_names(hosts: Sequence[str]) -> None:
    """Raises the 403 unless the one Host header names loopback: localhost, 127.0.0.0/8 or [::1], with any port."""
    if len(hosts) == 1 and is_loopback_name(hosts[0]):
        return
    told = shown(", ".join(hosts)) if hosts else "nothing"
    raise forbidden(
        f"without an API key this service answers by the names localhost, 127.0.0.1 and [::1] only; Host names {told}"
    )


def is_loopback_name(host: str) -> bool:
    """Of a Host header, with or without port."""
    name, _, port = host.rpartition(":") if has_port(host) else (host, "", "0")
    if not (port.isascii() and port.isdecimal()):
        return False
    if name.lower() == "localhost":
        return True
    try:
        if name.startswith("[") and name.endswith("]"):
            return ipaddress.IPv6Address(name[1:-1]).is_loopback
        return ipaddress.IPv4Address(name).is_loopback
    except ValueError:
        return False


def has_port(host: str) -> bool:
    """Whether a colon stands behind the name, not inside an IPv6 address."""
    return ":" in host.rpartition("]")[2]
