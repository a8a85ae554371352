"""UniPC (Zhao et al., NeurIPS 2023), the sampler that Wan's makers use: better than Euler's in few steps."""

from collections.abc import Iterator

import numpy as np
from diffusers import UniPCMultistepScheduler

from ..sampling import Denoise, Level, Schedule, Step, flow
from ..typing import Latents


def unipc(denoise: Denoise, z: Latents, schedule: Schedule) -> Iterator[Latents]:
    """Yields the latents after each step of order 2; diffusers' own, down to its whole-numbered times.

    Steps depend on those before, so the whole schedule is walked, from noise to video.

    Args:
        denoise: The network's prediction; guidance and hooks live inside.
        z: Noise.
        schedule: Steps on straight paths.

    Raises:
        ValueError: If the model doesn't follow straight paths.
        FloatingPointError: If latents become NaN or infinite.
    """
    if schedule.split is not flow:
        raise ValueError("unipc is for models of straight paths, such as Wan; use euler")
    solver = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True)
    solver.set_timesteps(sigmas=np.array([step.start.noise for step in schedule]))  # pyright: ignore
    levels = [Level(1 - noise, noise) for noise in solver.sigmas.tolist()]
    for index, time in enumerate(solver.timesteps):
        step = Step(index, float(time), levels[index], levels[index + 1])
        z = solver.step(denoise(z, step), time, z, return_dict=False)[0]
        if not z.isfinite().all():
            raise FloatingPointError(f"latents became NaN or infinite at step {index + 1}; try float32")
        yield z
