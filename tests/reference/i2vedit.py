"""I2VEdit's recorded outputs: single functions, clips and edits, and the training of a motion LoRA."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from tests.reference import i2vedit_attention, i2vedit_clips, i2vedit_training, i2vedit_units
from tests.reference.i2vedit_case import Recorded
from tests.reference.result import Result


def run(root: Path, models: Path) -> Iterator[Result]:
    """Runs every case of the manifest, with a cache of its own, so that nothing is looked up."""
    manifest = json.loads((root / "manifest.json").read_text())
    with TemporaryDirectory() as folder, mock.patch.dict(os.environ, RESCENE_CACHE=folder):
        cases = [Recorded(root, models, name, manifest) for name in manifest["cases"]]
        yield from i2vedit_units.run(cases[0])
        for case in cases:
            yield from run_case(case)


def run_case(case: Recorded) -> Iterator[Result]:
    """Runs one case."""
    trains = case.settings["use_motion_lora"]
    with case.as_published():
        if trains and case.is_legacy:
            yield from i2vedit_training.run(case)
        if case.is_legacy:
            yield from i2vedit_attention.run(case)
        yield from i2vedit_clips.run(case, i2vedit_training.recorded_lora(case) if trains else None)
