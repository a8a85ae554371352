"""I2VEdit's single functions: schedules, clips, the perturbation, and calls of the networks."""

from collections.abc import Iterator

import torch
from safetensors.torch import load_file
from torch import Tensor

from rescene.backbones import Branch, Condition, Picture
from rescene.backbones.clip_image import MEAN, STD, clip_pixels
from rescene.methods.i2vedit.noise import smooth_areas
from rescene.methods.i2vedit.source import SourceClip
from rescene.methods.i2vedit.spans import segments
from rescene.sampling import Level, Step
from rescene.training.motion_lora import training_sigma
from tests.reference.i2vedit_case import FROM_LATENTS, FROM_PIXELS, Recorded, channels_last, legacy_context
from tests.reference.result import Result


def run(case: Recorded) -> Iterator[Result]:
    """Compares every recorded function that has a counterpart here."""
    recorded = load_file(case.root / "units.safetensors")
    for steps in (5, 25):
        yield from compare_schedule(case, recorded, steps)
    yield from compare_training_levels(case, recorded)
    yield from compare_pictures(case, recorded)
    yield from compare_network(case, recorded)
    yield from compare_autoencoder(case, recorded)
    yield from compare_spans(case)


def compare_schedule(case: Recorded, recorded: dict[str, Tensor], steps: int) -> Iterator[Result]:
    """Compares levels and times of sampling and inversion."""
    sampling, inverting = case.model.schedule(steps), case.model.schedule(steps, invert=True)
    ours = {
        "sigmas": [*(sigma(step.start) for step in sampling), 0.0],
        "timesteps": [step.timestep for step in sampling],
        # Recorded from the noisiest level on.
        "inv_sigmas": [sigma(step.start) for step in reversed(inverting)],
        "inv_timesteps": [step.timestep for step in reversed(inverting)],
    }
    for name, values in ours.items():
        theirs = recorded[f"sched{steps}.{name}"]
        if name == "inv_sigmas":
            theirs = theirs[1:]
        yield case.compare(f"{steps} steps: {name}", torch.tensor(values), theirs, 1e-6)


def sigma(level: Level) -> float:
    """Noise in units of the signal."""
    return level.noise / level.signal


def compare_training_levels(case: Recorded, recorded: dict[str, Tensor]) -> Iterator[Result]:
    """Compares levels of training, and which step's keys belong to each."""
    theirs = recorded["train_sigma.sigma"]
    ours = torch.tensor([training_sigma(share) for share in recorded["train_sigma.u"].tolist()])
    yield case.compare("levels of training", ours / theirs, torch.ones_like(theirs), FROM_LATENTS)
    source = SourceClip(model=case.model, prepare=NotImplemented, num_inference_steps=25)
    steps = torch.tensor([source.step_above(level) for level in theirs.tolist()])
    yield case.compare("steps of those levels", steps, recorded["train_sigma.step_index25"], 0)


def compare_pictures(case: Recorded, recorded: dict[str, Tensor]) -> Iterator[Result]:
    """Compares what CLIP is shown, and which areas are smooth."""
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    for name, (height, width) in {"up": (48, 80), "down": (300, 500)}.items():
        channel = torch.arange(3.0)[:, None, None]
        down, across = torch.arange(float(height))[:, None], torch.arange(float(width))
        picture = torch.sin(across / 9 + channel) * torch.cos(down / 7 - channel)
        square = 2 * (clip_pixels((picture[None] + 1) / 2, 224) * std + mean) - 1
        theirs = recorded[f"clip_resize.{name}.out_sub4"]
        yield case.compare(f"picture for CLIP, {name}", square[..., ::4, ::4], theirs, FROM_LATENTS)
    ours = smooth_areas((recorded["sarp.in"][0] + 1) / 2)
    theirs = recorded["sarp.mask"][0, :, 0]
    yield case.compare("smooth areas", ours.double(), theirs.double(), 0)


def compare_network(case: Recorded, recorded: dict[str, Tensor]) -> Iterator[Result]:
    """Compares one pass of the UNet, with both orders of the context."""
    step = Step(0, recorded["unet.timestep"].item(), Level(1, 1), Level(1, 1))
    branches = [
        Branch(clip[:, :4], step, Condition(picture=Picture(context[None], clip[:, 4:], ids[0].item())))
        for clip, context, ids in zip(
            recorded["unet.sample"], recorded["unet.ehs"], recorded["unet.time_ids"], strict=True
        )
    ]
    ours = torch.stack(case.model.predict(*branches))
    yield case.compare("network", ours, recorded["unet.out_b2_fixedctx"], FROM_LATENTS)
    with legacy_context(case.model):
        ours = torch.stack(case.model.predict(*branches))
    yield case.compare("network, old order", ours, recorded["unet.out_b2_d025"], FROM_LATENTS)


def compare_autoencoder(case: Recorded, recorded: dict[str, Tensor]) -> Iterator[Result]:
    """Compares encoding and decoding."""
    with channels_last(case.model):
        ours = case.model.image((recorded["vae.px"] + 1) / 2)
    yield case.compare("encoder", ours, recorded["vae.mean"], FROM_PIXELS)
    ours = case.model.pixels(recorded["vae.z"] * case.model.vae.config.scaling_factor)
    yield case.compare("decoder", ours, (recorded["vae.decode3"] / 2 + 0.5).clamp(0, 1), FROM_LATENTS)


def compare_spans(case: Recorded) -> Iterator[Result]:
    """Compares how videos are cut into clips that share a frame; a last one that is short isn't wanted."""
    for number, row in enumerate(case.manifest["unit_tables"]["clip_split"]):
        if row["overlay_size"] != 1:
            continue
        lengths = [len(clip["frames"]) for clip in row["clips"]]
        overlaps = [clip["skip_when_writing"] for clip in row["clips"]]
        (segment,) = segments(sum(lengths) - sum(overlaps), row["chunk_size"])
        ours = [(len(span.frames), span.overlap) for span in segment.spans]
        full = len(lengths) - (lengths[-1] < row["chunk_size"] and len(lengths) > 1)
        theirs = list(zip(lengths, overlaps, strict=True))
        yield case.compare(
            f"clips {number}", torch.tensor(ours[:full]).double(), torch.tensor(theirs[:full]).double(), 0
        )
        assert len(ours) == len(lengths)
