"""How latents move between video and noise: pure functions that know no network."""

from .ddpm import BySteps, invert_ddpm, noised, sample_ddpm
from .guidance import classifier_free
from .ode import Denoise, Keep, Level, Schedule, Split, Step, sample
from .predictions import Wanted, denoised, epsilon, flow, velocity, wanted_epsilon, wanted_velocity
from .schedules import ddim, edm_inversion, karras, rectified_flow, unit_variance

__all__ = [
    "BySteps",
    "Denoise",
    "Keep",
    "Level",
    "Schedule",
    "Split",
    "Step",
    "Wanted",
    "classifier_free",
    "ddim",
    "denoised",
    "edm_inversion",
    "epsilon",
    "flow",
    "invert_ddpm",
    "karras",
    "noised",
    "rectified_flow",
    "sample",
    "sample_ddpm",
    "unit_variance",
    "velocity",
    "wanted_epsilon",
    "wanted_velocity",
]
