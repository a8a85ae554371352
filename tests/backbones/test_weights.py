"""Other weights in the place of a network's own, and activations that are computed twice."""

import pytest
import torch
from torch import nn

from rescene import StableDiffusion, StableVideo
from rescene.backbones import Branch, Condition, Picture
from rescene.backbones.changes import Recomputed, ReplacedWeights
from tests.tiny import branch


def shown(model: StableDiffusion | StableVideo) -> Branch:
    draw = torch.Generator().manual_seed(0)
    step = model.schedule(4)[1]
    if isinstance(model, StableDiffusion):
        return branch(torch.randn(2, 4, 8, 8, generator=draw), step, model.text("a cat"))
    z, around = torch.randn(2, 2, 4, 16, 16, generator=draw)
    return Branch(z, step, Condition(picture=Picture(torch.ones(1, 1, 32), around[:1], 7)))


def test_weights_are_replaced_and_come_back_also_on_error(model: StableDiffusion) -> None:
    name = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight"
    own, stock = model.unet.get_parameter(name), model.predict(shown(model))[0]
    other = ReplacedWeights({name: nn.Parameter(-own.detach())})
    with pytest.raises(KeyboardInterrupt), model.changed(other):
        assert model.control.altered
        assert not torch.equal(model.predict(shown(model))[0], stock)
        raise KeyboardInterrupt
    assert model.unet.get_parameter(name) is own
    assert torch.equal(model.predict(shown(model))[0], stock)


@pytest.mark.parametrize("video", [False, True])
def test_activations_are_computed_twice_with_the_same_gradients(
    model: StableDiffusion, svd: StableVideo, video: bool
) -> None:
    chosen = svd if video else model
    name = next(name for name, _ in chosen.unet.named_parameters() if name.endswith("attn1.to_q.weight"))
    runs: list[int] = []
    found: list[torch.Tensor | None] = []
    *_, residual = (
        module for name, module in chosen.unet.named_modules() if name.startswith("up") and "conv1" in name
    )
    handle = residual.register_forward_hook(lambda *_: runs.append(len(found)))
    for changes in ([], [Recomputed()]):
        weight = nn.Parameter(chosen.unet.get_parameter(name).detach().clone())
        with chosen.changed(ReplacedWeights({name: weight}), *changes):
            chosen.predict(shown(chosen))[0].square().mean().backward()
        found.append(weight.grad)
    handle.remove()
    assert runs == [0, 1, 1]
    assert found[0] is not None
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-7)
