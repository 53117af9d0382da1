"""Brings core/catalogues/*.po in step with the code: `python -m tools.catalogues`.

New sentences are added empty, vanished ones are dropped. tests/core/test_i18n.py fails while one is empty."""

from __future__ import annotations

import io
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from core.i18n import CATALOGUES
from core.model import LANGUAGES

ROOT = Path(__file__).parents[1]
KEYWORDS = {"words": None, "N_": None}
PACKAGES = ("core", "bot", "channels")


def sentences() -> list[str]:
    """Every English sentence that people can read, sorted: where the code moves the catalogues stay as they are."""
    found: set[str] = set()
    for package in PACKAGES:
        rows = extract_from_dir(
            str(ROOT / package),
            method_map=[("**.py", "python"), ("**/templates/**.html", "jinja2.ext:babel_extract")],
            keywords=KEYWORDS,
            strip_comment_tags=True,
        )
        for _file, _line, message, _comments, _context in rows:
            found.add(message if isinstance(message, str) else message[0])
    return sorted(one for one in found if one)


def update(language: str) -> int:
    """Rewrite one catalogue; returns how many sentences have no translation."""
    path = CATALOGUES / f"{language}.po"
    old: dict[str, str] = {}
    if path.exists():
        with path.open("rb") as file:
            old = {str(m.id): str(m.string) for m in read_po(file, ignore_obsolete=True) if m.id}
    catalogue = Catalog(
        locale=language.replace("-", "_"), charset="utf-8", fuzzy=False, header_comment="# LoopOS"
    )
    for sentence in sentences():
        catalogue.add(
            sentence, old.get(sentence, ""), flags=["python-brace-format"] if "{" in sentence else []
        )
    body = io.BytesIO()
    write_po(body, catalogue, width=0, omit_header=True, ignore_obsolete=True)
    # A header of our own: Babel's carries dates, which would change with every run.
    header = (
        f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
    )
    path.write_bytes(header.encode() + body.getvalue())
    return sum(1 for one in sentences() if not old.get(one))


if __name__ == "__main__":
    for one in LANGUAGES:
        if one != "en":
            print(f"{one}: {update(one)} without a translation")
