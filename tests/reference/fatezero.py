"""FateZero's recorded outputs: frames, tokens, UNet forwards, inversions and edits."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tests.reference import fatezero_edits, fatezero_forwards, fatezero_frames, fatezero_training, tokens
from tests.reference.result import Result

ABOUT = {"what", "model", "layout", "tolerance", "patches_to_the_original", "weight_loading", "frames_sha256"}
CASES = {"cases", "unet_forward", "training"}


def run(root: Path, models: Path) -> Iterator[Result]:
    """Runs every case of the manifest."""
    manifest = json.loads((root / "manifest.json").read_text())
    if unknown := set(manifest) - ABOUT - CASES:
        raise ValueError(f"unknown kinds of cases in the manifest: {', '.join(sorted(unknown))}")
    bounds = tolerances(manifest["tolerance"]["suggested"])
    yield from fatezero_frames.run(root)
    if (root / "tokens.json").exists():
        yield from (Result(name, error, error, 1e-6) for name, error in tokens.check(root, models))
    if "unet_forward" in manifest:
        yield from fatezero_forwards.run(root, models, manifest["unet_forward"], bounds["UNet eps atol"])
    yield from fatezero_training.run(root, models, manifest.get("training", {}), bounds)
    for name, case in manifest.get("cases", {}).items():
        yield from fatezero_edits.run(root, models, name, case, bounds)


def tolerances(text: str) -> dict[str, float]:
    """Reads the bounds out of the manifest's sentence about them."""
    names = ("inverted atol", "edited latents max abs", "AND mean abs", "UNet eps atol")
    training = ("training losses rtol", "trained params atol 0.3*lr", "checksums l2 rtol")
    found = {name: re.search(rf"{re.escape(name)}[ =]([0-9.e-]+[0-9])", text) for name in names + training}
    if missing := [name for name, match in found.items() if match is None]:
        raise ValueError(f"the manifest's tolerances {text!r} don't name {', '.join(missing)}")
    return {name: float(match.group(1)) for name, match in found.items() if match}
