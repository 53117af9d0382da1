"""The vectors as one file beside the database: read where its stamp is that of the rows, made anew where it is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.brain import packed_index
from core.knowledge.entries import Entry
from core.knowledge.questions import Near, Shelf, text_key
from core.knowledge.recall import Query
from core.knowledge.vectors import VectorIndex, codes_of, pack


def index(*rows: list[float]) -> VectorIndex:
    packed = pack(rows, len(rows))
    return VectorIndex.of({text_key(f"text {n}"): one for n, one in enumerate(packed)})


def test_what_was_packed_is_what_comes_back(tmp_path: Path) -> None:
    made = index([1.0, 0.0], [0.0, 1.0], [1.0, 1.0])
    packed_index.save(tmp_path / "index", "model-a", 7, made)
    found = packed_index.load(tmp_path / "index", "model-a", 7)
    assert found is not None
    assert found.keys == made.keys
    assert found.dimensions == 2
    question = pack([[1.0, 0.0]], 1)[0]
    assert np.allclose(found.cosines(question), [1.0, 0.0, 0.7071], atol=1e-4)
    assert found.cosines(pack([[1.0, 0.0, 0.0]], 1)[0]) is None


@pytest.mark.parametrize(("model", "stamp"), [("model-a", 8), ("model-b", 7)])
def test_another_model_or_other_rows_are_not_read(tmp_path: Path, model: str, stamp: int) -> None:
    packed_index.save(tmp_path, "model-a", 7, index([1.0, 0.0]))
    assert packed_index.load(tmp_path, model, stamp) is None


@pytest.mark.parametrize("ending", [".npy", ".keys"])
@pytest.mark.parametrize("damage", ["cut", "gone", "rubbish"])
def test_a_damaged_file_is_no_index(tmp_path: Path, ending: str, damage: str) -> None:
    packed_index.save(tmp_path, "m", 1, index([1.0, 0.0], [0.0, 1.0]))
    (path,) = tmp_path.glob(f"*{ending}")
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-20] if damage == "cut" else b"\xff" * 200)
    assert packed_index.load(tmp_path, "m", 1) is None


def entry(name: str, text: str, place: str | None = None, category: str | None = None) -> Entry:
    return Entry("memo", name, "Ben", text, "en", places=(place,) if place else (), category=category)


OTHERS = [entry(f"z{n}", text) for n, text in enumerate(
    ["towels in the shed", "the gate code changed", "pool chlorine on Monday", "spare key at the desk", "bins on Friday"]
)]  # fmt: skip


def test_what_has_no_vector_is_ranked_by_its_words_beside_what_has_one() -> None:
    shelf = Shelf([entry("a", "the boiler hums"), entry("b", "linen in the attic"), *OTHERS])
    near = Near((shelf.keys[1],), np.array([0.9], dtype=np.float32))
    found = shelf.search(Query("boiler hums", None, None), near=near, limit=3)
    assert {one.entry.id for one in found} == {"a", "b"}
    only = shelf.search(Query("boiler hums", None, None), near=near, engine="embeddings", limit=1)
    assert [(one.entry.id, round(float(one.similarity), 3)) for one in only] == [("b", 0.9)]


def test_ties_stand_by_id_and_the_bounds_hold() -> None:
    shelf = Shelf([*(entry(name, "the boiler hums") for name in ("c", "a", "b", "d")), *OTHERS])
    found = shelf.search(Query("boiler hums", None, None), limit=3)
    assert [one.entry.id for one in found] == ["a", "b", "c"]
    assert Shelf([]).search(Query("boiler", None, None)) == []
    assert shelf.search(Query("", None, None)) == []


def test_place_and_kind_add_and_another_place_never_appears() -> None:
    shelf = Shelf(
        [
            entry("a", "boiler hums", "flat", "pest"),
            entry("b", "boiler hums", "house"),
            entry("c", "boiler hums"),
            *OTHERS,
        ]
    )
    found = shelf.search(Query("boiler hums", "flat", "pest"))
    assert [(one.entry.id, round(float(one.boost), 2)) for one in found] == [("a", 0.25), ("c", 0.0)]

    def ids(place: str | None, readable: set[str]) -> list[str]:
        return [one.entry.id for one in shelf.search(Query("boiler hums", place, None), readable=readable)]

    assert ids(None, {"house"}) == ["b", "c"]
    assert ids("flat", {"house"}) == ["c"]
    assert ids(None, set()) == ["c"]


def large(rows: int = 900, width: int = 64) -> VectorIndex:
    matrix = np.random.default_rng(3).standard_normal((rows, width)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return VectorIndex(tuple(text_key(str(n)) for n in range(rows)), matrix, codes_of(matrix))


def test_a_large_index_is_looked_at_as_bytes_and_its_nearest_exactly() -> None:
    index = large()
    exact = VectorIndex(index.keys, index.matrix)
    for row in (0, 17, 899):
        asked = index.matrix[row].tobytes()
        ours, theirs = index.cosines(asked), exact.cosines(asked)
        assert ours.argmax() == row
        assert (np.argsort(-ours)[:10] == np.argsort(-theirs)[:10]).all()
        assert np.abs(ours - theirs).max() < 0.01
        best = np.argsort(-theirs)[:100]
        assert np.allclose(ours[best], theirs[best], atol=1e-6), "the nearest are exact"
    few = large(rows=3)
    assert few.cosines(few.matrix[2].tobytes()).argmax() == 2
    assert index.cosines(few.matrix[0, :8].tobytes()) is None


@pytest.mark.parametrize("damage", ["", "cut", "gone", "shape"])
def test_the_bytes_are_kept_beside_the_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.setattr(packed_index, "LARGE", 900 * 64)
    packed_index.save(tmp_path, "m", 1, large())
    (path,) = tmp_path.glob("*.int8.npy")
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[:-20])
        case "gone":
            path.unlink()
        case "shape":
            np.save(path, np.zeros((900, 63), dtype=np.int8))
    found = packed_index.load(tmp_path, "m", 1)
    if damage:
        assert found is None
    else:
        assert found is not None
        assert (found.codes == large().codes).all()
