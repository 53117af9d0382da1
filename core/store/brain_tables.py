"""What the Brain keeps beside the company's files."""

from __future__ import annotations

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from core.store.tables import Base


class Embedding(Base):
    """The vector of a text by one model. Those of two models never meet."""

    __tablename__ = "embeddings"
    model: Mapped[str] = mapped_column(String(120), primary_key=True)
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of the text."""
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    """core.knowledge.vectors.KIND, at length one."""
