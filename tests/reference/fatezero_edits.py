"""FateZero's recorded inversions and edits, from the recorded latents."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from rescene import Notes, StableDiffusion, Video
from rescene.methods.fatezero.inversion import Inversion, SourceBranch, invert
from rescene.progress import quiet
from tests.reference.fatezero_frames import squared
from tests.reference.published import Published, frame_keys, scaled_queries, temporal_biases
from tests.reference.result import Result
from tests.tiny import loaded_sd


def run(
    root: Path, models: Path, name: str, case: Mapping[str, Any], bounds: Mapping[str, float]
) -> Iterator[Result]:
    """Runs one case: its encoder, its text, its inversion and all its edits."""
    recorded = Case(root, models, name, case)
    yield from recorded.inputs(bounds)
    with recorded.inflated():
        yield recorded.inverts(bounds)
        for tag in case["edits"]:
            yield from recorded.edits(tag, bounds)


@dataclass(frozen=True)
class Case:
    """A recorded clip, inverted once and edited several times."""

    root: Path
    models: Path
    name: str
    case: Mapping[str, Any]

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """The recorded outputs."""
        return load_file(self.root / self.case["file"])

    @cached_property
    def model(self) -> StableDiffusion:
        """The tiny model with this case's weights."""
        model = loaded_sd(self.models / "tiny-sd")
        return scaled_queries(model) if self.case["weights"] == "q8" else model

    @cached_property
    def video(self) -> Video:
        """The clip after the original's transform."""
        settings = self.case["config"]["dataset_config"]
        paths = sorted((self.root / settings["path"]).iterdir())
        start, rate = settings.get("start_sample_frame", 0), settings.get("sampling_rate", 1)
        wanted = paths[start::rate][: settings["n_sample_frame"]]
        pixels = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in wanted])
        frames = squared(
            torch.from_numpy(pixels).permute(0, 3, 1, 2),
            size=settings["image_size"],
            offset=settings.get("offset", {}),
        )
        return Video.of(frames, 8)

    @cached_property
    def inversion(self) -> Inversion:
        """The recorded inversion: edits start from it, as the encoder's noise can't be drawn again."""
        return Inversion(self.video, self.tensors["inverted"].transpose(1, 2))

    @property
    def prompt(self) -> str:
        """What the clip shows."""
        return self.case["config"]["dataset_config"]["prompt"]

    @contextmanager
    def inflated(self) -> Iterator[None]:
        """The network with the original's random temporal biases."""
        with self.model.changed(temporal_biases(self.tensors, "temporal|")):
            yield

    def inputs(self, bounds: Mapping[str, float]) -> Iterator[Result]:
        """The encoder's mean for the frames, and the text."""
        scale = self.model.vae.config.scaling_factor
        mean = self.model.encode(self.video) / scale
        yield Result.of(
            f"{self.name}/encoded frames", mean, self.tensors["vae_mean"], bounds["inverted atol"]
        )
        for kind, prompt in (("uncond", ""), ("source", self.prompt)):
            ours = self.model.text(prompt).states[None]
            yield Result.of(
                f"{self.name}/text {kind}", ours, self.tensors[f"text_{kind}"], bounds["UNet eps atol"]
            )

    def inverts(self, bounds: Mapping[str, float]) -> Result:
        """The whole trajectory from the recorded clean latents."""
        schedule = self.model.schedule(len(self.inversion.latents) - 1)
        source = self.source(self.edit_of(next(iter(self.case["edits"]))))
        ours = invert(source, self.inversion.latents[0], schedule, predict=source.predict, progress=quiet)
        return Result.of(f"{self.name}/inverted", ours, self.inversion.latents, bounds["inverted atol"])

    def edit_of(self, tag: str) -> Published:
        """The method as this case's edit configures it."""
        config, edit = self.case["config"], self.case["edits"][tag]
        hook = partial(frame_keys, self.model, config["model_config"])
        prompts = self.prompt, edit["prompt"]
        return Published.of(self.model, prompts, edit["p2p"], config["editing_config"], frames=hook)

    def source(self, edit: Published) -> SourceBranch:
        """The source's branch for `edit`."""
        return edit.source_branch(self.inversion.size)

    def edits(self, tag: str, bounds: Mapping[str, float]) -> Iterator[Result]:
        """One edit's latents after every step, and its masks."""
        edit, notes = self.edit_of(tag), Notes()
        if self.case["config"]["editing_config"].get("use_inversion_attention", True):
            seen = self.inversion.at
        else:
            # The source attends as it does while its own prompt is sampled: the first edit, uncontrolled.
            first = next(iter(self.case["edits"]))
            edit = uncontrolled(edit) if tag == first else edit
            saved = self.tensors[f"{first}.latents"].transpose(1, 2)
            seen = lambda step: saved[step - 1] if step else self.inversion.noise  # noqa: E731
        source, schedule = self.source(edit), self.model.schedule(edit.settings.num_inference_steps)
        steps = edit.edit(self.inversion, lambda i: source.attend(seen(i), schedule[i])[1], notes)
        ours = torch.stack(list(steps)).transpose(1, 2)
        limits = bounds["edited latents max abs"], bounds["AND mean abs"]
        yield Result.of(f"{self.name}/{tag}", ours, self.tensors[f"{tag}.latents"], *limits)
        yield from self.masks(tag, edit, notes)

    def masks(self, tag: str, edit: Published, notes: Notes) -> Iterator[Result]:
        """The masks of one edit, which must be equal."""
        for name, recorded in self.tensors.items():
            if not name.startswith(f"{tag}.") or "mask" not in name:
                continue
            if "union" in name:
                ours = torch.stack(edit.foregrounds)
            else:
                grid = recorded.shape[-2], recorded.shape[-1]
                ours = torch.stack([mask.at(grid) for mask in notes.masks[: len(recorded)]])
            yield Result.of(f"{self.name}/{name}", ours.float(), recorded.float(), 0.0)


def uncontrolled(edit: Published) -> Published:
    """Plain guided sampling."""
    p2p = {**edit.p2p, "cross_replace_steps": {"default_": 0.0}, "self_replace_steps": 0.0}
    own = edit.settings
    editing = {"num_inference_steps": own.num_inference_steps, "guidance_scale": own.guidance_scale}
    return Published.of(edit.model, (own.source, own.target), p2p, editing, frames=edit.frames)
