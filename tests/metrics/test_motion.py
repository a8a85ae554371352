"""Motion and steadiness, of clips with known answers."""

import math

import pytest
import torch

from rescene.metrics import KnownFlow, Tools, evaluate
from rescene.video import Video
from rescene.world import Scene

RED, GREEN, BLUE, YELLOW = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.5, 0.5, 0.0)


@pytest.fixture
def exact() -> Tools:
    """The flow of `textured`, whose last 3 columns go out of the picture."""
    flow = torch.tensor([-3.0, 0])[None, :, None, None].expand(4, 2, 64, 80).contiguous()
    visible = torch.ones(4, 1, 64, 80, dtype=torch.bool)
    visible[..., :3] = False
    return Tools(flow=KnownFlow(flow=flow, visible=visible))


def test_a_shifted_picture_has_no_warp_error_with_its_exact_flow(only, textured, exact):
    assert only("warp_error", textured, textured, tools=exact)["warp_error"] == pytest.approx(0, abs=1e-6)


def test_the_warp_error_is_the_mean_square_of_what_flickers(only, textured, exact):
    flickering = textured.frames * 0.5 + torch.tensor([0.0, 0.1, 0, 0.1, 0])[:, None, None, None]
    report = only("warp_error", textured, Video.of(flickering, 8), tools=exact)
    assert report["warp_error"] == pytest.approx(1000 * 0.1**2, rel=1e-3)


def test_what_is_hidden_is_no_warp_error(only, textured, exact):
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


def test_the_warp_error_says_how_much_was_visible(only, textured):
    score = only("warp_error", textured, textured).scores[0]
    assert "DIS" in score.how
    assert "% visible" in score.how
    assert score.value < 1


def test_one_frame_has_no_motion(clip):
    assert "only one" in evaluate(clip[:1], clip[:1], metrics=["warp_error"]).left_out["warp_error"]


def test_a_still_clip_has_a_warp_ssim_of_1(only, clip, still):
    frozen = Video.of(clip.frames[:1].expand(4, -1, -1, -1).contiguous(), 8)
    report = only("warp_ssim", frozen, frozen, tools=Tools(flow=still(frozen)))
    assert report["warp_ssim"] == pytest.approx(1)


def test_the_warp_ssim_of_a_steadier_clip_is_higher(only, textured):
    jumping = textured.frames.clone()
    jumping[1::2] = 1 - jumping[1::2]
    steady = only("warp_ssim", textured, textured)["warp_ssim"]
    assert steady > 0.95 > only("warp_ssim", textured, Video.of(jumping, 8))["warp_ssim"]


def grey(*levels: float) -> list[tuple[float, float, float]]:
    return [(level, level, level) for level in levels]


def test_even_change_is_no_flicker(only, plain):
    ramp = plain(*grey(0.1, 0.2, 0.3, 0.4))
    assert only("flicker", ramp, ramp)["flicker"] == pytest.approx(0, abs=1e-4)


def test_flicker_is_twice_the_jump_to_and_fro(only, plain):
    report = only("flicker", plain(*grey(0.1, 0.2, 0.3, 0.4)), plain(*grey(0.5, 0.6, 0.5, 0.6)))
    assert report["flicker"] == pytest.approx(255 * 0.2, rel=1e-4)
    assert report["flicker_source"] == pytest.approx(0, abs=1e-4)


def test_two_frames_are_too_few_to_flicker(plain):
    video = plain(*grey(0, 1))
    assert "three frames" in evaluate(video, video, metrics=["flicker"]).left_out["flicker"]


def lightness(level: float) -> float:
    """CIE L* of a grey in sRGB."""
    linear = level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4
    return 116 * linear ** (1 / 3) - 16


def test_a_drift_is_the_difference_between_its_ends(only, plain):
    source = plain((0.5,) * 3, (0.5,) * 3)
    report = only("colour_drift", source, plain((0.5,) * 3, (0.6,) * 3))
    assert report["colour_drift"] == pytest.approx(lightness(0.6) - lightness(0.5), abs=0.05)


def test_a_change_of_colour_that_stays_the_same_is_no_drift(only, plain):
    report = only("colour_drift", plain(*[(0.9, 0.1, 0.1)] * 4), plain(*[(0.1, 0.2, 0.9)] * 4))
    assert report["colour_drift"] == pytest.approx(0, abs=1e-4)


def test_flicker_is_no_drift(only, plain):
    source, result = plain(*[(0.5,) * 3] * 5), plain(*[(0.4 + 0.2 * (t % 2),) * 3 for t in range(5)])
    assert only("colour_drift", source, result)["colour_drift"] == pytest.approx(0, abs=1e-4)


def test_light_that_changes_in_the_source_is_no_drift(only, plain):
    clip = plain(*[(0.1 * t,) * 3 for t in range(5)])
    assert only("colour_drift", clip, clip)["colour_drift"] == 0


def test_identical_frames_have_a_temporal_consistency_of_1(only, plain, tools):
    report = only("temporal_consistency", plain(*[RED] * 3), plain(*[YELLOW] * 3), tools=tools)
    assert report["temporal_consistency"] == pytest.approx(1)


def test_temporal_consistency_is_the_mean_over_consecutive_frames(only, plain, tools):
    report = only("temporal_consistency", plain(*[RED] * 3), plain(RED, YELLOW, BLUE), tools=tools)
    assert report["temporal_consistency"] == pytest.approx(math.sqrt(0.5) / 2, rel=1e-5)


def test_frame_consistency_is_the_mean_over_all_pairs(only, plain, tools):
    report = only("frame_consistency", plain(*[RED] * 3), plain(RED, YELLOW, GREEN), tools=tools)
    assert report["frame_consistency"] == pytest.approx((2 * math.sqrt(0.5) + 0) / 3, rel=1e-5)


def test_one_frame_has_no_consistency(plain, tools):
    assert (
        "only one"
        in evaluate(plain(RED), plain(RED), tools=tools, metrics=["temporal_consistency"]).left_out[
            "temporal_consistency"
        ]
    )
