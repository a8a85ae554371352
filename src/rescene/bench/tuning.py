"""Tunes the model to a row's clip before its edit: once, for all settings that ask for the same."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from ..backbones import Backbone
from ..fields import encode
from ..inputs import Fit
from ..metrics import About, Score
from ..progress import Progress
from ..runs import file_hash
from ..runs.inputs import fitted
from ..training.settings import OneShot
from ..video.files import replacing
from .meter import Meter
from .row import Row, source_of

SECONDS = About(name="tuning_seconds", title="Tuning", group="cost", better="lower", unit="s")
CPU_SECONDS = About(
    name="tuning_cpu_seconds", title="Tuning, processor time", group="cost", better="lower", unit="s"
)


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """The tuning of a model to a row's clip."""

    one_shot: OneShot
    row: Row
    fit: Fit
    """The size of work."""
    model: str
    """Fingerprint of the model's weights."""
    folder: Path
    """Of adapters; each lies beside a note of what it took."""

    @property
    def adapter(self) -> Path:
        """Where the adapter is to lie: its name tells all that decides it."""
        values = {
            **self.one_shot.deciding,
            "steps": self.one_shot.length,
            "clip": file_hash(self.row.clip),
            "trim": encode(self.row.trim),
            "fit": encode(self.fit),
            "model": self.model,
        }
        digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
        return self.folder / f"{self.row.name}-{digest[:12]}.safetensors"

    def run(self, model: Backbone, progress: Progress) -> tuple[Score, ...]:
        """Tunes, unless that has been done; returns what it took.

        Args:
            model: The model, which stays as it is.
            progress: Reports the steps.
        """
        path = self.adapter
        note = path.with_suffix(".json")
        if not (path.exists() and note.exists()):
            video, _ = fitted(source_of(self.row), model, self.fit)
            with Meter() as meter:
                adapter = self.one_shot(model, video, progress=progress)
            adapter.save(path, steps=self.one_shot.length)
            took = {"seconds": meter.seconds, "cpu_seconds": meter.cpu_seconds}
            text = json.dumps({"tune": encode(self.one_shot), **took}, indent=2)
            with replacing(note, folder=False, room=len(text)) as place:
                place.write_text(text + "\n", encoding="utf-8")
        took = json.loads(note.read_text(encoding="utf-8"))
        how = f"{self.one_shot.length} steps, once for all settings that tune alike"
        return (
            Score(about=SECONDS, value=took["seconds"], how=f"by the clock; {how}"),
            Score(about=CPU_SECONDS, value=took["cpu_seconds"], how=f"of all threads; {how}"),
        )
