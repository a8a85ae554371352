"""A 2-D UNet as a video UNet, against explicit loops and 5-D norms."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rescene import StableDiffusion
from rescene.backbones.changes import ClipNorms, TemporalLayers
from rescene.backbones.changes.temporal import TemporalAttention, TemporalConvolution
from tests.tiny import branch

FRAMES = 3


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def predict(model: StableDiffusion, frames: int = FRAMES) -> Tensor:
    z = random(frames, 4, 8, 8)
    step, text = model.schedule(4)[1], model.text("a cat")
    return torch.cat(model.predict(branch(z, step, text), branch(2 * z, step, text)))


def scrambled(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module with random weights, as after training."""
    for number, weight in enumerate(module.parameters()):
        weight.data = 0.3 * random(*weight.shape, seed=seed + number)
    return module


def test_one_frames_norms_are_the_stock_ones(model: StableDiffusion) -> None:
    stock = predict(model, frames=1)
    with model.changed(ClipNorms()):
        assert torch.equal(predict(model, frames=1), stock)


def test_norms_see_all_frames_of_a_branch_and_no_others(model: StableDiffusion) -> None:
    seen: dict[str, tuple[Tensor, Tensor]] = {}
    norms: dict[str, Any] = {
        name: norm for name, norm in model.unet.named_modules() if isinstance(norm, nn.GroupNorm)
    }
    pooled = {name for name in norms if ".resnets." in name or name == "conv_norm_out"}
    stock = predict(model)
    with model.changed(ClipNorms()):
        spies = [
            norm.register_forward_hook(
                lambda _, inputs, output, name=name: seen.update({name: (inputs[0], output)}), prepend=True
            )
            for name, norm in norms.items()
        ]
        inflated = predict(model)
        for spy in spies:
            spy.remove()
    assert not torch.allclose(inflated, stock, atol=1e-4)
    assert {name for name, (given, _) in seen.items() if given.ndim == 5} == pooled
    for name in pooled:
        norm, (given, output) = norms[name], seen[name]
        assert given.shape[2] == FRAMES
        explicit = F.group_norm(given, norm.num_groups, norm.weight, norm.bias, norm.eps)
        torch.testing.assert_close(output, explicit)


def test_norms_may_be_asked_for_twice(model: StableDiffusion) -> None:
    with model.changed(ClipNorms()):
        once = predict(model)
        with model.changed(ClipNorms()):
            assert torch.equal(predict(model), once)
        assert torch.equal(predict(model), once)
    with pytest.raises(KeyboardInterrupt), model.changed(ClipNorms()):
        raise KeyboardInterrupt
    with model.changed(ClipNorms()):
        assert torch.equal(predict(model), once)


@pytest.mark.parametrize("rank", [None, 4, 160])
@pytest.mark.parametrize("convolutions", [True, False])
def test_fresh_layers_change_nothing(model: StableDiffusion, rank: int | None, convolutions: bool) -> None:
    stock = predict(model)
    layers = TemporalLayers.fresh(model.unet, convolutions=convolutions, rank=rank)
    with model.changed(layers):  # Bits differ where another memory layout makes convolutions add otherwise.
        torch.testing.assert_close(predict(model), stock, rtol=0, atol=2e-6)


@pytest.mark.parametrize("layer", [TemporalConvolution(8, rank) for rank in (None, 4, 160)])
def test_a_fresh_convolution_is_the_identity_bit_for_bit(layer: TemporalConvolution) -> None:
    x = random(2 * FRAMES, 8, 4, 5)
    assert torch.equal(layer(x, FRAMES), x)


def test_fresh_attention_is_the_identity_bit_for_bit() -> None:
    x = random(2 * FRAMES, 5, 8)
    assert torch.equal(TemporalAttention(8, heads=2)(x, FRAMES), x)


def test_trained_layers_hold_inside_their_block_only(model: StableDiffusion) -> None:
    stock, names = predict(model), list(model.unet.state_dict())
    layers = scrambled(TemporalLayers.fresh(model.unet))
    assert isinstance(layers, TemporalLayers)
    with model.changed(layers):
        assert model.control.altered
        assert not torch.allclose(predict(model), stock, atol=1e-3)
        assert list(model.unet.state_dict()) == names
    assert torch.equal(predict(model), stock)
    with pytest.raises(KeyboardInterrupt), model.changed(layers):
        raise KeyboardInterrupt
    assert torch.equal(predict(model), stock)


def test_every_transformer_block_and_every_3x3_convolution_has_its_layer(model: StableDiffusion) -> None:
    after = TemporalLayers.fresh(model.unet).after()
    blocks = [name for name, layer in after.items() if isinstance(layer, TemporalAttention)]
    assert len(blocks) == sum(layer.attends == "frame" for layer in model.control.layers)
    convolved = {name for name, layer in after.items() if isinstance(layer, TemporalConvolution)}
    assert {"conv_in", "conv_out", "down_blocks.0.downsamplers.0.conv"} < convolved
    assert not any("shortcut" in name or "proj" in name for name in convolved)
    assert set(TemporalLayers.fresh(model.unet, convolutions=False).after()) == set(blocks)


def test_layers_keep_their_weights_in_a_file_of_their_own(model: StableDiffusion) -> None:
    layers = scrambled(TemporalLayers.fresh(model.unet, rank=4))
    other = TemporalLayers.fresh(model.unet, rank=4)
    other.load_state_dict(layers.state_dict())
    with model.changed(other):
        changed = predict(model)
    assert isinstance(layers, TemporalLayers)
    with model.changed(layers):
        assert torch.equal(predict(model), changed)


@pytest.mark.parametrize("rank", [None, 2, 99])
def test_a_convolution_mixes_each_positions_neighbours_in_time(rank: int | None) -> None:
    layer: Any = scrambled(TemporalConvolution(4, rank))
    x = random(2 * FRAMES, 4, 2, 3)
    out = layer(x, FRAMES)
    for number in range(2):
        clip = x[number * FRAMES : (number + 1) * FRAMES]
        for row in range(2):
            for column in range(3):
                series = clip[:, :, row, column].T[None]
                if rank is None:
                    expected = F.conv1d(series, layer.full.weight, layer.full.bias, padding=1)
                else:
                    low = F.conv1d(series, layer.down.weight, padding=1)
                    expected = series + F.conv1d(low, layer.up.weight, padding=1)
                found = out[number * FRAMES : (number + 1) * FRAMES, :, row, column].T[None]
                torch.testing.assert_close(found, expected)


def test_attention_mixes_each_position_with_itself_at_all_times() -> None:
    layer: Any = scrambled(TemporalAttention(8, heads=2))
    x = random(2 * FRAMES, 5, 8)
    out = layer(x, FRAMES)
    for number in range(2):
        frames = slice(number * FRAMES, (number + 1) * FRAMES)
        for position in range(5):
            series = x[frames, position]
            normed = F.layer_norm(series, (8,), layer.norm.weight, layer.norm.bias)
            heads = []
            for head in range(2):
                part = slice(4 * head, 4 * head + 4)
                q, k, v = (normed @ to.weight[part].T for to in (layer.to_q, layer.to_k, layer.to_v))
                heads.append((q @ k.T / 2).softmax(-1) @ v)
            expected = series + layer.to_out(torch.cat(heads, -1))
            torch.testing.assert_close(out[frames, position], expected)
