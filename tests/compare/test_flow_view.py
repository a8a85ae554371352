"""Motion as colour."""

import torch

from rescene.compare.flow_view import FULL, FlowView, coloured
from rescene.metrics import KnownFlow
from rescene.video import TensorClip


def test_stillness_is_white_and_fast_motion_to_the_right_is_red():
    flow = torch.zeros(2, 4, 10)
    assert torch.equal(coloured(flow), torch.ones(3, 4, 10))
    flow[0] = 2 * FULL * 10
    assert torch.allclose(coloured(flow)[:, 0, 0], torch.tensor([1.0, 0, 0]), atol=1e-3)


def test_the_last_frame_keeps_the_motion_before_and_runs_agree_with_single_frames():
    flow = torch.rand(3, 2, 6, 8)
    known = KnownFlow(flow=flow, visible=torch.ones(3, 1, 6, 8, dtype=torch.bool))
    view = FlowView(TensorClip(torch.rand(4, 3, 6, 8)), known)
    whole = view.read(0, 4)
    assert torch.equal(whole[2], whole[3])
    assert torch.equal(whole, torch.cat([view.read(number, number + 1) for number in range(4)]))


def test_one_frame_does_not_move():
    assert torch.equal(FlowView(TensorClip(torch.rand(1, 3, 6, 8))).read(0, 1), torch.ones(1, 3, 6, 8))
