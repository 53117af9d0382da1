"""Which addresses a client may be sent back to, and which are the same. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

_FORBIDDEN: Final = frozenset(
    {
        "javascript",
        "data",
        "file",
        "vbscript",
        "blob",
        "about",
        "ws",
        "wss",
        "ftp",
        "mailto",
        "tel",
        "view-source",
    }
)
_PRIVATE_USE: Final = re.compile(r"[a-z][a-z0-9+.-]{1,60}")
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?|[0-9a-f:.]+")
MAX: Final = 2000


def split(uri: str) -> SplitResult | None:
    """None for what is no address."""
    if not uri or len(uri) > MAX or any(not "!" <= char <= "~" or char == "\\" for char in uri):
        return None
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme in {"http", "https"} and not _HOST.fullmatch(parts.hostname or ""):
        return None  # what is no name of a host could say more in a header than where it leads
    return parts


def is_loopback(parts: SplitResult) -> bool:
    host = (parts.hostname or "").casefold()
    if host == "localhost":
        return True
    try:
        return ip_address(host) in {ip_address("127.0.0.1"), ip_address("::1")}
    except ValueError:
        return False


def may_register(uri: str) -> bool:
    """https, http on this machine's loopback, or a scheme of the program's own; without a fragment."""
    parts = split(uri)
    if parts is None or "#" in uri or parts.username is not None:
        return False
    if parts.scheme == "https":
        return bool(parts.hostname)
    if parts.scheme == "http":
        return is_loopback(parts)
    return bool(_PRIVATE_USE.fullmatch(parts.scheme)) and parts.scheme not in _FORBIDDEN


def is_registered(uri: str, known: Sequence[str]) -> bool:
    """Exactly one of `known`; on the loopback any port, because programs there take what is free."""
    if uri in known:
        return True
    asked = split(uri)
    if asked is None or asked.scheme != "http" or not is_loopback(asked) or "#" in uri or asked.username:
        return False
    return any(_without_port(asked) == _without_port(one) for one in map(split, known) if one is not None)


def _without_port(parts: SplitResult) -> tuple[str, str, str, str]:
    return parts.scheme, (parts.hostname or "").casefold(), parts.path, parts.query


def leads_to(uri: str) -> str:
    """What a person is told about where they are sent: the host, or the program's own scheme."""
    parts = split(uri)
    if parts is None:
        return "?"
    return (parts.hostname or "").casefold() if parts.scheme in {"http", "https"} else f"{parts.scheme}:"


def form_target(uri: str) -> str:
    """As a policy names it."""
    parts = split(uri)
    if parts is None:
        return ""
    if parts.scheme not in {"http", "https"}:
        return f"{parts.scheme}:"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
