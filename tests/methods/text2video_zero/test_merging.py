"""Token merging."""

import torch

from rescene.methods.text2video_zero.merging import Merging, cell_positions


def test_equal_positions_come_back_as_they_were():
    x = torch.randn(1, 1, 8).expand(2, 16, 8)
    merging = Merging.of(x, cell_positions(torch.zeros(2, 2, dtype=torch.long), (4, 4)), 0.5)
    merged = merging(x)
    assert merged.shape == (2, 8, 8)
    torch.testing.assert_close(merging.undo(merged), x)


def test_merging_nothing_is_the_identity():
    x = torch.randn(2, 16, 8)
    merging = Merging.of(x, cell_positions(torch.ones(2, 2, dtype=torch.long), (4, 4)), 0.0)
    assert torch.equal(merging.undo(merging(x)), x)
