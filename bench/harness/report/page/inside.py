"""What ``python -m bench inspect`` drew of a case, as PNG within the page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

PICTURES = {
    "samples": "Samples of each class",
    "activations": "What the layers make of three images",
    "filters": "Weights of the first layer",
    "confused": "Classes that are taken for one another",
}
"""Name of a file → what it shows, in their order; calibration is among the plots already."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One of them."""

    source: str
    """A ``data:`` address."""
    told: str
    """What it shows, and when it was drawn: the records of the page may be younger. Which seed's
    model it is of stands within it."""


def inside(folder: Path | None, case: str) -> Sequence[Picture]:
    """Return the pictures of a case under ``folder``; none where nobody has had them drawn."""
    files = [] if folder is None else [(folder / case / f"{n}.png", t) for n, t in PICTURES.items()]
    return [
        Picture(source=data_address(file.read_bytes(), "png"), told=f"{told}, drawn {_day(file)}")
        for file, told in files
        if file.is_file()
    ]


def _day(file: Path) -> str:
    return datetime.fromtimestamp(file.stat().st_mtime, timezone.utc).date().isoformat()


def data_address(image: bytes, kind: str) -> str:
    """Return the content of an image file as a ``data:`` address."""
    return f"data:image/{kind};base64,{base64.b64encode(image).decode('ascii')}"
