"""TokenFlow's recorded edits: whole runs, and one step with everything inside the network."""

from collections.abc import Iterator

import torch

from rescene import Inputs
from tests.reference.result import Result
from tests.reference.tokenflow_clip import FLIPPED, RUN, Recorded
from tests.reference.tokenflow_published import Published, trajectory
from tests.reference.tokenflow_step import ObservedStep


def run(case: Recorded) -> Iterator[Result]:
    """Compares the prompts, the start, the first step, the target step and the whole run."""
    edit, path = Published.of(case), trajectory(case)
    conditions, settings = edit.conditions(Inputs(video=case.video)), edit.settings
    recorded = case.tensors
    ours = torch.stack([case.model.text(p).states for p in (settings.negative_prompt, settings.target)])
    yield case.compare("text", ours, "text_embeds", "x")
    source = case.model.text(settings.source).states[None]
    yield case.compare("source text", source, "pnp_guidance_embeds", "x")
    schedule = case.model.schedule(settings.num_inference_steps)
    start = edit.start(path, schedule[0], edit.schedule()[0])
    yield case.compare("start", start, "x_init", "inversion")
    yield from ObservedStep(case, edit, path, conditions).run()

    steps = dict(enumerate(edit.edit(path, conditions)))
    wanted = sorted(int(name.removeprefix("x_step/")) for name in recorded if name.startswith("x_step/"))
    first = f"x_step/{wanted[0]:02d}"
    yield case.compare_run("first step", steps[wanted[0]], recorded[first], FLIPPED)
    for index in wanted[1:]:
        yield case.compare_run(f"after step {index}", steps[index], recorded[f"x_step/{index:02d}"], RUN)
    if "img_ode/00000" in recorded:
        yield case.compare_picture(case.model.pixels(steps[max(steps)][:1])[0], "img_ode/00000")
