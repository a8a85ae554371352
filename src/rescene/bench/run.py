"""Runs rows under settings, one after the other; what is there already stays, and what fails is noted."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..fields import encode
from ..metrics import Report, Tools
from ..progress import Progress
from ..runs import InputRefs, ModelRef, Recipe, VideoRef, versions
from ..runs.inputs import fit_for
from ..runs.run import Prepared, prepare, run
from .host import BenchHost
from .row import Row, source_of
from .setting import Setting
from .trial import Trial
from .tuning import Tuning


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A benchmark in a folder."""

    folder: Path
    model: ModelRef
    tools: Tools
    metrics: Sequence[str]
    size: str | None = None
    """The size to work at: the model's own if None, `source`, or WIDTHxHEIGHT."""
    host: BenchHost = field(default_factory=BenchHost)

    def run(self, row: Row, setting: Setting, progress: Progress) -> Trial:
        """Edits and measures, unless that has been done; a failure is a result too."""
        before = self.trial(row, setting)
        if before and before.report and self.video(row, setting).exists():
            try:
                if before.identity == self.identity(self._prepared(row, setting)):
                    return before
            except (ValueError, OSError):
                pass  # What is wrong now is found again below, and noted.
        self.host.progress = progress
        trial = self._tried(row, setting)
        trial.save(self._noted(row, setting))
        return trial

    def trial(self, row: Row, setting: Setting) -> Trial | None:
        """What an earlier run noted."""
        return Trial.load(self._noted(row, setting))

    def video(self, row: Row, setting: Setting) -> Path:
        """Where the result is."""
        return self.folder / "results" / setting.name / f"{row.name}.mp4"

    def identity(self, work: Prepared) -> str:
        """SHA-256 of all that decides the result and its numbers."""
        used = self.host.described(self.model, self.host.load(self.model))
        values = {
            "recipe": replace(work.recipe, model=used).identity,
            "metrics": list(self.metrics),
            "rescene": versions()["rescene"],
            "scorer": self.tools.scorer.name if self.tools.scorer else None,
        }
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def _noted(self, row: Row, setting: Setting) -> Path:
        return self.folder / "records" / setting.name / f"{row.name}.json"

    def _tried(self, row: Row, setting: Setting) -> Trial:
        texts = {name: getattr(row, name) for name in ("kind", "source", "target")}
        trial = Trial(row=row.name, setting=setting.name, identity="", **texts)
        try:
            made: dict[str, object] = {"method": setting.method}
            tuning = self._tuning(row, setting)
            before = tuning.run(self.host.load(self.model), self.host.progress) if tuning else ()
            work = self._prepared(row, setting)
            made["fields"] = encode(work.recipe.method)
            if tuning:
                made["tune"] = encode(tuning.one_shot)
            trial = replace(trial, identity=self.identity(work), made=made)
            report = self._report(row, setting, work)
            return replace(trial, report=replace(report, scores=(*report.scores, *before)))
        except Exception as error:  # Whatever is wrong with one row, the others are to be measured.
            return replace(trial, error=f"{type(error).__name__}: {' '.join(str(error).split())}")

    def _prepared(self, row: Row, setting: Setting) -> Prepared:
        """The run of a row; a tuned one once the model has been tuned to its clip."""
        tuning = self._tuning(row, setting)
        recipe = Recipe(
            method=setting.edit(row, tuning and tuning.adapter),
            model=self.model,
            inputs=InputRefs(video=VideoRef(path=str(row.clip), trim=row.trim)),
            fit=self.size,
        )
        return prepare(recipe, self.host)

    def _tuning(self, row: Row, setting: Setting) -> Tuning | None:
        if (one_shot := setting.tuning(row)) is None:
            return None
        outline = self.host.outline(self.model)
        return Tuning(
            one_shot=one_shot,
            row=row,
            fit=fit_for(source_of(row, hold=False), outline, self.size),
            model=self.host.load(self.model).identity(),
            folder=self.folder / "tuned",
        )

    def _report(self, row: Row, setting: Setting, work: Prepared) -> Report:
        result = run(work, str(self.video(row, setting)), self.host)
        assert work.given.video
        assert self.host.meter
        report = row.measure(work.given.video, result.video, self.tools, self.metrics)
        return replace(report, scores=(*report.scores, *self.host.meter.scores()))


def results(
    bench: Bench, rows: Sequence[Row], settings: Sequence[Setting], progress: Progress
) -> Iterator[tuple[Row, Trial]]:
    """Every row under every setting, a row at a time."""
    for row in rows:
        for setting in settings:
            yield row, bench.run(row, setting, progress)
