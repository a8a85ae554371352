"""LPIPS needs packages that not everybody has; it must say so."""

import sys
from importlib.util import find_spec
from types import ModuleType

import pytest
import torch

from rescene.metrics import evaluate, lpips


class Difference(torch.nn.Module):
    """Stands in for the network: the mean difference."""

    def forward(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return (one - other).abs().mean()


@pytest.fixture(autouse=True)
def fresh():
    lpips._network.cache_clear()
    yield
    lpips._network.cache_clear()


@pytest.mark.skipif(find_spec("torchvision") is not None, reason="torchvision is installed")
def test_without_torchvision_it_is_left_out_and_says_what_to_install(clip):
    report = evaluate(clip, clip, metrics=["lpips", "psnr"])
    assert "rescene[eval]" in report.left_out["lpips"]
    assert report["psnr"] == 100


def test_outside_a_part_both_are_black(clip, plain, monkeypatch):
    monkeypatch.setattr(lpips, "_network", Difference)
    monkeypatch.setattr(lpips._network, "cache_clear", lambda: None, raising=False)
    mask = torch.zeros(1, 3, 16, 24)
    mask[..., :12] = 1
    from rescene.video import Video

    report = evaluate(plain((0, 0, 0)), plain((0.5,) * 3), mask=Video.of(mask, 8), metrics=["lpips"])
    assert (report["lpips"], report["lpips_inside"], report["lpips_outside"]) == (0.5, 0.25, 0.25)


def test_weights_that_cannot_be_fetched_are_named(clip, monkeypatch):
    def unreachable(**_: object) -> None:
        raise OSError("no route to host")

    package = ModuleType("torchmetrics.image.lpip")
    package.LearnedPerceptualImagePatchSimilarity = unreachable  # pyright: ignore
    monkeypatch.setitem(sys.modules, "torchvision", ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchmetrics.image.lpip", package)
    assert "no route to host" in evaluate(clip, clip, metrics=["lpips"]).left_out["lpips"]
