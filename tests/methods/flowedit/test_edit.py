"""FlowEdit: its rule on toy networks, and whole edits by a tiny image model."""

from dataclasses import replace

import pytest
import torch

from rescene import Video
from rescene.inputs import Inputs
from rescene.inputs.masks import Mask
from rescene.methods import FlowEdit
from rescene.methods.flowedit.edit import flowedit, refined
from rescene.sampling import Schedule, flow, rectified_flow

ROAD = FlowEdit(
    source="a silver jeep on the road",
    target="a red jeep on the road",
    num_inference_steps=4,
    guidance_scale=4,
    source_guidance_scale=2,
    strength=0.75,
)
STEPS = Schedule(tuple(rectified_flow(6)), flow)
X, E = torch.randn(2, 3, 4, 8, 8, generator=torch.Generator().manual_seed(0)).double()


def source(z, step):
    return torch.sin(2 * z) * (1 + step.start.noise)


def target(z, step):
    return torch.cos(3 * z) - z.roll(1, -1) * step.start.noise


def fixed(step, number):
    return E


def half(video):
    """A mask of the right half."""
    frames = torch.zeros(len(video), 3, video.height, video.width)
    frames[..., video.width // 2 :] = 1
    return Mask(Video.of(frames, video.fps))


def test_two_prompts_that_are_one_return_the_source_exactly(model, clip, latents_of):
    same = replace(ROAD, target=ROAD.source, source_guidance_scale=ROAD.guidance_scale)
    assert torch.equal(latents_of(same(model, clip)), model.encode(clip))


def test_no_strength_returns_the_source_without_the_network(model, clip, latents_of, calls):
    assert torch.equal(latents_of(replace(ROAD, strength=0)(model, clip)), model.encode(clip))
    assert not calls


def test_every_step_takes_two_branches_of_the_source_and_two_of_the_edit(model, clip, calls):
    ROAD(model, clip)
    assert calls == [(step, 2) for step in (1, 2, 3) for _ in range(2)]
    assert ROAD.cost(model, clip).evaluations == sum(branches for _, branches in calls) * len(clip)
    calls.clear()
    free = replace(ROAD, free_steps=1, average=2)
    free(model, clip)
    assert [step for step, _ in calls] == [1, 1, 1, 1, 2, 2, 2, 2, 3]
    assert free.cost(model, clip).evaluations == sum(branches for _, branches in calls) * len(clip)


@pytest.mark.parametrize("free_steps", [0, 1])
def test_outside_the_mask_the_latents_are_the_sources(model, clip, latents_of, free_steps):
    settings = replace(ROAD, free_steps=free_steps)
    clean, middle = model.encode(clip), clip.width // 2 // model.grid.space
    edited = latents_of(settings(model, Inputs(video=clip, mask=half(clip))))
    assert torch.allclose(edited[..., :middle], clean[..., :middle], atol=1e-6)
    inside = (edited[..., middle:] - clean[..., middle:]).flatten(1).norm(dim=1)
    assert (inside > 0.1).all()
    nowhere = Mask(Video.of(torch.zeros(len(clip), 3, clip.height, clip.width), clip.fps))
    unchanged = latents_of(settings(model, Inputs(video=clip, mask=nowhere)))
    assert torch.allclose(unchanged, clean, atol=1e-6)


def test_a_still_clip_stays_still(model, clip, latents_of):
    still = Video.of(clip[:1].frames.expand(3, -1, -1, -1), clip.fps)
    edited = latents_of(ROAD(model, still))
    assert torch.allclose(edited, edited[:1].expand_as(edited), atol=1e-4)
    assert not torch.allclose(edited, model.encode(still), atol=0.1)


def test_the_seed_and_the_kind_of_noise_decide(model, clip, latents_of):
    first, again, other, one = (
        latents_of(settings(model, clip))
        for settings in (ROAD, ROAD, replace(ROAD, seed=1), replace(ROAD, noise="fixed"))
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=1e-2)
    assert not torch.allclose(first, one, atol=1e-2)


def test_more_free_steps_than_steps_are_refused(model, clip):
    with pytest.raises(ValueError, match="free_steps is 4, and the edit takes 3 steps"):
        replace(ROAD, free_steps=4).check(model, clip)


def test_with_one_noise_and_all_steps_it_is_the_deviation_form():
    """IF-V2V: dp/ds = v_target(p) + (eps - x) - v_source(q), from p = eps."""
    *_, z = flowedit(X, STEPS, source, target, draw=fixed)
    p = E
    for step in STEPS:
        s, after = step.start.noise, step.end.noise
        q = (1 - s) * X + s * E
        p = p + (after - s) * (target(p, step) + (E - X) - source(q, step))
    assert torch.allclose(z, p)


def test_free_steps_alone_sample_towards_the_target():
    *_, z = flowedit(X, STEPS, source, target, draw=fixed, free_steps=len(STEPS))
    y = E
    for step in STEPS:
        y = y + (step.end.noise - step.start.noise) * target(y, step)
    assert torch.allclose(z, y)


def test_draws_are_averaged():
    noises = {0: E, 1: E.flip(0)}
    first, second = (
        next(flowedit(X, STEPS, source, target, draw=lambda step, number, own=own: own))
        for own in noises.values()
    )
    both = next(flowedit(X, STEPS, source, target, draw=lambda step, number: noises[number], average=2))
    assert torch.allclose(both, (first + second) / 2)


def test_refinement_grows_with_the_clip_and_leaves_the_weakest_place():
    assert torch.equal(refined(X, 0), X)
    assert torch.equal(refined(X[:1], 1), X[:1])
    full = X.repeat(7, 1, 1, 1)  # 21 latents.
    gain = (refined(full, 1) / full)[:3, 0]
    weakest, strongest = X.mean(1).argmin(), X.mean(1).argmax()
    assert gain.flatten()[weakest] == pytest.approx(1)
    assert gain.flatten()[strongest] == pytest.approx(2)
    assert (refined(X, 1) / X).max() < 2
