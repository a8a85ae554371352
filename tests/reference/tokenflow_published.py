"""TokenFlow with the original's quirks; docs/differences.md lists them and what rescene does instead."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from rescene import Inputs
from rescene.methods.tokenflow import TokenFlow
from rescene.methods.tokenflow.conditions import Conditions
from rescene.methods.tokenflow.edit import TokenFlowEdit
from rescene.methods.tokenflow.segments import Segments
from rescene.methods.tokenflow.source import Trajectory
from rescene.sampling import Schedule, Step, noised
from rescene.sampling.noise import ancestral
from rescene.typing import Latents
from tests.reference.tokenflow_clip import Recorded


def trajectory(case: Recorded) -> Trajectory:
    """The recorded inversion at the edit's timesteps; frames beyond the last full segment are left out."""
    saved = load_file(case.root / case.settings["source_latents_from"])
    schedule = case.model.schedule(case.settings["config"]["n_timesteps"])
    names = [f"latents/noisy_latents_{step.timestep}" for step in schedule]
    interval = case.settings["config"]["batch_size"]
    frames = len(saved["x0"]) // interval * interval
    latents = torch.stack([*(saved[name] for name in names), saved["x0"]])[:, :frames]
    if case.settings["config"].get("inversion") != "ddpm":
        return Trajectory(latents)
    deviations = torch.tensor([ancestral(step, 1.0)[1] for step in schedule])[:, None, None, None, None]
    return Trajectory(latents, deviations * saved["latents/noise_total"][:, :frames])


def inversion_of(case: Recorded) -> dict[str, Any]:
    """The case that inverted an edit's clip."""
    file = case.settings["source_latents_from"]
    return next(other for other in case.manifest["cases"].values() if other["file"] == file)


def inverted_with_controlnet(case: Recorded) -> bool:
    """Whether a ControlNet took part in the inversion."""
    return inversion_of(case)["config"]["sd_version"] == "ControlNet"


@dataclass(frozen=True, kw_only=True)
class Published(TokenFlowEdit):
    """The original's behaviour where rescene's differs."""

    case: Recorded

    @classmethod
    def of(cls, case: Recorded) -> "Published":
        """Reads the original's configuration."""
        config = case.settings["config"]
        inverted = inversion_of(case)
        settings = TokenFlow(
            source=inverted["config"]["inversion_prompt"],
            target=config["prompt"],
            negative_prompt=config["negative_prompt"],
            num_inference_steps=config["n_timesteps"],
            guidance_scale=config["guidance_scale"],
            base="pnp" if case.settings["kind"] == "pnp" else "sdedit",
            inversion=config.get("inversion", "ddim"),
            feature_window=config.get("pnp_f_t", 0.0),
            attention_window=config.get("pnp_attn_t", 0.0),
            pivot_interval=config["batch_size"],
            frames_per_batch=config["batch_size"],
            seed=config["seed"],
        )
        return cls(settings, case.model, case=case)

    def schedule(self) -> Schedule:
        """The timesteps that were taken: SDEdit's start slips by a step or two."""
        every = self.model.schedule(self.settings.num_inference_steps)
        taken = (step for step in every if step.timestep in self.case.settings["timesteps"])
        return replace(every, steps=tuple(taken))

    def pivots(self, segments: Segments) -> list[list[int]]:
        """Drawn for the steps that are taken only."""
        recorded = self.case.settings["keyframe_frames"]
        return [[]] * (self.settings.num_inference_steps - len(recorded)) + recorded

    def start(self, trajectory: Trajectory, noisiest: Step, first: Step) -> Latents:
        """Every base noises the clean video as SDEdit does, with the noise of the longest inversion's end."""
        if trajectory.residuals is not None:
            return trajectory.latents[first.index]
        saved = load_file(self.case.root / self.case.settings["source_latents_from"])
        time, latents = max(
            (int(name.rsplit("_", 1)[1]), tensor)
            for name, tensor in saved.items()
            if name.startswith("latents/noisy")
        )
        noise = self.noise(latents[: len(trajectory.clean)], trajectory, time)
        return noised(trajectory.clean, noise, first.start)

    def conditions(self, inputs: Inputs) -> Conditions:
        """Those of the inversion: no edit with ControlNet was published, so its configuration has none."""
        return self.case.conditions if inverted_with_controlnet(self.case) else Conditions()

    def noise(self, latents: Tensor, trajectory: Trajectory, timestep: int) -> Tensor:
        """The noise in `latents`."""
        inverted = self.case.model.schedule(self.case.settings["config"]["n_inversion_steps"])
        level = next(step.start for step in inverted if step.timestep == timestep)
        return (latents - level.signal * trajectory.clean) / level.noise
