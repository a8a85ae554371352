"""Compares rescene with recorded outputs of the originals: `python -m tests.reference SYSTEM --root FOLDER`.

One line a comparison: name, largest and mean error, tolerance, and `ok` or `FAILED`; exit status 1 on any
failure. Lines without figures say what a recording leaves undetermined.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from tests.reference import fatezero, i2vedit, text2video_zero, tokenflow, video_transformers
from tests.reference.result import Result

SYSTEMS: dict[str, Callable[[Path, Path], Iterator[Result | str]]] = {
    "fatezero": fatezero.run,
    "i2vedit": i2vedit.run,
    "text2video_zero": text2video_zero.run,
    "tokenflow": tokenflow.run,
    "video_transformers": video_transformers.run,
}


def main() -> int:
    """Parses the command line, runs one system's cases, and reports."""
    parser = argparse.ArgumentParser(prog="python -m tests.reference", description=__doc__)
    parser.add_argument("system", choices=sorted(SYSTEMS))
    parser.add_argument(
        "--root", type=Path, required=True, help="folder with manifest.json and the recorded tensors"
    )
    parser.add_argument(
        "--models", type=Path, help="folder of the tiny models (default: models beside --root)"
    )
    arguments = parser.parse_args()
    if not (arguments.root / "manifest.json").is_file():
        parser.error(f"{arguments.root} has no manifest.json")
    torch.set_num_threads(2)
    models = arguments.models or arguments.root.resolve().parent / "models"
    failed = total = 0
    for result in SYSTEMS[arguments.system](arguments.root, models):
        print(result, flush=True)
        if isinstance(result, Result):
            total, failed = total + 1, failed + (not result.ok)
    print(f"{total - failed} passed, {failed} failed")
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main())
