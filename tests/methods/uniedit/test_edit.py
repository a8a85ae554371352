"""Uni-Inv and Uni-Edit: their rules on toy networks, and whole edits by a tiny image model."""

from dataclasses import replace

import torch

from rescene import FrameKeys, Notes, Run, Video
from rescene.inputs import Inputs
from rescene.inputs.masks import Mask
from rescene.methods import UniEdit
from rescene.methods.uniedit.edit import uni_invert, uniedit
from tests.methods.flowedit.test_edit import STEPS, E, X, source, target

ROAD = UniEdit(
    source="a silver jeep on the road", target="a red jeep on the road", num_inference_steps=5, strength=0.8
)


def inverted(velocity):
    *_, z = uni_invert(X, STEPS, velocity)
    return z


def test_straight_paths_are_inverted_exactly_and_lead_back():
    z = inverted(lambda z, step: E - X)
    assert torch.allclose(z, E)
    *_, back = uniedit(z, STEPS, lambda z, step: E - X, lambda z, step: E - X, omega=5)
    assert torch.allclose(back, X)


def test_the_way_back_asks_the_network_almost_where_the_inversion_did():
    def curved(z, step):
        return (E - X) + 0.3 * torch.sin(z)

    *_, back = uniedit(inverted(curved), STEPS, curved, curved, omega=5)
    naive = X
    for step in reversed(STEPS):  # Euler steps that ask at the clean ends.
        naive = naive + (step.start.noise - step.end.noise) * curved(naive, step)
    *_, missed = uniedit(naive, STEPS, curved, curved, omega=5)
    assert (back - X).norm() < 0.25 * (missed - X).norm()


def test_nothing_is_corrected_where_the_mask_is_empty():
    kept = uniedit(E, STEPS, source, target, omega=5, mask=torch.zeros(len(X), 1, 8, 8))
    plain = uniedit(E, STEPS, source, source, omega=5)
    assert all(torch.allclose(a, b) for a, b in zip(kept, plain, strict=True))


def test_no_strength_returns_the_source(model, clip, latents_of, calls):
    assert torch.equal(latents_of(replace(ROAD, strength=0)(model, clip)), model.encode(clip))
    assert not calls


def test_another_edit_finds_the_inversion_in_the_cache(model, clip, calls, latents_of):
    first = latents_of(ROAD(model, clip))
    cost = ROAD.cost(model, clip)
    assert cost.evaluations == len(calls) * len(clip) == (3 * 4 + 1) * len(clip)
    calls.clear()
    assert torch.equal(latents_of(ROAD(model, clip)), first)
    assert cost.again == len(calls) * len(clip) == 2 * 4 * len(clip)
    calls.clear()
    replace(ROAD, num_inference_steps=6)(model, clip)
    assert len(calls) == 3 * 4 + 1


def test_the_source_is_reconstructed_for_those_who_look(model, clip, latents_of):
    notes = Notes()
    ROAD(model, clip, Run(notes=notes))
    assert notes.reconstruction
    kept = latents_of(replace(ROAD, target=ROAD.source)(model, clip))
    assert torch.allclose(latents_of(notes.reconstruction), kept, atol=1e-4)


def test_what_a_user_changed_is_not_cached(model, clip, calls):
    with model.changed(FrameKeys(("first",))):
        ROAD(model, clip)
        calls.clear()
        ROAD(model, clip)
    assert len(calls) == 3 * 4 + 1


def test_the_edit_is_where_the_mask_is(model, clip, latents_of):
    frames = torch.zeros(len(clip), 3, clip.height, clip.width)
    frames[..., clip.width // 2 :] = 1
    free = latents_of(ROAD(model, clip))
    kept = latents_of(replace(ROAD, target=ROAD.source)(model, clip))
    masked = latents_of(ROAD(model, Inputs(video=clip, mask=Mask(Video.of(frames, clip.fps)))))
    middle = clip.width // 2 // model.grid.space
    outside, inside = (masked - kept).split(middle, dim=-1)
    assert outside.norm() < 0.5 * (free - kept)[..., :middle].norm()
    assert outside.norm() < inside.norm()
