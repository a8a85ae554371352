"""I2VEdit's recorded outputs: single functions, clips and edits, and the training of a motion LoRA."""

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from tests.reference import i2vedit_attention, i2vedit_clips, i2vedit_training, i2vedit_units
from tests.reference.i2vedit_case import Recorded
from tests.reference.result import Result


def run(root: Path, models: Path) -> Iterator[Result | str]:
    """Runs every case of the manifest, with a cache of its own, so that nothing is looked up."""
    manifest = json.loads((root / "manifest.json").read_text())
    with TemporaryDirectory() as folder, mock.patch.dict(os.environ, RESCENE_CACHE=folder):
        cases = [Recorded(root, models, name, manifest) for name in manifest["cases"]]
        yield from i2vedit_units.run(cases[0])
        for case in cases:
            yield from run_case(case)


def run_case(case: Recorded) -> Iterator[Result | str]:
    """Runs one case."""
    spans = i2vedit_clips.clips(case)
    trained = [number for number in spans if case.has(f"clip{number}.lora_step3.")]
    if case.settings["use_motion_lora"] and not trained:
        yield Result(f"{case.name}/no motion LoRA is recorded", math.inf, math.inf, 0)
    with case.as_published():
        if case.is_legacy:
            for number in trained:
                first = None
                if number and case.settings["use_consistency_attention_control"]:
                    first = i2vedit_clips.RecordedSource(case, 0, spans[0], "inversion_train")
                    yield from first.compare()
                yield from i2vedit_training.run(case, number, spans[number], first and first.clip)
            yield from i2vedit_attention.run(case)
        loras = {number: i2vedit_training.recorded_lora(case, number) for number in trained}
        yield from i2vedit_clips.run(case, loras)
