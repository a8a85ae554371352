"""Stable Video Diffusion (Blattmann et al., 2023) as a backbone: a picture leads it, all frames at once."""

from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..attention import Pass
from ..fields import Kind
from ..sampling import Schedule, edm_inversion, karras, unit_variance, velocity
from ..typing import Frames, Latents
from ..video import Video
from .backbone import Branch
from .checkpoints import Family
from .clip_image import clip_pixels
from .decoded import DecodedLatents
from .fits import refuse_conditions, refuse_last, refuse_shift, refuse_size
from .frugal import give_back_at_once
from .picture import Picture, counted
from .unet_model import UNetModel

DECODED_AT_ONCE = 8
"""The decoder mixes neighbouring frames: how many it sees at once is part of the result."""


class StableVideo(UNetModel):
    """Stable Video Diffusion, img2vid or img2vid-xt. See `Backbone` for the verbs.

    Latents have unit variance at every level: x = signal * clean + noise * eps with signal² + noise² = 1.
    That is the EDM form of the model's makers divided by √(σ² + 1), which is also what the network takes in.

    Args:
        components: The parts of a pipeline: `vae`, `unet`, `image_encoder`, `scheduler`.
        device: Where to compute.
        offload: Whether only the part at work is on the device, the others wait in main memory.
    """

    title = "Stable Video Diffusion"
    conditions = frozenset[Kind](("picture",))
    text = None

    def __init__(
        self, components: dict[str, Any], *, device: torch.device | str = "cpu", offload: bool = False
    ):
        self._sigmas = read_sigmas(components["scheduler"].config)
        self.image_encoder = components["image_encoder"]
        networks = components["unet"], self.image_encoder, components["vae"]
        super().__init__(networks, context="picture", device=device, offload=offload)
        self.native_frames = int(self.unet.config.num_frames)
        if self.device.type == "cpu":
            give_back_at_once()

    @torch.no_grad()
    def encode(self, video: Video, *, noise: Latents | None = None) -> Latents:
        """Scaled latents of the frames, one frame at a time.

        Raises:
            ValueError: If the video's size doesn't fit.
        """
        latents: list[Tensor] = []
        for index, frame in enumerate(video.chunks(1)):
            found = self._distribution(frame)
            drawn = 0 if noise is None else found.std * noise[index : index + 1].to(found.std)
            latents.append((found.mean + drawn).float())
        return torch.cat(latents) * self.vae.config.scaling_factor

    def decode(self, z: Latents, like: Video) -> Video:
        """The latents' frames with the rate and sound of `like`, decoded as they are read, some together."""
        return replace(like, clip=DecodedLatents(z, self.pixels, self.grid.space, DECODED_AT_ONCE))

    @torch.no_grad()
    def pixels(self, latents: Latents) -> Frames:
        """Frames in [0, 1] of a clip's latents, `DECODED_AT_ONCE` together, in main memory."""
        vae = self._parts.awake(self.vae)
        frames: list[Tensor] = []
        for some in (latents / vae.config.scaling_factor).split(DECODED_AT_ONCE):
            decoded = vae.decode(some.to(self.device, vae.dtype), num_frames=len(some)).sample
            frames.append((decoded.float() / 2 + 0.5).clamp(0, 1).cpu())
        return torch.cat(frames)

    def picture(
        self,
        frame: Frames,
        *,
        fps: float,
        frames: int | None = None,
        last: Frames | None = None,
        noisy: Frames | None = None,
        latents: Latents | None = None,
    ) -> Picture:
        """What leads a clip. See `Backbone`."""
        refuse_last(last)
        if latents is None:
            unscaled = self.image(frame if noisy is None else noisy)
        else:
            unscaled = latents / self.vae.config.scaling_factor
        return Picture(self.embed(frame), unscaled, counted(fps))

    @torch.no_grad()
    def image(self, picture: Float[Tensor, "1 3 H W"]) -> Float[Tensor, "1 C h w"]:
        """The latents of a leading picture, which this model takes unscaled."""
        return self._distribution(picture).mode().float()

    @torch.no_grad()
    def embed(self, picture: Float[Tensor, "1 3 H W"]) -> Float[Tensor, "1 1 E"]:
        """What CLIP sees in a picture in [0, 1]."""
        encoder = self._parts.awake(self.image_encoder)
        pixels = clip_pixels(picture.float(), encoder.config.image_size)
        return encoder(pixels.to(self.device, encoder.dtype)).image_embeds[:, None].float()

    def _distribution(self, frame: Float[Tensor, "1 3 H W"]) -> Any:
        """The encoder's distribution for one frame; half precision would make it overflow."""
        refuse_size(frame.shape[-2], frame.shape[-1], self.grid)
        vae, dtype = self._parts.awake(self.vae), self.vae.dtype
        widened = torch.float32 if self.vae.config.force_upcast and dtype == torch.float16 else dtype
        try:
            nn.Module.to(vae, widened)  # diffusers' own `to` warns about precision.
            return vae.encode((2 * frame - 1).contiguous().to(self.device, widened)).latent_dist
        finally:
            nn.Module.to(vae, dtype)

    def schedule(self, steps: int, *, invert: bool = False, shift: float | None = None) -> Schedule:
        """EDM's steps (Karras et al., 2022, eq. 5); inverted, the network is told the cleaner end's level.

        Raises:
            ValueError: If there are too few steps to invert.
        """
        refuse_shift(self.title, shift)
        sigma_min, sigma_max = self._sigmas
        found = karras(steps, sigma_min=sigma_min, sigma_max=sigma_max)
        return Schedule(tuple(unit_variance(edm_inversion(found) if invert else found)), velocity)

    def predict(self, *branches: Branch) -> tuple[Latents, ...]:
        """Predictions for branches of equally many frames, in one pass; gradients flow to what is trained."""
        refuse_conditions(self.title, self.conditions, branches)
        times, _, *size = branches[0].z.shape
        self.control.now = Pass(branches[-1].step.index, len(branches), times, (size[0], size[1]))
        leads = [lead for branch in branches if (lead := branch.condition.picture)]
        clips = [
            torch.cat([branch.z.to(lead.latents), lead.latents.expand(times, -1, -1, -1)], 1)
            for branch, lead in zip(branches, leads, strict=True)
        ]
        prediction = self._parts.awake(self.unet)(
            torch.stack(clips).to(self.device, self.unet.dtype),
            self._times(branch.step.timestep for branch in branches),
            torch.cat([lead.embedding for lead in leads]).to(self.device, self.unet.dtype),
            torch.tensor([lead.time_ids for lead in leads], device=self.device),
        ).sample
        return prediction.to(branches[-1].z.dtype).unbind()

    @cached_property
    def base(self) -> str:
        """What LoRAs call the network that they are for: the same in float32 and float16."""
        rounded = "bfloat16" if self.unet.dtype == torch.bfloat16 else "float16"
        return f"{rounded}:{self.network_hash}"


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


FAMILY = Family(
    title=StableVideo.title,
    pipelines=("StableVideoDiffusionPipeline",),
    parts={
        "vae": ("AutoencoderKLTemporalDecoder",),
        "unet": ("UNetSpatioTemporalConditionModel",),
        "image_encoder": ("CLIPVisionModelWithProjection",),
        "scheduler": (),
    },
    scheduler="EulerDiscreteScheduler",
    make=StableVideo,
)
