"""TokenFlow's recorded inversions: DDIM, edit-friendly DDPM, and DDIM with ControlNet."""

from collections.abc import Iterator

import torch
from torch import Tensor

from rescene.controls import Canny
from rescene.methods.tokenflow.conditions import Conditions
from rescene.methods.tokenflow.source import FrameSource, Trajectory
from rescene.progress import quiet
from rescene.sampling import Schedule
from rescene.sampling.noise import ancestral
from tests.reference.result import Result
from tests.reference.tokenflow_clip import Recorded


def run(case: Recorded) -> Iterator[Result]:
    """Compares the encoder, the text, the inversion and the reconstruction."""
    config = case.settings["config"]
    if case.settings["version"] == "pr24" and config["inversion"] not in ("ddim", "ddpm"):
        raise ValueError(f"{case.name} inverts by {config['inversion']}")
    text = case.model.text(config["inversion_prompt"])
    yield case.compare("text", text.states, "cond_embed", "x")
    yield case.compare("encoded frames", case.model.encode(case.video), "x0", "inversion")
    if "canny_cond" in case.tensors:
        edges = Canny()(case.video).frames[:, 0]
        yield Result.of(f"{case.name}/edges", edges, case.tensors["canny_cond"].float(), 0.0)
    conditions = case.conditions if config["sd_version"] == "ControlNet" else Conditions()
    source = FrameSource(case.model, text, case.tensors["x0"], config["batch_size"], conditions)
    if config.get("inversion") == "ddpm":
        yield from ddpm(case, source)
    else:
        yield from ddim(case, source)


def ddim(case: Recorded, source: FrameSource) -> Iterator[Result]:
    """Compares the latents at the timesteps that were saved."""
    schedule = case.model.schedule(case.settings["config"]["steps"])
    trajectory = source.ddim(schedule, quiet)
    ours, theirs = saved(case, trajectory, schedule)
    yield Result.of(f"{case.name}/latents", ours, theirs, 1e-4)
    if "reconstruction" in case.tensors:
        rebuilt = source.reconstruct(trajectory, schedule, quiet)
        yield case.compare("reconstruction", rebuilt, "reconstruction", "reconstruction")
        yield from picture(case, rebuilt)


def ddpm(case: Recorded, source: FrameSource) -> Iterator[Result]:
    """Compares the latents and the noise of every step, with the recorded draws."""
    config = case.settings["config"]
    schedule = case.model.schedule(config["steps"])
    trajectory = source.ddpm(schedule, case.tensors["noise_ascending_t"].flip(0), quiet)
    ours, theirs = saved(case, trajectory, schedule)
    yield Result.of(f"{case.name}/latents", ours, theirs, 1e-5)
    yield case.compare("noise", noise(trajectory, schedule), "latents/noise_total", "z")
    rebuilt = source.reconstruct(trajectory, schedule[config["skip_steps"] :], quiet)
    yield case.compare("reconstruction", rebuilt, "reconstruction", "x")
    yield from picture(case, rebuilt)


def saved(case: Recorded, trajectory: Trajectory, schedule: Schedule) -> tuple[Tensor, Tensor]:
    """Our latents and theirs at the recorded timesteps."""
    index = {step.timestep: step.index for step in schedule}
    names = [name for name in case.tensors if name.startswith("latents/noisy_latents_")]
    ours = [trajectory.latents[index[int(name.rsplit("_", 1)[1])]] for name in names]
    return torch.stack(ours), torch.stack([case.tensors[name] for name in names])


def noise(trajectory: Trajectory, schedule: Schedule) -> Tensor:
    """The noise that was added to each step, at a deviation of one."""
    assert trajectory.residuals is not None
    return torch.stack([trajectory.residuals[step.index] / ancestral(step, 1.0)[1] for step in schedule])


def picture(case: Recorded, latents: Tensor) -> Iterator[Result]:
    """Compares the first frame of a reconstruction."""
    if "frames/00000" in case.tensors:
        yield case.compare_picture(case.model.pixels(latents[:1])[0], "frames/00000")
