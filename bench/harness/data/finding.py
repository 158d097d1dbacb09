"""The search: each source in turn, until one verifies."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.harness.data import cache, catalogue
from bench.harness.data.arrays import Arrays
from bench.harness.data.catalogue import Known, Source
from bench.harness.data.failures import SourceError, UnavailableError
from bench.harness.data.folder import named_by_user
from bench.harness.data.options import DATA_DIR_VARIABLE
from bench.harness.data.progress import LogProgress, Progress
from bench.harness.data.verify import verify
from bench.harness.errors import UserError
from bench.harness.spec import Dataset


def find(
    name: str,
    *,
    data_dir: Path | None = None,
    offline: bool = False,
    progress: Progress | None = None,
) -> Dataset:
    """Return a verified copy of the data set ``name``, in the cache form.

    Sources are tried in order: the folder ``data_dir`` that a user named, the local cache, then
    those of the catalogue, without the ones that need the network if ``offline``. Raises UserError
    that tells each one tried, why it failed and what to do.
    """
    known = catalogue.named(name)
    entry = _entry(known)
    search = _Search(known=known, offline=offline, progress=progress or LogProgress())
    if data_dir is not None:
        folder = named_by_user(data_dir, name)
        if (arrays := search.read(folder)) is not None:
            entry.keep(arrays, folder.label)
            return _dataset(known, entry, folder.label)
    if search.cached(entry):
        return _dataset(known, entry, _from_cache(entry))
    with entry.lock():
        if entry.holds():  # another process was faster
            return _dataset(known, entry, _from_cache(entry))
        for source in known.sources:
            if (arrays := search.read(source)) is not None:
                entry.write(arrays, source.label)
                return _dataset(known, entry, source.label)
    raise UserError(search.report())


def _entry(known: Known) -> cache.Entry:
    folder = cache.root() / f"{known.name}-{known.checksum[:12]}"
    return cache.Entry(folder=folder, verify=partial(verify, known))


def _dataset(known: Known, entry: cache.Entry, source: str) -> Dataset:
    folder = str(entry.folder)
    return Dataset(name=known.name, folder=folder, source=source, checksum=known.checksum)


def _from_cache(entry: cache.Entry) -> str:
    return f"local cache, first from {entry.origin()}"


@dataclass(frozen=True, kw_only=True)
class _Search:
    """What was tried so far, in order."""

    known: Known
    offline: bool
    progress: Progress
    tried: list[str] = field(default_factory=list)

    def read(self, source: Source) -> Arrays | None:
        """Return the verified arrays of a source, or None and note why not."""
        try:
            if source.network and self.offline:
                raise UnavailableError("not tried, because offline was asked for")
            self.progress.trying(source.label)
            arrays = source.read(self.progress)
            verify(self.known, arrays)
        except SourceError as error:
            self._note(source.label, error)
        except OSError as error:  # a folder without rights, a full disk for temporary files
            self._note(source.label, UnavailableError(str(error)))
        else:
            return arrays
        return None

    def cached(self, entry: cache.Entry) -> bool:
        """Return whether the cache holds it whole, or note why not."""
        try:
            entry.check()
        except SourceError as error:
            self._note(f"local cache {entry.folder}", error)
            return False
        return True

    def _note(self, label: str, error: SourceError) -> None:
        self.tried.append(f"  - {label}: {error}")
        self.progress.failed(label, error)

    def report(self) -> str:
        """Return the error: what was tried, why it failed, what to do."""
        name, title = self.known.name, self.known.title
        again = "without --offline " if self.offline else ""
        return "\n".join(
            (
                f"{title} was not found. Tried, in this order:",
                *self.tried,
                f"Run `python -m bench data {name}` {again}where there is a network,",
                "or name a folder that holds its four IDX files, raw or .gz, with --data-dir",
                f"or the variable {DATA_DIR_VARIABLE}.",
            )
        )
