"""The offline engine's model of this home: the shipped one until somebody trains another, and the way back."""

from __future__ import annotations

import shutil
from pathlib import Path

from bot.settings import Settings, read_settings
from core.company.loader import load_company
from core.errors import StartupError
from core.store import schema
from core.store.snapshot import looking_at
from core.triage import model
from core.triage.model import Model
from core.triage.port import Correction
from core.workflow.corrections import taught


def model_file(settings: Settings) -> Path:
    return settings.home / "understanding" / "model.npz"


def _before(settings: Settings) -> Path:
    return model_file(settings).with_name("model.before.npz")


def model_of(settings: Settings) -> Model:
    """This home's model, or the shipped one. Raises StartupError for a file that is not a model."""
    path = model_file(settings)
    try:
        return model.load(path if path.exists() else model.FILE)
    except (OSError, ValueError, KeyError) as error:
        raise StartupError(
            f"{path} is not a model ({type(error).__name__}).", "Run: loopos triage --rollback"
        ) from error


def corrections_of(settings: Settings) -> list[Correction]:
    """What was taught in this home and not taken back; nothing where there is no database of this version."""
    if not schema.is_current(settings.database):
        return []
    with looking_at(settings.database) as session:
        return taught(session)


def train(corpus: str) -> int:
    """Train on the corpus in a folder (the shipped one if `corpus` is empty). The new model is swapped in as a
    whole; the one before is kept for --rollback. A running service takes it at its next start."""
    settings = read_settings()
    try:
        from core.triage import training

        examples = training.read_corpus(Path(corpus) if corpus else training.CORPUS)
        folder = settings.company_folder
        company = load_company(folder if folder.exists() else model.FILE.parents[1] / "company")
        trained = training.train(examples, company)
    except ImportError as error:
        raise StartupError(
            "Training needs scikit-learn, which is not installed.", "Run: pip install 'loopos[train]'"
        ) from error
    except ValueError as error:
        raise StartupError(f"The corpus cannot be used: {error}.", "Correct that line.") from error
    path = model_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        shutil.copy2(path, _before(settings))  # a copy: at no moment is there no model
    trained.save(path)
    print(
        f"Trained on {len(examples)} messages: {len(trained.vocabulary)} features. Restart the service to use it."
    )
    return 0


def roll_back() -> int:
    """Back to the model before the last training; before the first, to the shipped one."""
    settings = read_settings()
    path, before = model_file(settings), _before(settings)
    if before.exists():
        before.replace(path)
        print("Back to the model before the last training. Restart the service to use it.")
        return 0
    if path.exists():
        path.unlink()
        print("Back to the shipped model. Restart the service to use it.")
        return 0
    print("This home uses the shipped model; there is nothing to go back to.")
    return 1
