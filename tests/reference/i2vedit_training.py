"""I2VEdit's recorded training of a motion LoRA: three steps, with everything that was drawn."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import torch
from safetensors.torch import save_file
from torch import Tensor

from rescene import Video
from rescene.backbones import Picture
from rescene.backbones.changes import MotionLoRA
from rescene.methods.i2vedit.source import SourceClip
from rescene.training.loop import Trainer
from rescene.training.motion_lora import MotionLesson, MotionTuning, training_sigma
from tests.reference.i2vedit_case import FROM_PIXELS, Recorded
from tests.reference.result import Result

LOSSES, GRADIENTS, WEIGHTS = 1e-5, 1e-3, 1e-5
"""The manifest's tolerances; that of weights holds for 99 % of them: Adam makes steps of rounding errors."""
SHARE = 0.99


class SwappedPicture(Picture):
    """The original tells the network of noise and motion in the wrong order, but only while it trains."""

    @property
    def time_ids(self) -> tuple[float, float, float]:
        fps, motion, noise = super().time_ids
        return fps, noise, motion


@dataclass(frozen=True, eq=False)
class RecordedLesson(MotionLesson):
    """A step with its recorded draws."""

    draws: tuple[Tensor, Tensor, float] | None = None

    def drawn(self, draw: torch.Generator) -> tuple[Tensor, Tensor, float]:
        assert self.draws
        return self.draws


def run(case: Recorded, number: int, span: range, first: SourceClip | None) -> Iterator[Result]:
    """Compares what is learnt from, and the steps of one clip's training.

    Args:
        case: The recorded case.
        number: Number of the clip.
        span: Frames of the clip.
        first: The first clip at the size of the training, if the training looks at it.
    """
    model, prefix = case.model, f"clip{number}.train."
    recorded = {
        name.removeprefix(prefix): tensor for name, tensor in case.tensors.items() if name.startswith(prefix)
    }
    picture = recorded_picture(case, recorded)
    train = case.settings["train_motion_lora_params"]["train_data"]
    frames = case.frames_at((train["height"], train["width"]))[list(span)]
    clean = model.encode(Video.of(frames, 8), noise=recorded["noise_vae"])
    title = "" if number == 0 else f"clip {number} "
    yield case.compare(f"{title}training latents", clean, recorded["cached.latents"], FROM_PIXELS)
    yield case.compare(
        f"{title}training lead", model.embed(frames[:1]), recorded["step0.image_embeds"], FROM_PIXELS
    )

    lora = MotionLoRA.fresh(model, rank=4, dropout=0.0, seed=0)
    names = lora_names(case)
    with torch.no_grad():
        for name, weight in lora.weights().items():
            weight.copy_(case.tensors[f"clip{number}.lora_init.{names[name]}"])
    gradients: dict[str, Tensor] = {}
    for name, weight in lora.weights().items():
        weight.register_hook(lambda gradient, name=name: gradients.update({names[name]: gradient.clone()}))
    trainer = Trainer(lora.weights(), MotionTuning(learning_rate=5e-4))
    for step in range(case.settings["train_motion_lora_params"]["max_train_steps"]):
        lesson = RecordedLesson(
            model,
            lora,
            recorded["cached.latents"],
            picture,
            first.keys_at if first else None,
            draws=draws(recorded, step),
        )
        # The original scales no gradient down.
        with (
            mock.patch("rescene.training.loop.LARGEST_GRADIENT", math.inf),
            lesson(torch.Generator()) as loss,
        ):
            value, _ = trainer.move(loss, "")
        yield case.compare(
            f"{title}loss of step {step}", torch.tensor([value]), recorded[f"step{step}.loss"], LOSSES
        )
        theirs = {name: recorded.get(f"step{step}.grad.{name}") for name in gradients}
        largest = max((tensor.abs().max() for tensor in theirs.values() if tensor is not None), default=1)
        for name, tensor in theirs.items():
            if tensor is not None:
                subject = f"{case.name}/{title}gradient {name} of step {step}"
                yield Result.of(subject, gradients[name] / largest, tensor / largest, GRADIENTS)
    yield from compare_weights(case, number, lora, names)


def compare_weights(case: Recorded, number: int, lora: MotionLoRA, names: dict[str, str]) -> Iterator[Result]:
    """Compares what was learnt."""
    theirs = [case.tensors[f"clip{number}.lora_step3.{names[name]}"] for name in lora.weights()]
    errors = torch.cat(
        [
            (own.detach() - other).abs().flatten()
            for own, other in zip(lora.weights().values(), theirs, strict=True)
        ]
    )
    error = float(errors.kthvalue(int(SHARE * len(errors))).values)
    title = "" if number == 0 else f"clip {number} "
    yield Result(f"{case.name}/{title}99 % of the weights", error, float(errors.mean()), WEIGHTS)


def draws(recorded: dict[str, Tensor], step: int) -> tuple[Tensor, Tensor, float]:
    """Noise for the clip, for its lead, and the level."""

    def numbered(name: str, index: int) -> Tensor:
        return recorded[name if index == 0 else f"{name}__{index + 1}"]

    noise, augmentation = (numbered("noise", 2 * step + part)[0] for part in (0, 1))
    return noise, augmentation[:1], training_sigma(numbered("u", step).item())


def recorded_picture(case: Recorded, recorded: dict[str, Tensor]) -> Picture:
    """The picture that led a training."""
    image = recorded["cached.refer_latents"] / case.model.vae.config.scaling_factor
    return SwappedPicture(recorded["step0.image_embeds"], image, 6)


def lora_names(case: Recorded) -> dict[str, str]:
    """Where each weight of ours is in the original's files."""
    modules = json.loads((case.root / "lora_names.json").read_text())["lora_names"]
    parts = {"lora_A": "down", "lora_B": "up"}
    return {
        f"{module}.{part}.weight": f"{number:03d}.{own}"
        for number, module in enumerate(modules)
        for part, own in parts.items()
    }


def recorded_lora(case: Recorded, number: int) -> MotionLoRA:
    """The LoRA that the original edited with; it rounded it to half precision."""
    tensors = {
        f"unet.{name}": case.tensors[f"clip{number}.lora_step3.{place}"].half().float().contiguous()
        for name, place in lora_names(case).items()
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lora.safetensors"
        save_file(tensors, path)
        return MotionLoRA.load(path, case.model)
