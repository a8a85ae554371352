"""Recorded outputs of edit-friendly DDPM inversion by its authors, for one image."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import sqrt
from unittest import mock

import torch

from rescene.backbones import guided
from rescene.sampling import Denoise, Level, Schedule, Step, invert_ddpm, sample_ddpm
from rescene.sampling import ddpm as module
from rescene.sampling.noise import ancestral
from tests.reference.result import Result
from tests.reference.tokenflow_clip import Recorded

ETAS = {"eta1": 1.0, "eta05": 0.5}


def run(case: Recorded) -> Iterator[Result]:
    """Compares each variant's latents and noise, its edit and its reconstruction."""
    schedule = case.model.schedule(case.settings["T"])
    assert [step.timestep for step in schedule] == case.settings["timesteps"]
    for variant in case.settings["variants"]:
        with mock.patch.object(module, "ancestral", published(ETAS[variant])):
            yield from inverts(case, variant, schedule)


def inverts(case: Recorded, variant: str, schedule: Schedule) -> Iterator[Result]:
    """One variant. The authors number steps from clean to noise, and set the last noise to zero."""
    skip, recorded = case.settings["skip"], case.tensors
    denoise = towards(case, case.settings["prompt_src"], case.settings["cfg_src"])
    draws = recorded["noise_ascending_t"].flip(0)[:, None]
    with torch.no_grad():
        steps = list(invert_ddpm(denoise, recorded["w0"], schedule, draws=draws))
    residuals = torch.stack([step.residual for step in steps])
    residuals[-1] = 0
    deviations = torch.tensor([module.ancestral(step, 1.0)[1] for step in schedule])
    noise = (residuals[:, 0] / deviations[:, None, None, None]).flip(0)
    yield case.compare(f"{variant} noise", noise, f"{variant}/zs", "z")
    if f"{variant}/wts" in recorded:
        latents = torch.cat([*(step.latents for step in steps), recorded["w0"]]).flip(0)
        yield case.compare(f"{variant} latents", latents, f"{variant}/wts", "x")
    edit = towards(case, case.settings["prompt_tar"], case.settings["cfg_tar"])
    for result, denoiser in (("edited", edit), ("recon", denoise)):
        if f"{variant}/{result}_w0" in recorded:
            start = steps[skip].latents
            *_, ours = sample_ddpm(denoiser, start, schedule[skip:], residuals=residuals)
            yield case.compare(f"{variant} {result}", ours, f"{variant}/{result}_w0", "reconstruction")


def towards(case: Recorded, prompt: str, scale: float) -> Denoise:
    """The prediction towards a prompt."""
    return guided(case.model, case.model.text(prompt), case.model.text(""), scale)


def published(eta: float) -> Callable[[Step, float], tuple[Step, float]]:
    """DDPM steps of less noise, as the authors' code has them: with eta, not its square, in the mean."""

    def step_of(step: Step, _: float) -> tuple[Step, float]:
        deviation = ancestral(step, 1.0)[1]
        kept = sqrt(max(0.0, step.end.noise**2 - eta * deviation**2))
        return replace(step, end=Level(step.end.signal, kept)), eta * deviation

    return step_of
