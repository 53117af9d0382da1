"""The vectors of one model as one file beside the database, so that a start need not gather 100,000 rows. The database stays
the truth: the file bears the stamp of the rows it was made of, and one that bears another is made anew."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any, Final

import structlog

from core.knowledge.vectors import VectorIndex

KEY: Final = 64
"""Characters of a key."""

log = structlog.get_logger(__name__)


def load(folder: Path, model: str, stamp: int) -> VectorIndex | None:
    """None where there is none of that stamp, or it is damaged. In a thread."""
    import numpy as np

    vectors, names = _paths(folder, model)
    try:
        head, _, keys = names.read_text(encoding="ascii").partition("\n")
        if head != _head(model, stamp):
            return None
        matrix: Any = np.load(vectors, allow_pickle=False)
        found = tuple(keys.split("\n")) if keys else ()
        if matrix.ndim != 2 or len(matrix) != len(found) or len(keys) != KEY * len(found) + len(found) - 1:
            return None
    except (OSError, ValueError, EOFError):
        return None
    return VectorIndex(found, matrix)


def save(folder: Path, model: str, stamp: int, index: VectorIndex) -> None:
    """Whole or not at all; a disk that takes nothing costs only time at the next start. In a thread."""
    import numpy as np

    vectors, names = _paths(folder, model)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, write in (
            (vectors, lambda file: np.save(file, index.matrix, allow_pickle=False)),
            (names, lambda file: file.write("\n".join([_head(model, stamp), *index.keys]).encode("ascii"))),
        ):
            part = path.with_suffix(f"{path.suffix}.{os.getpid()}.part")
            with part.open("wb") as file:
                write(file)
            part.replace(path)
    except OSError as error:
        log.warning("index_not_packed", why=type(error).__name__)
        for path in (vectors, names):
            with contextlib.suppress(OSError):
                path.unlink()


def _head(model: str, stamp: int) -> str:
    return f"{hashlib.sha256(model.encode()).hexdigest()} {stamp}"


def _paths(folder: Path, model: str) -> tuple[Path, Path]:
    name = hashlib.sha256(model.encode()).hexdigest()[:16]
    return folder / f"{name}.npy", folder / f"{name}.keys"
