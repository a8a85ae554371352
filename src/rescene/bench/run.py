"""Runs rows under settings, one after the other; what is there already stays, and what fails is noted."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ..backbones import StableDiffusion
from ..fields import encode
from ..inputs import Fit
from ..methods import METHODS, Method
from ..metrics import Report, Tools
from ..progress import Progress
from ..settings import ModelSettings, Settings, SourceSettings, file_hash, seen_from, versions, write_result
from ..video import DigitalSourceType, Video
from ..video.clip import in_memory
from .meter import Meter
from .record import Record
from .row import Row, source_of
from .setting import Setting
from .tuning import Tuning


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A benchmark in a folder."""

    folder: Path
    model: StableDiffusion
    model_settings: ModelSettings
    fit: Callable[[Video], Fit]
    """The size to work at."""
    tools: Tools
    metrics: Sequence[str]

    def run(self, row: Row, setting: Setting, progress: Progress) -> Record:
        """Edits and measures, unless that has been done; a failure is a record too."""
        before = self.record(row, setting)
        if before and before.report and self.video(row, setting).exists():
            try:
                if before.identity == self.identity(row, setting):
                    return before
            except (ValueError, OSError):
                pass  # What is wrong now is found again below, and noted.
        record = self._tried(row, setting, progress)
        record.save(self._record(row, setting))
        return record

    def record(self, row: Row, setting: Setting) -> Record | None:
        """What an earlier run noted."""
        return Record.load(self._record(row, setting))

    def video(self, row: Row, setting: Setting) -> Path:
        """Where the result is."""
        return self.folder / "results" / setting.name / f"{row.name}.mp4"

    def identity(self, row: Row, setting: Setting) -> str:
        """SHA-256 of all that decides the result."""
        tuning = self._tuning(row, setting)
        motion = tuning and tuning.adapter
        values = {
            "edit": encode(setting.edit(row, motion and Path(motion.name))),
            "method": setting.method,
            "clip": file_hash(row.clip),
            "trim": encode(row.trim),
            "fit": encode(self._fit(row)),
            "model": self.model_settings.fingerprint,
            "metrics": list(self.metrics),
            "rescene": versions()["rescene"],
            "scorer": self.tools.scorer.name if self.tools.scorer else None,
        }
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def _record(self, row: Row, setting: Setting) -> Path:
        return self.folder / "records" / setting.name / f"{row.name}.json"

    def _tried(self, row: Row, setting: Setting, progress: Progress) -> Record:
        texts = {name: getattr(row, name) for name in ("kind", "source", "target")}
        record = Record(row=row.name, setting=setting.name, identity="", **texts)
        try:
            tuning = self._tuning(row, setting)
            edit = setting.edit(row, tuning and tuning.adapter)
            made = {"method": setting.method, "fields": encode(edit)}
            if tuning:
                made["tune"] = encode(tuning.one_shot)
            record = replace(record, identity=self.identity(row, setting), made=made)
            return replace(record, report=self._report(row, setting, edit, tuning, progress))
        except Exception as error:  # Whatever is wrong with one row, the others are to be measured.
            return replace(record, error=f"{type(error).__name__}: {' '.join(str(error).split())}")

    def _tuning(self, row: Row, setting: Setting) -> Tuning | None:
        if (one_shot := setting.tuning(row)) is None:
            return None
        model, folder = self.model_settings.fingerprint, self.folder / "tuned"
        return Tuning(one_shot=one_shot, row=row, fit=self._fit(row), model=model, folder=folder)

    def _fit(self, row: Row) -> Fit:
        return self.fit(source_of(row, hold=False))

    def _report(
        self, row: Row, setting: Setting, edit: Method, tuning: Tuning | None, progress: Progress
    ) -> Report:
        source = source_of(row)
        fit = self.fit(source)
        before = tuning.run(self.model, source, progress) if tuning else ()
        with _cold_cache(), Meter() as meter:
            edited = edit(self.model, fit.apply(source), progress=progress)
            edited = replace(edited, clip=in_memory(fit.restore(edited).clip))
        self._keep(edited, row, self.video(row, setting), edit, fit)
        report = row.measure(source, edited, self.tools, self.metrics)
        return replace(report, scores=(*report.scores, *meter.scores(), *before))

    def _keep(self, edited: Video, row: Row, path: Path, edit: Method, fit: Fit) -> None:
        """Writes the result for people to see; what a method made carries its settings."""
        if type(edit) not in METHODS.values():
            edited.write(path, overwrite=True, source_type=DigitalSourceType.EDITED)
            return
        source = SourceSettings(path=seen_from(path, row.clip), sha256=file_hash(row.clip), trim=row.trim)
        settings = Settings(edit=edit, model=self.model_settings, source=source, fit=fit)
        write_result(edited, str(path), settings, overwrite=True)


def results(
    bench: Bench, rows: Sequence[Row], settings: Sequence[Setting], progress: Progress
) -> Iterator[tuple[Row, Record]]:
    """Every row under every setting, a row at a time."""
    for row in rows:
        for setting in settings:
            yield row, bench.run(row, setting, progress)


@contextmanager
def _cold_cache() -> Iterator[None]:
    """A block without earlier inversions, so that every edit is timed alike."""
    before = os.environ.get("RESCENE_CACHE")
    with TemporaryDirectory(prefix="rescene-") as folder:
        os.environ["RESCENE_CACHE"] = folder
        try:
            yield
        finally:
            del os.environ["RESCENE_CACHE"]
            if before is not None:
                os.environ["RESCENE_CACHE"] = before
