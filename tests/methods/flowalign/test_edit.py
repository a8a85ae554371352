"""FlowAlign: its rule on toy networks, and whole edits by a tiny image model."""

from dataclasses import replace

import pytest
import torch

from rescene import Video
from rescene.inputs import Inputs
from rescene.inputs.masks import Mask
from rescene.methods import FlowAlign
from rescene.methods.flowalign.edit import flowalign
from rescene.methods.flowedit.edit import flowedit
from rescene.sampling import classifier_free
from tests.methods.flowedit.test_edit import STEPS, X, fixed, source, target

ROAD = FlowAlign(
    source="a silver jeep on the road", target="a red jeep on the road", num_inference_steps=4, strength=0.75
)


def test_two_prompts_that_are_one_return_the_source_exactly(model, clip, latents_of):
    same = replace(ROAD, target=ROAD.source)
    assert torch.equal(latents_of(same(model, clip)), model.encode(clip))


def test_no_strength_returns_the_source(model, clip, latents_of):
    assert torch.equal(latents_of(replace(ROAD, strength=0)(model, clip)), model.encode(clip))


def test_every_step_takes_three_passes(model, clip, calls):
    ROAD(model, clip)
    assert [step for step, _ in calls] == [1] * 3 + [2] * 3 + [3] * 3
    assert ROAD.cost(model, clip).evaluations == sum(branches for _, branches in calls) * len(clip)


def test_an_empty_mask_returns_the_source(model, clip, latents_of):
    nowhere = Mask(Video.of(torch.zeros(len(clip), 3, clip.height, clip.width), clip.fps))
    assert torch.equal(latents_of(ROAD(model, Inputs(video=clip, mask=nowhere))), model.encode(clip))


def test_without_the_pull_it_is_flowedit_guided_away_from_the_source_prompt():
    def led(z, step):
        return classifier_free(source(z, step), target(z, step), 3)

    ours = flowalign(X, STEPS, source, target, draw=fixed, scale=3, zeta=0)
    theirs = flowedit(X, STEPS, source, led, draw=fixed)
    assert all(torch.allclose(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("scale", [3, 8])
def test_the_pull_keeps_the_edit_near_the_source(scale):
    def distance(zeta):
        *_, z = flowalign(X, STEPS, source, target, draw=fixed, scale=scale, zeta=zeta)
        return (z - X).norm()

    assert distance(0.1) < distance(0.01) < distance(0)
