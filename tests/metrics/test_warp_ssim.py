"""WarpSSIM and Q_edit on clips with known answers."""

import pytest
import torch

from rescene.metrics import KnownFlow, Tools
from rescene.video import Video


def still(video: Video) -> KnownFlow:
    count, size = len(video) - 1, (video.height, video.width)
    return KnownFlow(flow=torch.zeros(count, 2, *size), visible=torch.ones(count, 1, *size, dtype=torch.bool))


def test_a_still_clip_has_1(only, clip):
    frozen = Video.of(clip.frames[:1].expand(4, -1, -1, -1).contiguous(), 8)
    report = only("warp_ssim", frozen, frozen, tools=Tools(flow=still(frozen)))
    assert report["warp_ssim"] == pytest.approx(1)


def test_steadier_is_higher(only, textured):
    jumping = textured.frames.clone()
    jumping[1::2] = 1 - jumping[1::2]
    steady = only("warp_ssim", textured, textured)["warp_ssim"]
    assert steady > 0.95 > only("warp_ssim", textured, Video.of(jumping, 8))["warp_ssim"]


def test_q_edit_is_the_product(only, plain, red_to_green, tools):
    result = plain((0.0, 0.8, 0.0), (0.0, 0.8, 0.0))
    tools = Tools(scorer=tools.scorer, flow=still(result))
    report = only("q_edit", plain((1, 0, 0), (1, 0, 0)), result, prompts=red_to_green, tools=tools)
    assert report["q_edit"] == pytest.approx(100, rel=1e-5)
    assert "by colour" in report.scores[0].how
