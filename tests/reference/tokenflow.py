"""TokenFlow's recorded outputs: inversions and edits of the original, and of edit-friendly DDPM inversion."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from tests.reference import tokenflow_ddpm, tokenflow_edits, tokenflow_inversions
from tests.reference.result import Result
from tests.reference.tokenflow_clip import Recorded


def run(root: Path, models: Path) -> Iterator[Result]:
    """Runs every case of the manifest, with a cache of its own, so that nothing is looked up."""
    manifest = json.loads((root / "manifest.json").read_text())
    with TemporaryDirectory() as folder, mock.patch.dict(os.environ, RESCENE_CACHE=folder):
        for name, case in manifest["cases"].items():
            yield from run_case(Recorded(root, models, name, case, manifest))


def run_case(case: Recorded) -> Iterator[Result]:
    """Runs one case."""
    match case.settings:
        case {"kind": "preprocess"}:
            return tokenflow_inversions.run(case)
        case {"kind": "pnp" | "sdedit"}:
            return tokenflow_edits.run(case)
        case {"variants": _}:
            return tokenflow_ddpm.run(case)
    raise ValueError(f"case {case.name} is of an unknown kind: {sorted(case.settings)}")
