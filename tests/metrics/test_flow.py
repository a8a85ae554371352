"""Motion that is known, what DIS finds of it, and RAFT, which needs torchvision and must say so."""

from importlib.util import find_spec

import pytest
import torch

from rescene.metrics.flow import DIS, RAFT, KnownFlow, both_ways, looked_up
from rescene.world import Scene


def test_looking_up_a_shift_gives_the_shifted_picture():
    picture, flow = torch.rand(3, 6, 8), torch.zeros(2, 6, 8)
    flow[0] = 2
    assert torch.allclose(looked_up(picture, flow)[..., :-2], picture[..., 2:], atol=1e-6)


def test_flow_that_leads_back_is_visible_and_flow_out_of_the_picture_is_not():
    right = torch.tensor([2.0, 0])[:, None, None].expand(2, 6, 8).contiguous()
    fields = iter([right, -right])
    motion = both_ways(lambda *_: next(fields), torch.rand(3, 6, 8), torch.rand(3, 6, 8))
    assert motion.visible[..., :6].all()
    assert not motion.visible[..., 6:].any()


def test_flow_that_does_not_lead_back_is_hidden():
    right = torch.tensor([2.0, 0])[:, None, None].expand(2, 6, 8).contiguous()
    motion = both_ways(lambda *_: right, torch.rand(3, 6, 8), torch.rand(3, 6, 8))
    assert not motion.visible.any()


def test_dis_finds_a_shift(textured):
    frames = textured.frames
    motion = DIS()(0, frames[0], frames[1])
    inner = motion.flow[:, 8:-8, 8:-8]
    assert (inner - torch.tensor([-3.0, 0])[:, None, None]).abs().mean() < 0.2


def test_dis_agrees_with_the_exact_flow_of_the_world():
    clip = Scene.random(3).render(frames=2, size=128)
    motion = DIS()(0, clip.frames[0], clip.frames[1])
    seen = clip.visible[0] & motion.visible
    error = (motion.flow - clip.flow[0]).norm(dim=0, keepdim=True)[seen].median()
    assert error < 1
    assert seen.float().mean() > 0.5


def test_known_flow_that_is_too_short_is_refused():
    known = KnownFlow(flow=torch.zeros(1, 2, 4, 4), visible=torch.ones(1, 1, 4, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="1 fields"):
        known(1, torch.rand(3, 4, 4), torch.rand(3, 4, 4))


@pytest.mark.skipif(find_spec("torchvision") is not None, reason="torchvision is installed")
def test_without_torchvision_raft_says_what_to_install():
    with pytest.raises(ValueError, match="torchvision"):
        RAFT()
