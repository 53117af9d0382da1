"""Who gets to see the demo's page. There anybody may be anybody, so it is open to this machine alone; where others can
reach it, to whoever has the address with the key that was printed at the start (D30)."""

from __future__ import annotations

import hmac
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from core.refusals import refused

KEY: Final = "key"
"""Its name in the printed address."""
COOKIE: Final = "loopos_key"
ELSEWHERE: Final = (
    "This demo lets anybody be anybody, so it answers on this machine alone: open it as http://localhost or "
    "http://127.0.0.1. To show it to others set HOST or LOOPOS_BASE_URL, and use the address that is printed at the start."
)
NO_KEY: Final = (
    "This demo is open to whoever has its address with the key, as it was printed when LoopOS started."
)


def is_this_machine(host: str) -> bool:
    """`host` means the machine that asks, whoever asks. Another site's name does not, though it may lead here."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Access:
    def __init__(self, key: str | None) -> None:
        """`key`: None while only this machine can reach us."""
        self.key = key

    def require(self, request: web.Request) -> None:
        """Raises 421, 403; 303 to the page without the key, which is kept as a cookie."""
        if self.key is None:
            if not is_this_machine(_name_in(request.headers.get("Host", ""))):
                refused("web", "another host")
                raise web.HTTPMisdirectedRequest(text=ELSEWHERE)
            return
        if not self._is_key(request.query.get(KEY, "")):
            if self._is_key(request.cookies.get(COOKIE, "")):
                return
            refused("web", "no key")
            raise web.HTTPForbidden(text=NO_KEY)
        page = web.HTTPSeeOther(request.rel_url.without_query_params(KEY))
        # Lax: a link in a mail or a chat may lead here, another site's form may not.
        page.set_cookie(COOKIE, self.key, httponly=True, samesite="Lax")
        raise page

    def _is_key(self, shown: str) -> bool:
        return self.key is not None and hmac.compare_digest(
            shown.encode("utf-8", "surrogateescape"), self.key.encode()
        )


def _name_in(host: str) -> str:
    """The name in a Host header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
