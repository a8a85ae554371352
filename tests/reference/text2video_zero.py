"""Text2Video-Zero's recorded outputs: clips from prompts, with controls, by instruction; preprocessing."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from tests.reference import (
    text2video_zero_clips,
    text2video_zero_controls,
    text2video_zero_frames,
    text2video_zero_instructions,
)
from tests.reference.result import Result

Run = Callable[[Path, Path, str, Mapping[str, Any], float], Iterator[Result]]
DIFFUSERS, DIFFUSERS_CASE = "diffusers_t2vzero_nochunk", "t2v_nochunk"
"""A recording that the manifest doesn't list, and the case that it repeats with diffusers' pipeline."""
KINDS: dict[str, Run] = {
    "process_text2video": text2video_zero_clips.run,
    "process_controlnet_canny": text2video_zero_controls.run,
    "process_controlnet_pose": text2video_zero_controls.run,
    "process_pix2pix": text2video_zero_instructions.run,
    "preproc": text2video_zero_frames.run,
    DIFFUSERS: text2video_zero_clips.run_diffusers,
}
"""How each of the original's functions is run."""


def run(root: Path, models: Path, only: str | None = None) -> Iterator[Result]:
    """Runs every case of the manifest, or the one called `only`."""
    cases = json.loads((root / "manifest.json").read_text())["cases"]
    if (root / f"{DIFFUSERS}.safetensors").exists():
        cases[DIFFUSERS] = {**cases[DIFFUSERS_CASE], "call": {"process": DIFFUSERS}}
    for name, case in cases.items():
        kind = case["call"]["process"] if "call" in case else name
        if kind not in KINDS:
            raise ValueError(f"case {name} is of an unknown kind, {kind}")
        if only in (None, name):
            yield from compared(KINDS[kind], root, models, name, case)


def compared(run: Run, root: Path, models: Path, name: str, case: Mapping[str, Any]) -> list[Result]:
    """One case, by one thread as it was recorded; where tokens merge, by two if that doesn't agree.

    Near ties of merging fall one way or the other with the order of summation, so a case agrees if it does in
    either order.
    """
    merges = bool(case.get("call", {}).get("merging_ratio"))
    results: list[Result] = []
    for threads in (1, 2) if merges else (1,):
        torch.set_num_threads(threads)
        results = list(run(root, models, name, case, tolerance(name)))
        if all(result.ok for result in results):
            break
    return results


def tolerance(name: str) -> float:
    """The bound of the relative error in L2, by the manifest's words."""
    if name == "canny_tome50":  # Near ties of token merging flip under rounding.
        return 1e-3
    return 1e-5 if name.startswith("p2p") else 2e-5
