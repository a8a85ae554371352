"""The attention that hooks go around."""

import pytest
import torch

from rescene.attention import kernel
from tests.attention.explicit import attend, queries


@pytest.mark.parametrize("tile", [1, 20, 10_000])
@pytest.mark.parametrize("branches", [1, 2, 3])
def test_wide_values_are_those_of_several_attentions(
    branches: int, tile: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "TILE", tile)
    q, k, *values = (queries(1, seed=seed) for seed in range(2 + branches))
    expected = torch.cat([attend(q, k, v) for v in values], dim=-1)
    torch.testing.assert_close(kernel.attend(q, k, torch.cat(values, dim=-1)), expected)


def test_half_precision_stays_half_and_is_summed_in_full() -> None:
    q, k, v, w = (queries(1, seed=seed) for seed in range(4))
    out = kernel.attend(q.bfloat16(), k.bfloat16(), torch.cat([v, w], dim=-1).bfloat16())
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.float()[..., : v.shape[-1]], attend(q, k, v), atol=5e-2, rtol=5e-2)
