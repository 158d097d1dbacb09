"""The small sample of each data set that ships with the project, for a quick look at everything."""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.harness.data import cache, catalogue
from bench.harness.data.arrays import FILES, Arrays, combined
from bench.harness.data.failures import SourceError
from bench.harness.data.folder import Folder
from bench.harness.data.progress import LogProgress
from bench.harness.data.verify import verify_checksums
from bench.harness.errors import UserError
from bench.harness.spec import Dataset

SAMPLES = Path(__file__).parent / "sample"
SUMS = "SHA256SUMS"
"""As ``sha256sum`` writes it, over the uncompressed IDX files."""
_SOURCE = "sample shipped with the project"


def sample(name: str) -> Dataset:
    """Return the small stratified sample of the data set ``name``, in the cache form.

    It needs no network and, where the cache cannot be written, a temporary folder. Raises
    UserError where there is no such data set or its files in this installation are damaged.
    """
    known = catalogue.named(name)
    title = f"the sample of {known.title}"
    try:
        sums = _read_sums(SAMPLES / name / SUMS)
        arrays = Folder(path=SAMPLES / name, label=_SOURCE).read(LogProgress())
        verify_checksums(title, sums, arrays)
    except (SourceError, OSError, ValueError) as error:
        raise UserError(
            f"The sample in {SAMPLES / name} is damaged: {error}.\nInstall the project anew."
        ) from error
    entry_name = f"sample-{name}-{combined(sums)[:12]}"
    folder = _cached(entry_name, partial(verify_checksums, title, sums), arrays)
    checksum = combined(sums)
    return Dataset(name=name, folder=str(folder), source=_SOURCE, checksum=checksum, sample=True)


def _read_sums(path: Path) -> dict[str, str]:
    lines = path.read_text("ascii").splitlines()
    by_file = {file: digest for digest, file in (line.split() for line in lines)}
    if set(by_file) != set(FILES.values()):
        raise ValueError(f"{path.name} names {sorted(by_file)}")
    return {name: by_file[file] for name, file in FILES.items()}


def _cached(name: str, verify: Callable[[Arrays], None], arrays: Arrays) -> Path:
    """Return a folder that holds ``arrays``: in the cache, or else in a temporary folder."""
    try:
        entry = cache.Entry(folder=cache.root() / name, verify=verify)
        entry.keep(arrays, _SOURCE)
    except UserError:
        spare = Path(tempfile.gettempdir()) / f"fitting-room-{getpass.getuser()}"
        entry = cache.Entry(folder=spare / name, verify=verify)
        entry.keep(arrays, _SOURCE)
    return entry.folder
