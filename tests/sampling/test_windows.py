"""Windows over long clips: where they are, how much each counts, and what they make of predictions."""

from itertools import pairwise

import pytest
import torch

from rescene.sampling import Level, Step
from rescene.sampling.windows import blend, ramps, spans, windowed

STEP = Step(0, 500.0, Level(0.5, 0.5), Level(0, 1))
Z = torch.randn(13, 2, 3, 3, generator=torch.Generator().manual_seed(0))


def test_windows_cover_a_clip_and_the_last_one_ends_with_it():
    assert spans(9, length=4, overlap=2) == [slice(0, 4), slice(2, 6), slice(4, 8), slice(5, 9)]
    for latents in range(1, 30):
        found = spans(latents, length=7, overlap=3)
        assert found[0].start == 0
        assert found[-1].stop == latents
        assert all(span.stop - span.start == min(latents, 7) for span in found)
        assert all(a.stop - b.start >= 3 for a, b in pairwise(found))


def test_windows_count_less_towards_their_neighbours():
    first, middle, last = ramps(spans(8, length=4, overlap=2))
    assert first.tolist() == [1, 1, 0.75, 0.25]
    assert middle.tolist() == [0.25, 0.75, 0.75, 0.25]
    assert last.tolist() == [0.25, 0.75, 1, 1]


@pytest.mark.parametrize("latents", [3, 7, 8, 13])
def test_shares_add_up_to_one(latents):
    total = torch.zeros(latents)
    for span, share in zip(*blend(latents, length=5, overlap=2), strict=True):
        total[span] += share
    assert torch.allclose(total, torch.ones(latents))


def test_what_looks_at_single_latents_predicts_the_same_over_windows():
    whole = windowed(lambda z, step: torch.sin(z), length=5, overlap=2)
    assert torch.allclose(whole(Z, STEP), torch.sin(Z), atol=1e-6)


def test_a_clip_of_the_networks_length_is_one_window():
    seen = []

    def mean(z, step):
        seen.append(len(z))
        return z.mean(0, keepdim=True).expand_as(z)

    assert torch.equal(windowed(mean, length=13, overlap=4)(Z, STEP), mean(Z, STEP))
    windowed(mean, length=5, overlap=2)(Z, STEP)
    assert seen == [13, 13, 5, 5, 5, 5]
