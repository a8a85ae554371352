"""Ways through the autoencoder for training, which compute the same; the fastest is found by trying."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders import autoencoder_kl_wan as wan
from torch import Tensor, nn

WAYS = ("plain", "channels last", "folded")
ALIKE = 0.98


def encoded(vae: AutoencoderKLWan, frames: Tensor) -> Tensor:
    """Means and logarithms of variances [B, 2 C, T, h, w] of frames in [-1, 1]."""
    return vae._encode(frames)


def decoded(vae: AutoencoderKLWan, z: Tensor) -> Tensor:
    """Frames; unlike `vae.decode`, values outside [-1, 1] stay, so that their gradients do."""
    vae.clear_cache()
    z, parts = vae.post_quant_conv(z), []
    for k in range(z.shape[2]):
        vae._conv_idx = [0]
        parts.append(
            vae.decoder(
                z[:, :, k : k + 1], feat_cache=vae._feat_map, feat_idx=vae._conv_idx, first_chunk=k == 0
            )
        )
    vae.clear_cache()
    return wan.unpatchify(torch.cat(parts, dim=2), patch_size=vae.config.patch_size)


def fastest(
    vae: AutoencoderKLWan, batches: list[Tensor], repeats: int = 3
) -> tuple[str, dict[str, list[float]]]:
    """The fastest way for the first of these batches; of each the seconds, and the cosine of its gradients.

    That is with full precision's, the least of all batches. Some convolutions in half precision have wrong
    gradients (PyTorch 2.13, processors with AMX: no numbers at all), so a way is only taken if all are right.
    """
    right, found = [_gradients(vae, frames, half=False) for frames in batches], {}
    for name in WAYS:
        with way(vae, name):
            ours = [_gradients(vae, frames, half=True) for frames in batches]
            settle(vae.device)
            begin = time.monotonic()
            for _ in range(repeats):
                _gradients(vae, batches[0], half=True)
            settle(vae.device)
        alike = [
            torch.cosine_similarity(a, b, dim=0).nan_to_num(-1).item()
            for a, b in zip(ours, right, strict=True)
        ]
        found[name] = [(time.monotonic() - begin) / repeats, min(alike)]
    good = [name for name in WAYS if found[name][1] > ALIKE]
    if not good:
        raise RuntimeError(f"the gradients are wrong in every way: {found}")
    return min(good, key=lambda name: found[name][0]), found


def _gradients(vae: AutoencoderKLWan, frames: Tensor, half: bool) -> Tensor:
    vae.zero_grad(set_to_none=True)
    with torch.autocast(frames.device.type, torch.bfloat16, enabled=half):
        result = decoded(vae, encoded(vae, frames)[:, : vae.config.z_dim]).float()
    (result - frames).abs().mean().backward()
    return torch.cat([p.grad.float().flatten() for p in vae.parameters() if p.grad is not None])


def settle(device: torch.device) -> None:
    """Waits for the device, so that the clock tells its time."""
    if device.type == "cuda":
        torch.cuda.synchronize()


@contextmanager
def way(vae: AutoencoderKLWan, name: str) -> Iterator[None]:
    """Within it, the autoencoder computes in this way; its weights keep their shapes."""
    convolve, normalise = wan.WanCausalConv3d.forward, wan.WanRMS_norm.forward
    layout = torch.contiguous_format if name == "plain" else torch.channels_last_3d
    for module in vae.modules():
        if isinstance(module, nn.Conv3d):
            module.weight.data = module.weight.data.contiguous(memory_format=layout)
    wan.WanRMS_norm.forward = lean
    if name == "folded":
        wan.WanCausalConv3d.forward = folded
    try:
        yield
    finally:
        wan.WanCausalConv3d.forward, wan.WanRMS_norm.forward = convolve, normalise


def lean(self: wan.WanRMS_norm, x: Tensor) -> Tensor:
    """The norm with fewer passes over memory: only the length is taken in full precision."""
    length = torch.linalg.vector_norm(x, dim=1, keepdim=True, dtype=torch.float32).clamp(min=1e-12)
    return x * (self.scale / length).to(x.dtype) * self.gamma.to(x.dtype)


def folded(self: wan.WanCausalConv3d, x: Tensor, cache_x: Tensor | None = None) -> Tensor:
    """The causal convolution as one over pictures, whose channels are those of all frames in the kernel."""
    lacking = self._padding[4]
    if cache_x is not None and lacking > 0:
        x, lacking = torch.cat([cache_x, x], dim=2), lacking - cache_x.shape[2]
    if lacking:
        x = F.pad(x, (0, 0, 0, 0, lacking, 0))
    taps, step = self.kernel_size[0], self.stride[0]
    count = (x.shape[2] - taps) // step + 1
    pictures = x.permute(0, 2, 1, 3, 4)
    seen = [pictures[:, k : k + step * (count - 1) + 1 : step].flatten(0, 1) for k in range(taps)]
    together = torch.cat(seen, dim=1).contiguous(memory_format=torch.channels_last)
    weight = self.weight.permute(0, 2, 1, 3, 4).flatten(1, 2)
    padding = (self._padding[2], self._padding[0])
    result = F.conv2d(together, weight, self.bias, padding=padding)
    return result.unflatten(0, (-1, count)).permute(0, 2, 1, 3, 4)
