"""What is left when motion is taken out: nothing, where motion is all there is."""

import pytest
import torch

from rescene.metrics import KnownFlow, Tools, evaluate
from rescene.video import Video
from rescene.world import Scene


@pytest.fixture
def exact() -> Tools:
    """The flow of `textured`, whose last 3 columns go out of the picture."""
    flow = torch.tensor([-3.0, 0])[None, :, None, None].expand(4, 2, 64, 80).contiguous()
    visible = torch.ones(4, 1, 64, 80, dtype=torch.bool)
    visible[..., :3] = False
    return Tools(flow=KnownFlow(flow=flow, visible=visible))


def test_a_shifted_picture_has_none_with_its_exact_flow(only, textured, exact):
    assert only("warp_error", textured, textured, tools=exact)["warp_error"] == pytest.approx(0, abs=1e-6)


def test_it_is_the_mean_square_of_what_flickers(only, textured, exact):
    flickering = textured.frames * 0.5 + torch.tensor([0.0, 0.1, 0, 0.1, 0])[:, None, None, None]
    report = only("warp_error", textured, Video.of(flickering, 8), tools=exact)
    assert report["warp_error"] == pytest.approx(1000 * 0.1**2, rel=1e-3)


def test_what_is_hidden_does_not_count(only, textured, exact):
    noisy = textured.frames.clone()
    noisy[1::2, ..., :3] = 0
    hidden = torch.zeros(5, 3, 64, 80)
    report = only("warp_error", textured, Video.of(noisy, 8), tools=exact)
    shown = only("warp_error", textured, Video.of(noisy, 8), tools=exact, mask=Video.of(hidden, 8))
    assert report["warp_error"] == shown["warp_error_outside"]


def test_the_world_moves_as_its_flow_says():
    clip = Scene.random(5).render(frames=4, size=96)
    tools = Tools(flow=KnownFlow(flow=clip.flow, visible=clip.visible))
    video = Video.of(clip.frames.clamp(0, 1), 8)
    exact = evaluate(video, video, tools=tools, metrics=["warp_error"])["warp_error"]
    still = KnownFlow(flow=torch.zeros_like(clip.flow), visible=torch.ones_like(clip.visible))
    assert exact < 0.5 * evaluate(video, video, tools=Tools(flow=still), metrics=["warp_error"])["warp_error"]


def test_it_says_how_much_was_visible(only, textured):
    score = only("warp_error", textured, textured).scores[0]
    assert "DIS" in score.how
    assert "% visible" in score.how
    assert score.value < 1


def test_one_frame_has_no_motion(clip):
    assert "only one" in evaluate(clip[:1], clip[:1], metrics=["warp_error"]).left_out["warp_error"]
