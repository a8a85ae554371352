"""ControlNets: their effect is diffusers' own, what they read is computed once, wrong ones are refused."""

import json
import shutil
from typing import Any

import pytest
import torch
from diffusers import ControlNetModel

from rescene import StableDiffusion, Video
from rescene.backbones.changes import ControlNetFile, Steering, check_controlnet, load_controlnet
from tests.tiny import branch, loaded_sd, tiny_controlnet, tiny_sd


@pytest.fixture(scope="module")
def folder(loaded: StableDiffusion, tmp_path_factory: pytest.TempPathFactory):
    return tiny_controlnet(tmp_path_factory.mktemp("models") / "controlnet", loaded.unet)


@pytest.fixture
def shown(clip: Video) -> Video:
    return clip.resize(64, 64)


def predicted(model: StableDiffusion, steering, count=4):
    z = torch.randn(count, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad(), model.changed(*steering):
        (found,) = model.predict(branch(z, model.schedule(4)[1], model.text("a red car")))
    return found


def stock(model: StableDiffusion, folder, shown: Video, weights):
    """What diffusers' classes compute, one ControlNet after the other."""
    z = torch.randn(4, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    text, step = model.text("a red car").states.expand(4, -1, -1), model.schedule(4)[1]
    net = ControlNetModel.from_pretrained(folder)
    with torch.no_grad():
        down, mid = None, None
        for weight in weights:
            each, middle = net(z, step.timestep, text, shown.frames, weight, return_dict=False)
            down = each if down is None else [a + b for a, b in zip(down, each, strict=True)]
            mid = middle if mid is None else mid + middle
        residuals = {"down_block_additional_residuals": down, "mid_block_additional_residual": mid}
        return model.unet(z, step.timestep, text, **residuals).sample


@pytest.mark.parametrize("weights", [(1.0,), (0.4,), (1.0, 0.5)])
def test_the_effect_is_that_of_diffusers(model, folder, shown, weights):
    nets = [load_controlnet(folder, model) for _ in weights]
    steering = [Steering(net, net.hints(shown), weight) for net, weight in zip(nets, weights, strict=True)]
    ours = predicted(model, steering)
    torch.testing.assert_close(ours, stock(model, folder, shown, weights), rtol=1e-4, atol=1e-5)
    assert (ours - predicted(model, [])).abs().max() > 1e-2


def test_a_weight_of_nothing_has_no_effect(model, folder, shown):
    net = load_controlnet(folder, model)
    torch.testing.assert_close(predicted(model, [Steering(net, net.hints(shown), 0.0)]), predicted(model, []))


def test_frames_find_their_own_hints(model, folder, shown):
    net = load_controlnet(folder, model)
    hints = net.hints(shown)
    whole = Steering(net, hints)
    of_last = predicted(model, [whole.of(slice(3, 4))], count=1)
    assert torch.equal(of_last, predicted(model, [whole.of([3])], count=1))
    alone = predicted(model, [Steering(net, hints[3:])], count=1)
    torch.testing.assert_close(of_last, alone)


def test_the_network_is_restored_even_after_an_error(model, folder, shown):
    net = load_controlnet(folder, model)
    with pytest.raises(RuntimeError), model.changed(Steering(net, net.hints(shown))):
        raise RuntimeError
    assert not model.unet._forward_pre_hooks


def changed(folder, tmp_path, **settings):
    copy = shutil.copytree(folder, tmp_path / "changed")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | settings))
    return copy


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"cross_attention_dim": 32}, "cross_attention_dim is 32"),
        ({"in_channels": 8}, "in_channels is 8"),
        ({"controlnet_conditioning_channel_order": "bgr"}, "blue, green and red"),
    ],
)
def test_those_of_other_models_are_refused_before_weights_are_read(model, folder, tmp_path, settings, says):
    other = changed(folder, tmp_path, **settings)
    (other / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(ValueError, match=says):
        check_controlnet(other, model)


@pytest.mark.parametrize("name", ["nonsense", "./nothing/here", "/no/such/folder"])
def test_those_that_arent_there_are_named(model, name):
    with pytest.raises(FileNotFoundError, match="there is no ControlNet"):
        load_controlnet(name, model)


def test_those_without_safe_weights_are_refused(model, folder, tmp_path):
    lacking = shutil.copytree(folder, tmp_path / "lacking")
    (lacking / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="safetensors only"):
        load_controlnet(lacking, model)


def test_those_with_weights_missing_are_refused(model, folder, tmp_path):
    from safetensors.torch import load_file, save_file

    lacking = shutil.copytree(folder, tmp_path / "lacking")
    file = lacking / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    del weights["conv_in.weight"]
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(ValueError, match="lacks 1 of its weights"):
        load_controlnet(lacking, model)


def test_a_model_of_another_shape_is_refused(folder, tmp_path):
    other = loaded_sd(tiny_sd(tmp_path / "other", vae="tiny"))
    with pytest.raises(ValueError, match="another kind of model"):
        load_controlnet(folder, other)


def test_a_configuration_is_read_once(model, folder, monkeypatch):
    found = ControlNetFile.find(folder)
    monkeypatch.setattr(ControlNetModel, "load_config", None)
    assert found.fits(model)
    net: Any = ControlNetModel.from_config(dict(found.config))
    assert found.weight_bytes(model) == 4 * sum(weight.numel() for weight in net.parameters())
    with pytest.raises(ValueError, match="another kind of model"):
        ControlNetFile(found.name, {**found.config, "in_channels": 9}).load(model)
    assert not ControlNetFile(found.name, {**found.config, "in_channels": 9}).fits(model)


def test_video_models_take_none(svd, folder):
    with pytest.raises(ValueError, match="another kind of model"):
        check_controlnet(folder, svd)


def test_its_layers_can_be_hooked_and_know_the_pass(model, folder, shown):
    net = load_controlnet(folder, model)
    predicted(model, [Steering(net, net.hints(shown))])
    assert net.control.now == model.control.now
    assert net.control.layers
