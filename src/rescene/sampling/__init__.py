"""How latents move between video and noise: pure functions that know no network."""

from .ddpm import invert_ddpm, noised, sample_ddpm
from .guidance import classifier_free
from .ode import Denoise, Level, Split, Step, invert, sample
from .predictions import denoised, epsilon, flow, velocity
from .schedules import ddim, karras, rectified_flow

__all__ = [
    "Denoise",
    "Level",
    "Split",
    "Step",
    "classifier_free",
    "ddim",
    "denoised",
    "epsilon",
    "flow",
    "invert",
    "invert_ddpm",
    "karras",
    "noised",
    "rectified_flow",
    "sample",
    "sample_ddpm",
    "velocity",
]
