"""The options that commands for image-to-video models share."""

from dataclasses import dataclass

from ..backbones.load_video import VIDEO_ALIASES, load_video_model, outline_video_model
from ..backbones.stable_video import StableVideo
from ..settings import DType, ModelSettings
from .options import ModelOptions, hide_library_bars


@dataclass(frozen=True, kw_only=True)
class VideoModelOptions:
    """The model."""

    model: str = "svd"
    """Stable Video Diffusion: svd (14 frames at once), svd-xt (25), a hub id, or a diffusers folder."""
    device: str | None = None
    """Where to compute: cpu, cuda or mps; the fastest that there is if not given."""
    dtype: DType | None = None
    """Precision of the network: float16 on cuda and float32 elsewhere if not given."""
    revision: str | None = None
    """Branch, tag or commit of a hub id."""
    offload: bool = False
    """Keep only the part at work on the device: slower, for small accelerators."""

    @property
    def _shared(self) -> ModelOptions:
        """What these options have in common with those for other models."""
        name = VIDEO_ALIASES.get(self.model, self.model)
        return ModelOptions(
            model=name, device=self.device, dtype=self.dtype, revision=self.revision, offload=self.offload
        )

    def outline(self) -> StableVideo:
        """The model without its weights, after looking for mistakes."""
        return outline_video_model(self.model, revision=self.revision, dtype=self._shared.torch_dtype)

    def settings(self, model: StableVideo) -> ModelSettings:
        """What to note about the model that was loaded."""
        return self._shared.settings(model)

    def load(self) -> StableVideo:
        """The model."""
        hide_library_bars()
        return load_video_model(
            self.model,
            device=self._shared.torch_device,
            dtype=self._shared.torch_dtype,
            revision=self.revision,
            offload=self.offload,
        )
