"""The noise levels that a sampler visits, for each family of models."""

import math
from collections.abc import Sequence
from dataclasses import replace

from .ode import Level, Step


def ddim(alphas: Sequence[float], num_inference_steps: int, *, offset: int, final: float) -> list[Step]:
    """Evenly spaced steps through a discrete schedule, from the noisiest (DDIM with "leading" spacing).

    Args:
        alphas: The cumulative products of 1 - beta, one for each training timestep.
        num_inference_steps: How many steps to take.
        offset: Added to every timestep (`steps_offset`: 1 for Stable Diffusion).
        final: The cumulative product at which sampling ends.
    """
    if not 1 <= num_inference_steps < len(alphas):
        raise ValueError(
            f"num_inference_steps is {num_inference_steps}; this model takes 1 to {len(alphas) - 1}, "
            "50 is usual"
        )
    stride = len(alphas) // num_inference_steps
    times = [index * stride + offset for index in reversed(range(num_inference_steps))]
    levels = [Level(math.sqrt(alpha), math.sqrt(1 - alpha)) for alpha in [*(alphas[t] for t in times), final]]
    return _steps(times, levels)


def karras(
    num_inference_steps: int,
    *,
    sigma_min: float,
    sigma_max: float,
    rho: float = 7.0,
    scale_time: float = 0.25,
) -> list[Step]:
    """The EDM schedule (Karras et al., 2022, eq. 5), told to the network as `scale_time * log(sigma)`."""
    ramp = [index / max(num_inference_steps - 1, 1) for index in range(num_inference_steps)]
    high, low = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    sigmas = [(high + t * (low - high)) ** rho for t in ramp]
    return _steps([scale_time * math.log(s) for s in sigmas], [Level(1.0, sigma) for sigma in [*sigmas, 0.0]])


def edm_inversion(steps: Sequence[Step]) -> list[Step]:
    """An EDM schedule from video to noise, to be walked by `sample` (I2VEdit, Ouyang et al., 2024).

    Unlike `Schedule.inverted` it tells the network the level that the latents are at, the cleaner one. Clean
    latents have no noise for it to find, so that the first step starts at the level that continues the last
    two.

    Raises:
        ValueError: If there is only one step.
    """
    if len(steps) < 2:
        raise ValueError("an EDM schedule can be inverted from 2 steps on; 25 are usual")
    previous, last = (step.start.noise for step in steps[-2:])
    scale_time = steps[0].timestep / math.log(steps[0].start.noise)
    levels = [*(step.start for step in steps), Level(1.0, last**2 / previous)]
    return [
        Step(
            step.index,
            scale_time * math.log(levels[step.index + 1].noise),
            levels[step.index + 1],
            step.start,
        )
        for step in reversed(steps)
    ]


def unit_variance(steps: Sequence[Step]) -> list[Step]:
    """The same steps with all levels scaled to signal² + noise² = 1."""

    def scaled(level: Level) -> Level:
        size = math.hypot(*level)
        return Level(level.signal / size, level.noise / size)

    return [replace(step, start=scaled(step.start), end=scaled(step.end)) for step in steps]


def rectified_flow(
    num_inference_steps: int, *, shift: float = 1.0, lowest: float = 1e-3, terminal: float | None = None
) -> list[Step]:
    """A straight path from noise to data, shifted towards the noisy end (Esser et al., 2024, eq. 23).

    Levels are s = k u / (1 + (k - 1) u) for u evenly spaced from 1 down to, but without, `lowest`; the last
    is 0. The network is told 1000 s.

    Args:
        num_inference_steps: How many steps to take.
        shift: k: 1 leaves the levels even; 3 to 16 spend more steps where there is much noise.
        lowest: The level at which the even spacing ends: 1/1000 for Wan, 0 for LTX.
        terminal: The level of the last step's noisy end, to which the others are stretched (LTX); as the
            spacing gives it if None.

    Raises:
        ValueError: If there is no step, or the shift isn't above 0.
    """
    if num_inference_steps < 1 or not 0 < shift < math.inf:
        raise ValueError(
            f"num_inference_steps is {num_inference_steps} and shift {shift:g}; both must be above 0, as in "
            "25 and 5"
        )
    even = [1 + index / num_inference_steps * (lowest - 1) for index in range(num_inference_steps)]
    sigmas = [shift * u / (1 + (shift - 1) * u) for u in even]
    if terminal is not None and num_inference_steps > 1:
        factor = (1 - terminal) / (1 - sigmas[-1])
        sigmas = [1 - (1 - sigma) * factor for sigma in sigmas]
    return _steps([1000 * s for s in sigmas], [Level(1 - sigma, sigma) for sigma in [*sigmas, 0.0]])


def _steps(times: Sequence[float], levels: Sequence[Level]) -> list[Step]:
    return [Step(index, time, levels[index], levels[index + 1]) for index, time in enumerate(times)]
