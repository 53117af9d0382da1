"""Vectors of texts, checked and compared: one product of a matrix. Where that matrix is large, all are compared as bytes first, a
quarter to read, and the nearest of them exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from core.errors import LoopOSError

KIND: Final = "<f4"
"""As they are kept: four bytes a number, the small end first."""
LARGE: Final = 50_000_000
"""Numbers of a matrix from which on it is looked at as bytes first."""
EXACT: Final = 512
"""So many of the nearest are compared exactly then; the others' cosines are off by some thousandths."""


class BadVectors(LoopOSError):
    """What an endpoint sent is no embedding of what it was asked; the text says why."""


def pack(rows: Sequence[Sequence[float]], asked: int) -> list[bytes]:
    """Each row at length one, as it is kept. Raises BadVectors: another count than `asked`, rows of different lengths, what
    is no number, or a row of zeros."""
    import numpy as np

    if len(rows) != asked:
        raise BadVectors(f"{len(rows)} vectors for {asked} texts")
    if len({len(row) for row in rows}) > 1 or (rows and not rows[0]):
        raise BadVectors("vectors of different lengths")
    try:
        matrix = np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadVectors("a vector holds what is no number") from None
    if not np.isfinite(matrix).all():
        raise BadVectors("a vector holds what is no number")
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    if rows and not (lengths > 0).all():
        raise BadVectors("a vector of zeros")
    return [row.tobytes() for row in (matrix / np.where(lengths == 0, 1, lengths)).astype(KIND)]


class VectorIndex:
    """The vectors of some texts by one model, all of one length."""

    def __init__(self, keys: tuple[str, ...], matrix: Any, codes: Any = None) -> None:
        """`matrix`: float32, one row of length one per key; `codes`: `codes_of(matrix)`, None: all is compared exactly."""
        self.keys = keys
        self.matrix = matrix
        self.codes = codes
        self.dimensions = matrix.shape[1] if len(keys) else 0

    @classmethod
    def of(cls, packed: Mapping[str, bytes]) -> VectorIndex:
        import numpy as np

        width = len(next(iter(packed.values()))) // 4 if packed else 0
        flat = np.frombuffer(b"".join(packed.values()), dtype=KIND)
        matrix = flat.reshape(len(packed), width)
        return cls(tuple(packed), matrix, codes_of(matrix) if matrix.size >= LARGE else None)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {key: number for number, key in enumerate(self.keys)}

    def some(self, question: bytes, keys: Sequence[str]) -> list[float | None]:
        """The same of a few; None for what has no vector, and where the question's is of another length."""
        import numpy as np

        asked = np.frombuffer(question, dtype=KIND)
        rows = [self._rows.get(key) for key in keys]
        there = [row for row in rows if row is not None]
        if len(asked) != self.dimensions or not there:
            return [None] * len(keys)
        found = iter(np.clip(self.matrix[there] @ asked, 0.0, 1.0).tolist())
        return [None if row is None else next(found) for row in rows]

    def cosines(self, question: bytes) -> Any:
        """How near each text is to the question, float32 in 0..1, one per key: what points away counts as nothing. None where
        the question's vector is of another length."""
        import numpy as np

        asked = np.frombuffer(question, dtype=KIND)
        if len(asked) != self.dimensions:
            return None
        near = self.matrix @ asked if self.codes is None else self._shortlisted(asked)
        np.maximum(near, 0.0, out=near)
        return np.minimum(near, 1.0, out=near)

    def _shortlisted(self, asked: Any) -> Any:
        import numpy as np
        import simsimd

        (question,) = codes_of(asked[None])
        apart = np.asarray(simsimd.cdist(question[None], self.codes, metric="cosine"), dtype=np.float32)
        near = 1.0 - apart.reshape(-1)
        best = np.argpartition(-near, min(EXACT, len(near)) - 1)[:EXACT]
        near[best] = self.matrix[best] @ asked
        return near


def codes_of(matrix: Any) -> Any:
    """Each row as int8, its largest number as 127."""
    import numpy as np

    codes = np.empty(matrix.shape, dtype=np.int8)
    for start in range(0, len(matrix), 4096):  # no second matrix of floats beside the first
        part = matrix[start : start + 4096]
        codes[start : start + 4096] = np.rint(part * (127 / np.abs(part).max(axis=1, keepdims=True)))
    return codes
