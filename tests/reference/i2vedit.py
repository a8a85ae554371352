"""I2VEdit's recorded outputs: single functions, clips and edits, and the training of a motion LoRA."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from tests.reference import i2vedit_clips
from tests.reference.i2vedit_case import Recorded
from tests.reference.result import Result


def run(root: Path, models: Path) -> Iterator[Result]:
    """Runs every case of the manifest, with a cache of its own, so that nothing is looked up."""
    manifest = json.loads((root / "manifest.json").read_text())
    with TemporaryDirectory() as folder, mock.patch.dict(os.environ, RESCENE_CACHE=folder):
        for name in manifest["cases"]:
            case = Recorded(root, models, name, manifest)
            with case.as_published():
                yield from i2vedit_clips.run(case)
