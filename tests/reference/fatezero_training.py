"""Three steps of the originals' trainings: losses, gradients and the weights that come out."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from rescene import StableDiffusion
from rescene.backbones.changes import Adapter, AdapterHeader
from rescene.convert import adapter_name
from rescene.training import Loss, TrainingSettings, train
from rescene.training.one_shot import ClipLesson, ImageLesson
from rescene.typing import Latents
from tests.reference.result import Result
from tests.tiny import loaded_sd

Drawn = tuple[Latents, Latents, int]


def run(
    root: Path, models: Path, manifest: Mapping[str, Any], bounds: Mapping[str, float]
) -> Iterator[Result]:
    """Runs every training of the manifest."""
    for name, case in manifest.items():
        recorded = load_file(root / case["file"])
        start = {
            key.removeprefix("init."): value
            for key, value in {**recorded, **load_file(root / starts_from(case, manifest))}.items()
            if key.startswith("init.")
        }
        yield from compare(f"training/{name}", case, recorded, start, loaded_sd(models / "tiny-sd"), bounds)


def starts_from(case: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """The file with the weights that a training starts from."""
    return str(case["init_from"]).split()[0] if "init_from" in case else case["file"]


def compare(
    name: str,
    case: Mapping[str, Any],
    recorded: dict[str, Tensor],
    start: dict[str, Tensor],
    model: StableDiffusion,
    bounds: Mapping[str, float],
) -> Iterator[Result]:
    """Trains, and compares."""
    data = case["config"].get("dataset_config") or case["config"]["train_data"]
    adapter = published_adapter(model, case, start)
    draws = draws_of(recorded, model.vae.config.scaling_factor)
    clip = RecordedClip(model, adapter, draws["video"][0][0][0], model.text(data["prompt"]))
    clip.recorded.extend(one for (one,) in draws["video"])
    lessons: dict[str, Any] = {"video": clip}
    if "class" in draws:
        images = torch.cat([clean for clean, _, _ in draws["class"][0]])
        text = model.text(data["class_data_prompt"])
        lessons = {"class": RecordedImages(model, adapter, images, text, len(images)), **lessons}
        lessons["class"].recorded.extend(draws["class"])
    settings = TrainingSettings(
        steps=len(draws["video"]), learning_rate=case["config"]["learning_rate"], gradient_checkpointing=False
    )
    losses = train(adapter.trained(), lessons, settings, progress=lambda items, **_: items)
    yield from compare_losses(name, case, losses, bounds["training losses rtol"])
    trained = {name: weight.detach() for name, weight in adapter.trained().items()}
    final = {key.removeprefix("final."): value for key, value in recorded.items() if key.startswith("final.")}
    ours = torch.cat([trained[adapter_name(key)].flatten() for key in final])
    theirs = torch.cat([value.flatten() for value in final.values()])
    yield Result.of(f"{name}/{len(final)} weights", ours, theirs, bounds["trained params atol 0.3*lr"])
    sums = case["final_checksum"]
    norms = [trained[adapter_name(key)].double().norm() / sums[key]["l2"] for key in sums]
    yield relative(f"{name}/{len(sums)} checksums", norms, bounds["checksums l2 rtol"])


def compare_losses(
    name: str, case: Mapping[str, Any], losses: list[Loss], tolerance: float
) -> Iterator[Result]:
    """Losses and norms of gradients, relative."""
    for kind, ours in {
        "losses": [loss.loss for loss in losses],
        "gradients": [loss.gradient for loss in losses],
    }.items():
        recorded = case["grad_norms" if kind == "gradients" else kind]
        theirs = [value[1] if isinstance(value, list) else value for value in recorded]
        yield relative(f"{name}/{kind}", [a / b for a, b in zip(ours, theirs, strict=True)], tolerance)


def relative(name: str, ratios: Sequence[float | Tensor], tolerance: float) -> Result:
    """How far some ratios are from 1."""
    found = torch.tensor(ratios, dtype=torch.float64)
    return Result.of(name, found, torch.ones_like(found), tolerance)


def published_adapter(model: StableDiffusion, case: Mapping[str, Any], start: dict[str, Tensor]) -> Adapter:
    """The adapter with the weights that the original began with, its random biases included."""
    config = case["config"].get("model_config")
    keys = ("previous", "first") if config else ("first", "previous")
    about = AdapterHeader(prompt="", frame_keys=keys, frames=4, fps=8, height=256, width=256)
    rank = config and config["lora"]
    adapter = Adapter.fresh(model, about, convolutions=config is not None, rank=rank)
    trained = adapter.trained()
    with torch.no_grad():
        for name, tensor in start.items():
            if adapter_name(name) in trained:
                trained[adapter_name(name)].copy_(tensor)
    assert sum(weight.numel() for weight in trained.values()) == case["n_trainable"]
    return adapter


def draws_of(recorded: dict[str, Tensor], scale: float) -> dict[str, list[list[Drawn]]]:
    """What the originals drew, by lesson and step: one for a clip, one for each image of a class."""
    found: dict[str, list[list[Drawn]]] = {}
    names = [name for name in sorted(recorded) if name.endswith("vae_sample_unscaled")]
    for name in names:
        number = int(name.split(".")[1])
        lesson = "class" if "class" in name else "video"
        noise, times = (next_of(recorded, number + offset) for offset in (1, 2))
        clean = scale * recorded[name]
        drawn = (
            [(clean, noise[0].transpose(0, 1), int(times))]
            if noise.ndim == 5
            else [
                (clean[at : at + 1], noise[at : at + 1], int(time)) for at, time in enumerate(times.tolist())
            ]
        )
        found.setdefault(lesson, []).append(drawn)
    return found


def next_of(recorded: dict[str, Tensor], number: int) -> Tensor:
    """The draw of a number: predictions bear numbers too, which repeat."""
    return next(
        value
        for name, value in recorded.items()
        if name.startswith(f"draw.{number:02}.") and name.endswith(("noise", "timesteps"))
    )


@dataclass(frozen=True, eq=False)
class RecordedClip(ClipLesson):
    """Draws what the original drew."""

    recorded: list[Drawn] = field(default_factory=list)

    def drawn(self, draw: torch.Generator) -> Drawn:
        return self.recorded.pop(0)


@dataclass(frozen=True, eq=False)
class RecordedImages(ImageLesson):
    """Draws what the original drew, and moves other weights too, as it did from the second step on.

    Their gradients were zero and not missing, so that the optimiser went on with its moments.
    """

    recorded: list[list[Drawn]] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    @contextmanager
    def __call__(self, draw: torch.Generator) -> Iterator[Tensor]:
        with super().__call__(draw) as loss:
            missing = self.adapter.trained().values() if self.steps else ()
            self.steps.append(len(self.steps))
            yield loss + sum(((0 * weight).sum() for weight in missing), start=torch.zeros(()))

    def drawn(self, draw: torch.Generator) -> list[Drawn]:
        return self.recorded.pop(0)
