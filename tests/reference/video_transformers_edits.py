"""Recorded edits by video transformers: what runs a case, by what its name begins with."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from rescene.backbones import Branch, Condition, guided
from rescene.inputs.masks import Mask
from rescene.methods.flowalign.edit import flowalign
from rescene.methods.flowedit.anchor import Anchor
from rescene.methods.flowedit.edit import flowedit
from rescene.methods.uniedit.edit import uni_invert, uniedit
from rescene.sampling import Denoise, Schedule, Step, straight
from rescene.sampling.rectified import midpoint, towards_clean, towards_noise
from rescene.sampling.windows import ramps, spans, windowed
from rescene.video import Video
from tests.reference.result import Result
from tests.reference.video_transformers_case import AFTER_STEPS, Case, batched, time_first

KNOWN = {
    *("model", "steps", "shift", "guidance", "target_guidance", "n_max", "n_min", "n_avg", "gamma"),
    *("native_frames", "window", "overlap", "zeta", "alpha", "omega"),
    *("beta1", "beta2", "until_level", "words", "eta", "eta_steps"),
}
"""The settings that the cases below follow; another one fails rather than be passed over."""


def edited(case: Case) -> Iterator[Result]:
    """FlowEdit with whatever the case's settings ask for."""
    refuse_unknown(case)
    settings, x = case.settings, time_first(case.inputs["source"])
    mask = None
    if "mask_latents" in case.tensors:
        mask = given_mask(case).on(case.model.grid)[:, None]
        yield case.compare("mask_latents", batched(mask), case.tensors["mask_latents"], 0.0)
    if "window" in settings:
        yield from windows(case, len(x))
    states = list(
        flowedit(
            x,
            taken(case)[-settings["n_max"] :],
            towards(case, "source", settings["guidance"]),
            anchored(case, towards(case, "target", settings["target_guidance"])),
            draw=drawn(case),
            average=settings.get("n_avg", 1),
            free_steps=settings.get("n_min", 0),
            magnitude=settings.get("gamma", 0.0),
            mask=mask,
        )
    )
    yield from case.states(states)
    if "final" in case.tensors:
        yield final(case, states[-1])


def anchored(case: Case, target: Denoise) -> Denoise:
    """The target's velocities with attention refined, if the case asks for it."""
    settings = case.settings
    if "words" not in settings:
        return target
    mask, tokens = given_mask(case).on(case.model.grid), len(case.text("target").prompt.ids)
    anchor = Anchor(mask, tuple(settings["words"]), tokens, (settings["beta1"], settings["beta2"]))

    def refined(z: Tensor, step: Step) -> Tensor:
        with case.model.changed(*[anchor] * (step.start.noise >= settings["until_level"])):
            return target(z, step)

    return refined


def final(case: Case, z: Tensor) -> Result:
    """The frames put together: the source's bytes outside the mask, the edit's inside."""
    source = Video.of(case.inputs["frames"], 16)
    frames = given_mask(case).composite(source, case.model.decode(z, like=source)).frames
    ours, theirs = (255 * frames).round().int(), case.tensors["final"].int()
    outside = (case.inputs["mask"] == 0).expand_as(theirs)
    if not torch.equal(ours[outside], case.inputs["frames"].int()[outside]):
        return Result(f"{case.name}/final: changed outside the mask", torch.inf, torch.inf, 0.0)
    # A value halfway between two bytes may become either.
    return Result.of(f"{case.name}/final", ours, theirs, 1)


def given_mask(case: Case) -> Mask:
    """The recorded mask, 1 where the edit may go."""
    return Mask(Video.of(case.inputs["mask"].expand(-1, 3, -1, -1).bool().float(), 16))


def windows(case: Case, latents: int) -> Iterator[Result]:
    """The windows over the clip, and how much each counts."""
    found = spans(latents, length=case.settings["window"], overlap=case.settings["overlap"])
    yield case.equal("spans", torch.tensor([(span.start, span.stop) for span in found]))
    yield case.close("weights", torch.stack(ramps(found)))


def aligned(case: Case) -> Iterator[Result]:
    """FlowAlign."""
    refuse_unknown(case)
    settings = case.settings
    yield from case.states(
        flowalign(
            time_first(case.inputs["source"]),
            taken(case)[-settings["n_max"] :],
            alone(case, "source"),
            alone(case, "target"),
            draw=drawn(case),
            scale=settings["guidance"],
            zeta=settings["zeta"],
        )
    )


def unified(case: Case) -> Iterator[Result]:
    """Uni-Inv with an empty prompt, then Uni-Edit from its end."""
    refuse_unknown(case)
    settings, steps = case.settings, taken(case)
    steps = steps[-int(settings["alpha"] * settings["steps"]) :]
    assert case.model.text
    yield case.close("empty", case.model.text("").states[None])
    levels = [*(step.start.noise for step in steps), 0.0]
    yield case.close("levels", ascending(levels, case.tensors["levels"]))
    *_, z = uni_invert(time_first(case.inputs["source"]), steps, alone(case, ""))
    yield case.close("inverted", batched(z), AFTER_STEPS)
    states = uniedit(z, steps, alone(case, "source"), alone(case, "target"), omega=settings["omega"])
    yield from case.states(states)


def halfway(case: Case) -> Iterator[Result]:
    """RF-Solver and FireFlow: up with the source's prompt, and down again."""
    refuse_unknown(case)
    x, velocity, steps = time_first(case.inputs["source"]), alone(case, "source"), taken(case)
    for names, reuse in ((("inverted", "returned"), False), (("fire_inverted", "fire_returned"), True)):
        *_, up = midpoint(velocity, x, steps.inverted(), reuse=reuse)
        *_, down = midpoint(velocity, up, steps, reuse=reuse)
        for name, found in zip(names, (up, down), strict=True):
            yield case.close(name, batched(found), AFTER_STEPS)


def controlled(case: Case) -> Iterator[Result]:
    """RF-Inversion: up without a prompt, drawn to a noise; down to the target, drawn to the source."""
    refuse_unknown(case)
    settings, x, steps = case.settings, time_first(case.inputs["source"]), taken(case)
    noise = time_first(case.inputs["noise"])
    *_, up = towards_noise(alone(case, ""), x, steps.inverted(), noise, settings["gamma"])
    yield case.close("inverted", batched(up), AFTER_STEPS)
    target = towards(case, "target", settings["guidance"])
    *_, z = towards_clean(target, up, steps, x, settings["eta"], settings["eta_steps"])
    yield case.close("edited", batched(z), AFTER_STEPS)


def ascending(levels: list[float], like: Tensor) -> Tensor:
    """Levels in the order of the recorded ones."""
    return torch.tensor(levels if like[0] > like[-1] else levels[::-1], dtype=like.dtype)


def refuse_unknown(case: Case) -> None:
    """Raises NotImplementedError for settings that nothing here follows."""
    if unknown := sorted(set(case.settings) - KNOWN):
        raise NotImplementedError(f"{', '.join(unknown)} isn't supported")


def taken(case: Case) -> Schedule:
    """All steps, along straight paths."""
    return straight(case.schedule)


def drawn(case: Case) -> Callable[[int, int], Tensor]:
    """The recorded noise: one for all steps, one for each, or several for each."""
    if "noise" in case.inputs:
        return lambda step, number: time_first(case.inputs["noise"])
    noises = case.inputs["noises"]
    return lambda step, number: time_first(noises[step, number] if noises.ndim == 6 else noises[step])


def towards(case: Case, name: str, scale: float) -> Denoise:
    """Velocities towards a prompt with guidance away from the negative one, over windows if asked for."""
    denoise = guided(case.model, case.text(name), case.text("negative"), scale)
    settings: dict[str, Any] = case.settings
    if "window" not in settings:
        return denoise
    return windowed(denoise, length=settings["window"], overlap=settings["overlap"])


def alone(case: Case, name: str) -> Denoise:
    """Velocities with one prompt, without guidance; the model's own paths are straight."""
    condition = Condition(text=case.text(name))

    def predict(z: Tensor, step: Step) -> Tensor:
        return case.model.predict(Branch(z, step, condition))[0]

    return predict


EDITS: dict[str, Callable[[Case], Iterator[Result]]] = {
    "flowedit": edited,
    "flowanchor": edited,
    "flowalign": aligned,
    "uniedit": unified,
    "midpoint": halfway,
    "rf_inversion": controlled,
}
"""Runs a case of an edit, by what its name begins with; the longest such beginning counts."""
