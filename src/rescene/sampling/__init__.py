"""How latents move between video and noise: pure functions that know no network."""

from .ddpm import BySteps, invert_ddpm, noised, sample_ddpm
from .guidance import classifier_free
from .ode import Denoise, Keep, Level, Schedule, Split, Step, refuse_nan, sample
from .predictions import Wanted, denoised, epsilon, flow, velocity, wanted_epsilon, wanted_velocity
from .schedules import ddim, edm_inversion, karras, rectified_flow, unit_variance
from .straight import clean_step, straight, straightened

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
    "clean_step",
    "ddim",
    "denoised",
    "edm_inversion",
    "epsilon",
    "flow",
    "invert_ddpm",
    "karras",
    "noised",
    "rectified_flow",
    "refuse_nan",
    "sample",
    "sample_ddpm",
    "straight",
    "straightened",
    "unit_variance",
    "velocity",
    "wanted_epsilon",
    "wanted_velocity",
]
