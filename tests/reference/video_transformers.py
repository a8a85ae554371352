"""Recorded outputs of video transformers (Wan): text, codec, levels, passes, conditions, samples, edits.

A case belongs to the kind that its name begins with. Kinds of edits are in `video_transformers_edits.py`.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor

from rescene.backbones import Branch, Condition, Inpainter, Picture, unipc
from rescene.inputs.grid import Grid
from rescene.inputs.masks import Mask
from rescene.sampling import Denoise, Step, classifier_free, rectified_flow, sample
from rescene.video import Video
from tests.reference.result import Result
from tests.reference.video_transformers_case import AFTER_STEPS, Case, batched, time_first
from tests.reference.video_transformers_edits import EDITS


def run(root: Path, models: Path) -> Iterator[Result]:
    """Runs every case of the manifest; one that can't be run fails."""
    manifest = json.loads((root / "manifest.json").read_text())
    for name in manifest["cases"]:
        case = Case(root, models, name, manifest)
        kind = max((kind for kind in KINDS if name.startswith(kind)), key=len, default="")
        try:
            yield from KINDS[kind](case) if kind else [failed(f"{name}: no such kind of case")]
        except Exception as error:  # The others are still to be compared.
            yield failed(f"{name}: {type(error).__name__}: {error}")


def failed(name: str) -> Result:
    """What there is to say of a case that couldn't be run."""
    return Result(name, torch.inf, torch.inf, 0.0)


def text(case: Case) -> Iterator[Result]:
    """Tokens and states of the three prompts."""
    encoder = case.model.text
    assert encoder
    for name, prompt in case.prompts.items():
        found = encoder(prompt)
        yield case.close(f"{name}_text", found.states[None])
        if f"{name}_ids" in case.tensors:
            padding = case.settings["length"] - len(found.prompt.ids)
            yield case.equal(f"{name}_ids", torch.tensor([[*found.prompt.ids, *[0] * padding]]))
            yield case.equal(f"{name}_length", torch.tensor(len(found.prompt.ids)))


def codec(case: Case) -> Iterator[Result]:
    """Frames to latents and back."""
    video = Video.of(case.inputs["frames"], 16)
    yield case.close("latents", batched(case.model.encode(video)))
    decoded = case.model.decode(time_first(case.tensors["latents"]), like=video).frames
    yield case.close("decoded", decoded if case.tensors["decoded"].min() >= 0 else 2 * decoded - 1)


def levels(case: Case) -> Iterator[Result]:
    """The levels of noise by steps and shift."""
    for steps, shift in case.settings["n_shift"]:
        found = rectified_flow(steps, shift=shift)
        noise = [found[0].start.noise, *(step.end.noise for step in found)]
        yield case.close(f"n{steps}_shift{shift}", torch.tensor(noise, dtype=torch.float64))


def euler(case: Case) -> Iterator[Result]:
    """Text to video by Euler steps; with two networks, each with a guidance of its own."""
    schedule = case.schedule
    if "levels" in case.tensors:
        noise = [schedule[0].start.noise, *(step.end.noise for step in schedule)]
        yield case.close("levels", torch.tensor(noise, dtype=torch.float64))
    states = sample(guided(case), time_first(case.inputs["noise"]), schedule)
    yield from case.states(states)


def guided(case: Case, picture: Picture | None = None) -> Denoise:
    """Predictions away from the negative prompt, towards the target."""
    model, settings = case.model, case.settings
    away, there = (Condition(text=case.text(name), picture=picture) for name in ("negative", "target"))

    def denoise(z: Tensor, step: Step) -> Tensor:
        second = "guidance_2" in settings and step.timestep < 1000 * BOUNDARY
        scale = settings["guidance_2" if second else "guidance"]
        without, towards = model.predict(Branch(z, step, away), Branch(z, step, there))
        return classifier_free(without, towards, scale)

    return denoise


def ti2v(case: Case) -> Iterator[Result]:
    """A first frame that is given: its latents are told as clean, and are in the result."""
    model, video = case.model, Video.of(case.inputs["frames"], 24)
    yield case.close("latents", batched(model.encode(video)))
    picture = model.picture(video[:1].frames, fps=24)
    yield case.close("first", batched(picture.latents))
    states = list(sample(guided(case, picture), time_first(case.inputs["noise"]), case.schedule))
    # The recorded paths of given latents lead nowhere: they were put back at the end.
    given = len(picture.latents)
    theirs = case.tensors["states"].transpose(1, 2)
    for number, (ours, other) in enumerate(zip(states, theirs, strict=True)):
        yield case.compare(f"states {number}", ours[given:], other[given:], AFTER_STEPS)
    yield case.close("final", batched(states[-1]), tolerance=AFTER_STEPS)


def i2v(case: Case) -> Iterator[Result]:
    """A first frame beside the latents, and what CLIP sees in it."""
    z = time_first(case.inputs["noise"])
    frame = case.tensors["frame"].float() / 255
    frames = 1 + (len(z) - 1) * case.model.grid.time
    picture = case.model.picture(frame, fps=16, frames=frames)
    yield case.close("condition", batched(picture.latents))
    yield case.close("image", picture.embedding)
    condition = Condition(text=case.text("target"), picture=picture)
    (found,) = case.model.predict(Branch(z, case.step, condition))
    yield case.close("velocity", batched(found))


def vace(case: Case) -> Iterator[Result]:
    """A control of kept and masked frames, and one pass with it."""
    model = case.model
    assert isinstance(model, Inpainter)
    mask = case.inputs["mask"].expand(-1, 3, -1, -1) * (255 if case.inputs["mask"].max() == 1 else 1)
    with mock.patch("rescene.backbones.wan_vace.cells_of", one_frame_each):
        control = model.masked(Video.of(case.inputs["frames"], 16), Mask(Video.of(mask, 16)))
    yield case.close("control", batched(control))
    condition = Condition(text=case.text("target"), beside=control, strength=tuple(case.settings["scales"]))
    (found,) = model.predict(Branch(time_first(case.inputs["noise"]), case.step, condition))
    yield case.close("velocity", batched(found))


def one_frame_each(mask: Mask, grid: Grid) -> Tensor:
    """The mask's cells as they were recorded: of one frame for each latent, whose neighbours don't count."""
    pixels = F.pixel_unshuffle(mask.video.frames.mean(1, keepdim=True), grid.space)
    times = grid.latents(len(pixels)), *pixels.shape[-2:]
    return F.interpolate(pixels.transpose(0, 1)[None], times, mode="nearest-exact")[0].transpose(0, 1)


def by_unipc(case: Case) -> Iterator[Result]:
    """Text to video by diffusers' UniPC."""
    *_, z = unipc(guided(case), time_first(case.inputs["noise"]), case.model.schedule(case.settings["steps"]))
    yield case.close("latents", batched(z), AFTER_STEPS)


BOUNDARY = 0.875
KINDS: dict[str, Callable[[Case], Iterator[Result]]] = {
    "text": text,
    "codec": codec,
    "levels": levels,
    "t2v_euler": euler,
    "a14b_euler": euler,
    "t2v_unipc": by_unipc,
    "ti2v": ti2v,
    "i2v": i2v,
    "vace": vace,
    **EDITS,
}
"""What runs a case, by what its name begins with; the longest such beginning counts."""
