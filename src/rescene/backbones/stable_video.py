"""Stable Video Diffusion (Blattmann et al., 2023) as a backbone: a picture leads it, all frames at once."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..attention import AttentionControl, AttentionHook
from ..inputs.grid import Grid
from ..sampling import Denoise, Step, edm_inversion, karras, sample, unit_variance, velocity
from ..typing import Frames, Latents
from .clip_image import clip_pixels
from .frugal import give_back_at_once
from .parts import Parts, finite, network_hash

MOTION_BUCKET = 127
"""How much motion the model is told to make, as its makers use it."""
AUGMENTATION = 0.02
"""How much noise the leading picture is given, in pixels or in latents, and the model is told of."""
FASTEST = 30
"""Frames a second of the fastest videos that the model was trained on."""
DECODED_AT_ONCE = 8
"""The decoder mixes neighbouring frames: how many it sees at once is part of the result."""


@dataclass(frozen=True)
class Lead:
    """What leads a branch: a picture, and how fast it is to move."""

    embedding: Float[Tensor, "1 1 E"]
    """What CLIP sees in the picture."""
    image: Float[Tensor, "_ C h w"]
    """The picture's latents, not scaled; one for all frames or one for each."""
    fps: float
    """Frames a second, less one: the model counts so."""

    @property
    def time_ids(self) -> tuple[float, float, float]:
        """What the network is told of rate, motion and noise."""
        return self.fps, MOTION_BUCKET, AUGMENTATION

    def without(self) -> "Lead":
        """The branch that guidance leads away from: no picture."""
        return replace(
            self, embedding=torch.zeros_like(self.embedding), image=torch.zeros_like(self.image[:1])
        )


class Branch(NamedTuple):
    """One clip in a forward pass; branches may be at different steps."""

    latents: Latents
    step: Step
    lead: Lead


class StableVideo:
    """Stable Video Diffusion seen as encode, decode, embed, schedule and predict.

    Latents have unit variance at every level: x = signal * clean + noise * eps with signal² + noise² = 1.
    That is the EDM form of the model's makers divided by √(σ² + 1), which is also what the network takes in.

    Args:
        components: The parts of a pipeline: `vae`, `unet`, `image_encoder`, `scheduler`.
        device: Where to compute.
        offload: Whether only the part at work is on the device, the others wait in main memory.
    """

    def __init__(
        self, components: dict[str, Any], *, device: torch.device | str = "cpu", offload: bool = False
    ):
        self.vae, self.unet, self.image_encoder = (
            components[name] for name in ("vae", "unet", "image_encoder")
        )
        self._sigmas = read_sigmas(components["scheduler"].config)
        self._parts = Parts((self.unet, self.image_encoder, self.vae), device=device, offload=offload)
        self.device = self._parts.device
        self.scale = 2 ** (len(self.vae.config.block_out_channels) - 1)
        self.stride = self.scale * 2 ** (len(self.unet.config.block_out_channels) - 1)
        self.grid = Grid(self.scale, stride=self.stride)
        self.native_area = (self.unet.config.sample_size * self.scale) ** 2
        self.clip_length = int(self.unet.config.num_frames)
        self.hooks = AttentionControl(self.unet)
        if self.device.type == "cpu":
            give_back_at_once()

    @torch.no_grad()
    def encode(self, frames: Frames, noise: Latents | None = None) -> Latents:
        """Scaled latents of frames in [0, 1], one frame at a time.

        Args:
            frames: Their sides must be multiples of `stride`.
            noise: What to draw from the encoder's distribution with; its mean if None.
        """
        latents: list[Tensor] = []
        for index, frame in enumerate(frames.split(1)):
            found = self._distribution(frame)
            drawn = 0 if noise is None else found.std * noise[index : index + 1].to(found.std)
            latents.append((found.mean + drawn).float())
        return torch.cat(latents) * self.vae.config.scaling_factor

    @torch.no_grad()
    def image(self, picture: Float[Tensor, "1 3 H W"]) -> Float[Tensor, "1 C h w"]:
        """The latents of a leading picture, which this model takes unscaled."""
        return self._distribution(picture).mode().float()

    def _distribution(self, frame: Float[Tensor, "1 3 H W"]) -> Any:
        """The encoder's distribution for one frame; half precision would make it overflow."""
        if frame.shape[-2] % self.stride or frame.shape[-1] % self.stride:
            raise ValueError(
                f"the frames are {frame.shape[-1]}x{frame.shape[-2]} and this model takes multiples of "
                f"{self.stride}; use `rescene.Fit`, which also undoes it"
            )
        vae, dtype = self._parts.awake(self.vae), self.vae.dtype
        widened = torch.float32 if self.vae.config.force_upcast and dtype == torch.float16 else dtype
        try:
            nn.Module.to(vae, widened)  # diffusers' own `to` warns about precision.
            return vae.encode((2 * frame - 1).contiguous().to(self.device, widened)).latent_dist
        finally:
            nn.Module.to(vae, dtype)

    @torch.no_grad()
    def pixels(self, latents: Latents) -> Frames:
        """Frames in [0, 1] of a clip's latents, `DECODED_AT_ONCE` together, in main memory."""
        vae = self._parts.awake(self.vae)
        frames: list[Tensor] = []
        for some in (latents / vae.config.scaling_factor).split(DECODED_AT_ONCE):
            decoded = vae.decode(some.to(self.device, vae.dtype), num_frames=len(some)).sample
            frames.append((decoded.float() / 2 + 0.5).clamp(0, 1).cpu())
        return torch.cat(frames)

    @torch.no_grad()
    def embed(self, picture: Float[Tensor, "1 3 H W"]) -> Float[Tensor, "1 1 E"]:
        """What CLIP sees in a picture in [0, 1]."""
        encoder = self._parts.awake(self.image_encoder)
        pixels = clip_pixels(picture.float(), encoder.config.image_size)
        return encoder(pixels.to(self.device, encoder.dtype)).image_embeds[:, None].float()

    def schedule(self, num_inference_steps: int) -> list[Step]:
        """EDM's steps from noise to video (Karras et al., 2022, eq. 5)."""
        sigma_min, sigma_max = self._sigmas
        return unit_variance(karras(num_inference_steps, sigma_min=sigma_min, sigma_max=sigma_max))

    def inversion_schedule(self, num_inference_steps: int) -> list[Step]:
        """The same steps from video to noise, for `sample`: the network is told the cleaner end's level."""
        sigma_min, sigma_max = self._sigmas
        steps = karras(num_inference_steps, sigma_min=sigma_min, sigma_max=sigma_max)
        return unit_variance(edm_inversion(steps))

    def predict(self, *branches: Branch) -> tuple[Tensor, ...]:
        """Predictions for branches of equally many frames, in one pass; gradients flow to what is trained."""
        frames, _, height, width = branches[0].latents.shape
        self.hooks.step, self.hooks.branches = branches[-1].step.index, len(branches)
        self.hooks.frames, self.hooks.size = frames, (height, width)
        clips = [
            torch.cat([z.to(lead.image), lead.image.expand(frames, -1, -1, -1)], 1) for z, _, lead in branches
        ]
        prediction = self._parts.awake(self.unet)(
            torch.stack(clips).to(self.device, self.unet.dtype),
            torch.tensor([step.timestep for _, step, _ in branches], device=self.device),
            torch.cat([lead.embedding for *_, lead in branches]).to(self.device, self.unet.dtype),
            torch.tensor([lead.time_ids for *_, lead in branches], device=self.device),
        ).sample
        return prediction.to(branches[-1].latents.dtype).unbind()

    def sample(self, denoise: Denoise, latents: Latents, schedule: list[Step]) -> Iterator[Latents]:
        """Carries latents along a schedule of this model, in either direction; stops at NaNs."""
        remedy = "try float32 or a lower guidance scale"
        return finite(sample(denoise, latents, schedule, velocity), schedule, self.unet.dtype, remedy)

    def hooked(self, *hooks: AttentionHook) -> AbstractContextManager[None]:
        """A block in which `hooks` hold, inside those of enclosing blocks."""
        return self.hooks.hooked(*hooks)

    @cached_property
    def _fingerprint(self) -> str:
        return self._parts.fingerprint()

    def fingerprint(self) -> str:
        """SHA-256 of all weights, worked out once: there are gigabytes, and nothing here changes them."""
        return self._fingerprint

    @cached_property
    def identity(self) -> str:
        """What LoRAs call the network that they are for: the same in float32 and float16."""
        rounded = "bfloat16" if self.unet.dtype == torch.bfloat16 else "float16"
        return f"{rounded}:{network_hash(self.unet)}"


def counted(fps: Fraction) -> float:
    """A rate as the model counts it, see `Lead.fps`."""
    return min(float(fps), FASTEST) - 1


def read_sigmas(config: Any) -> tuple[float, float]:
    """The smallest and the largest noise level.

    Raises:
        ValueError: If the scheduler isn't Stable Video Diffusion's.
    """
    settings = {name: config.get(name) for name in ("prediction_type", "timestep_type", "use_karras_sigmas")}
    if settings != {
        "prediction_type": "v_prediction",
        "timestep_type": "continuous",
        "use_karras_sigmas": True,
    }:
        raise ValueError(
            f"this model's scheduler isn't that of Stable Video Diffusion: it says {settings}; use an "
            "img2vid model"
        )
    return float(config["sigma_min"]), float(config["sigma_max"])
