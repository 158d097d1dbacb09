"""The plots of a case within the page: drawn once, and taken from the page before where it can."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from fitting_room.analysis.rows import Row
from fitting_room.record import Record

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


SHOWN = {
    "curves": "Accuracy and loss per epoch",
    "seconds": "Seconds per epoch over the run",
    "reliability": "Reliability: is it as often right as it is sure?",
}
"""End of a plot's name → what it shows, in their order; the page has its own confusion matrix."""

_PLOT = re.compile(r'data-plots="(\w+)"><img src="([^"]+)" alt="([^"]+)">')


@dataclass(frozen=True, kw_only=True)
class Plots:
    """What the page shows of the training of a case."""

    key: str
    """A digest of all that the pictures depend on; with the same key they are the same."""
    pictures: Sequence[Picture]


Known = Mapping[str, Sequence[Picture]]
"""Key → pictures."""


def known(page: Path) -> Known:
    """Return the pictures of the page that a file holds, so that equal ones are not drawn again."""
    text = page.read_text("utf-8", errors="replace") if page.is_file() else ""
    found = defaultdict(list)
    for key, source, told in _PLOT.findall(text):
        found[key].append(Picture(source=source, told=told))
    return found


def plots(row: Row, trained: Sequence[Record], stale: Mapping[str, str], before: Known) -> Plots:
    """Return the plots of a case from its trained records, one for each seed."""
    if not trained:
        return Plots(key="", pictures=())
    told = (row.architecture, row.flags, stale.get(row.case))  # what the small print says
    key = _digest(_code(), repr((told, trained)).encode())
    return Plots(key=key, pictures=before.get(key) or _draw(row, trained, stale))


def _draw(row: Row, trained: Sequence[Record], stale: Mapping[str, str]) -> list[Picture]:
    # Matplotlib takes longer to load than the rest of the page to write.
    from fitting_room.report.plots.album import Album, of_case
    from fitting_room.report.plots.theme import for_any_page

    album = Album(rows=[row], records=trained, bounds=lambda *_: None, stale=stale)
    found = of_case(album, row)
    draws = [(told, found[f"{row.case}-{name}"]) for name, told in SHOWN.items()]
    return [
        Picture(source=data_address(for_any_page(draw), "svg+xml"), told=told)
        for told, draw in draws
        if not isinstance(draw, str)
    ]


@lru_cache
def _code() -> bytes:
    """Return what says how pictures are drawn: Matplotlib's version, the harness' source."""
    files = sorted(Path(__file__).parents[2].rglob("*.py"))
    return _digest(version("matplotlib").encode(), *(file.read_bytes() for file in files)).encode()


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\n".join(parts)).hexdigest()
