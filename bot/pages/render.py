"""From a template to an answer: the reader's language and clock, autoescape, and a policy under which no script of anybody
else can run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from core import phrases
from core.i18n import Words
from core.model import LANGUAGES

STATIC: Final = resources.files("bot.pages") / "static"
TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
ASSETS: Final = {file.name: file.read_bytes() for file in STATIC.iterdir() if Path(file.name).suffix in TYPES}
VERSION: Final = hashlib.sha256(b"".join(ASSETS[name] for name in sorted(ASSETS))).hexdigest()[:12]
"""In the address of every asset: a page never meets a script of another version."""
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; "
    "form-action 'self'{more}; base-uri 'none'; frame-ancestors 'none'"
)


def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("bot.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {"phrases": phrases, "label": phrases.label, "version": VERSION, "languages": LANGUAGES}
    return found


_TEMPLATES: Final = _environment()


def render(
    name: str,
    words: Words,
    now: datetime,
    *,
    status: int = 200,
    sends_to: str = "",
    headers: Mapping[str, str] = {},
    **shown: Any,
) -> web.Response:
    """The page `name`. `sends_to`: where its form may lead besides ourselves (an origin or a scheme)."""
    text = _TEMPLATES.get_template(f"{name}.html").render(
        words=words,
        language=words.language,
        now=now,
        time=lambda moment: words.clock(moment, now) if moment is not None else "–",
        zone=words.city,
        money=lambda amount: words.money(Decimal(amount)) if amount is not None else "–",
        **shown,
    )
    return web.Response(
        text=text,
        content_type="text/html",
        status=status,
        headers={
            "Content-Security-Policy": _POLICY.format(more=f" {sends_to}" if sends_to else ""),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            # `no-referrer` would turn a form's Origin into null, and every sign-in would look like another site's.
            "Referrer-Policy": "same-origin",
            **headers,
        },
    )


async def asset(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in ASSETS:
        raise web.HTTPNotFound(text="Not found")
    seen = request.query.get("v") == VERSION
    return web.Response(
        body=ASSETS[name],
        content_type=TYPES[Path(name).suffix],
        charset="utf-8",
        headers={
            "Cache-Control": "public, max-age=31536000, immutable" if seen else "no-cache",
            "X-Content-Type-Options": "nosniff",
        },
    )
