"""The baselines: frames are edited one by one, and nothing is nothing."""

import pytest
import torch

from rescene import TokenFlow
from rescene.bench.baselines import BASELINES, DDIMInversion, Nothing, PlugAndPlay, SDEdit
from rescene.methods import METHODS

PROMPTS = {"source": "a silver car on red road", "target": "a red jeep on red road", "num_inference_steps": 4}


def test_nothing_is_nothing(model, clip):
    assert Nothing(**PROMPTS)(model, clip) is clip


@pytest.mark.parametrize("kind", [SDEdit, DDIMInversion, PlugAndPlay])
def test_each_frame_is_edited_by_itself(model, clip, kind):
    edit = kind(**PROMPTS)
    torch.testing.assert_close(edit(model, clip).frames[:2], edit(model, clip[:2]).frames, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", [SDEdit, DDIMInversion, PlugAndPlay])
def test_the_target_matters_and_the_video_keeps_its_rate(model, clip, kind):
    edited, other = (
        kind(**PROMPTS | {"target": target})(model, clip) for target in ("a red jeep", "a cat and a dog")
    )
    assert (edited.fps, len(edited)) == (clip.fps, len(clip))
    assert not torch.allclose(edited.frames, other.frames, atol=1e-3)


def test_less_strength_stays_closer_to_the_source(model, clip):
    kept = model.decode(model.encode(clip), like=clip).frames
    weak, strong = (
        (SDEdit(**PROMPTS, strength=strength, guidance_scale=1.0)(model, clip).frames - kept).abs().mean()
        for strength in (0.25, 1.0)
    )
    assert weak < strong


def test_a_strength_out_of_range_is_refused():
    with pytest.raises(ValueError, match="strength is 0"):
        SDEdit(**PROMPTS, strength=0.0)
    assert list(BASELINES) == ["nothing", "sdedit", "ddim", "pnp"]


def test_one_frame_by_plug_and_play_is_what_tokenflow_makes_of_it(model, clip):
    edited, other = (
        kind(**PROMPTS, inversion="ddpm", strength=0.75)(model, clip[:1]).frames
        for kind in (PlugAndPlay, TokenFlow)
    )
    torch.testing.assert_close(edited, other, rtol=0, atol=1e-4)


def test_no_method_has_the_name_of_a_baseline():
    assert BASELINES.keys().isdisjoint(METHODS["edit"])
