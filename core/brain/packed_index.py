"""The vectors of one model as one file beside the database, so that a start need not gather 100,000 rows. The database stays
the truth: the file bears the stamp of the rows it was made of, and one that bears another is made anew."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import structlog

from core.knowledge.vectors import LARGE, VectorIndex

KEY: Final = 64
"""Characters of a key."""

log = structlog.get_logger(__name__)


def load(folder: Path, model: str, stamp: int) -> VectorIndex | None:
    """None where there is none of that stamp, or it is damaged. In a thread."""
    import numpy as np

    vectors, names, bytes_ = _paths(folder, model)
    try:
        head, _, keys = names.read_text(encoding="ascii").partition("\n")
        if head != _head(model, stamp):
            return None
        matrix: Any = np.load(vectors, allow_pickle=False)
        found = tuple(keys.split("\n")) if keys else ()
        if matrix.ndim != 2 or len(matrix) != len(found) or len(keys) != KEY * len(found) + len(found) - 1:
            return None
        codes: Any = np.load(bytes_, allow_pickle=False) if matrix.size >= LARGE else None
        if codes is not None and (codes.shape, codes.dtype) != (matrix.shape, np.int8):
            return None
    except (OSError, ValueError, EOFError):
        return None
    return VectorIndex(found, matrix, codes)


def save(folder: Path, model: str, stamp: int, index: VectorIndex) -> None:
    """Whole or not at all; a disk that takes nothing costs only time at the next start. In a thread."""
    import numpy as np

    vectors, names, bytes_ = _paths(folder, model)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {vectors: index.matrix} | ({} if index.codes is None else {bytes_: index.codes})
        for path, array in arrays.items():
            with _whole(path) as file:
                np.save(file, array, allow_pickle=False)
        with _whole(names) as file:
            file.write("\n".join([_head(model, stamp), *index.keys]).encode("ascii"))
    except OSError as error:
        log.warning("index_not_packed", why=type(error).__name__)
        for path in (vectors, names, bytes_):
            with contextlib.suppress(OSError):
                path.unlink()


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    part = path.with_suffix(f"{path.suffix}.{os.getpid()}.part")
    with part.open("wb") as file:
        yield file
    part.replace(path)


def _head(model: str, stamp: int) -> str:
    return f"{hashlib.sha256(model.encode()).hexdigest()} {stamp}"


def _paths(folder: Path, model: str) -> tuple[Path, Path, Path]:
    """Of the vectors, their names, and the vectors as bytes."""
    name = hashlib.sha256(model.encode()).hexdigest()[:16]
    return folder / f"{name}.npy", folder / f"{name}.keys", folder / f"{name}.int8.npy"
