"""The card beside a kept model: what it is, what it is worth, and what it is not for."""

from __future__ import annotations

from pathlib import Path

import pytest
from records import make_record
from scheduler_world import trial
from test_kept_models import CONFIG, write_model
from trials import assigned

from fitting_room.report.model import card, foreign


@pytest.mark.parametrize("sample", [True, False])
def test_a_card_says_what_the_model_is_and_what_it_is_worth(tmp_path: Path, sample: bool) -> None:
    """Case and seed, figures as percentages, the data by checksum, and where it means nothing."""
    write_model(tmp_path / "model.keras")
    record = make_record(
        case="mnist-dense_128", seed=7, test_accuracy=0.9762, test_loss=0.08714, sample=sample
    )
    text = card(record, tmp_path / "model.keras")
    cells = [[each.strip() for each in line.split("|")[1:-1]] for line in text.splitlines()]
    assert text.startswith("# mnist-dense_128, seed 7\n")
    assert "every figure is from the record beside it, `model.json`" in text
    assert 'keras.models.load_model("model.keras")' in text
    assert ["test accuracy", "97.62 %"] in cells
    assert ["test loss", "0.0871"] in cells
    assert ["parameters", "101,770"] in cells
    assert ["its SHA-256", f"`{record.spec.dataset.checksum}`"] in cells
    assert ["backend", "tensorflow on cpu"] in cells
    limits = text.split("## Limits")[1]
    assert "It knows the 10 classes of MNIST and nothing else" in limits
    assert ("Trained on the small sample" in limits) is sample


def test_a_card_names_what_keras_alone_cannot_load(tmp_path: Path) -> None:
    """A layer of this project's own is told, and a plain model needs nothing."""
    own = {"module": "models.minimal", "class_name": "Whitening", "config": {}}
    write_model(tmp_path / "own.keras", config={"config": {"layers": [CONFIG, own]}})
    write_model(tmp_path / "plain.keras")
    assert foreign(tmp_path / "own.keras") == {"models.minimal.Whitening"}
    record = trial(assigned(), lambda *_: None)
    texts = [card(record, tmp_path / f"{name}.keras") for name in ("own", "plain")]
    assert "needs this project's `models`, for models.minimal.Whitening" in texts[0]
    assert "Plain Keras 3 is all it needs" in texts[1]
