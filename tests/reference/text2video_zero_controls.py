"""Text2Video-Zero's recorded videos along edges and skeletons."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from rescene import Inputs, StableDiffusion, Video
from rescene.attention import AttentionControl
from rescene.backbones.changes import Steering
from rescene.methods import Run, Text2VideoZeroRedraw
from rescene.methods.text2video_zero.cross_frame import CrossFrame, FrameDenoise
from rescene.methods.text2video_zero.redraw import RedrawEdit
from rescene.typing import Latents
from tests.reference.result import Result
from tests.reference.text2video_zero_frames import edges, loaded, whole
from tests.reference.text2video_zero_published import PublishedMerging, StepNoise, compare, drawn
from tests.tiny import loaded_sd

POSE_FPS = 4


def run(root: Path, models: Path, name: str, case: Mapping[str, Any], tolerance: float) -> Iterator[Result]:
    """Runs one case and compares everything that was recorded of it."""
    recorded, model = load_file(root / f"{name}.safetensors"), loaded_sd(models / "tiny-sd")
    settings, chunks = case["inference_kwargs"], case["chunks_frame_ids"]
    shown = control(root, case)
    if "canny256_edges_u8" in case.get("control", ""):
        theirs = load_file(root / "inputs256.safetensors")["canny256_edges_u8"].float()
        yield Result.of(f"{name}/edges", shown.frames[:, 0] * 255, theirs, tolerance)
    edit = Published.of(model, case, str(models / "tiny-controlnet"), shown)
    # Frames depend on the first one alone, unless what is random depends on who is in the chunk.
    together = not (settings["merging_ratio"] or settings["eta"])
    whole_clip = edit.make(range(len(shown))) if together else None
    frames = list[Tensor]()
    ours = {"shared_latent": edit.noise([4, *edit.latent_size]), "control": shown.frames}
    for index, chunk in enumerate(chunks):
        latents, pixels = edit.make(chunk) if whole_clip is None else (each[chunk] for each in whole_clip)
        ours["final_latents" if len(chunks) == 1 else f"final_latents.chunk{index}"] = latents
        frames.append(pixels[1:] if settings["split_to_chunks"] else pixels)
    texts = [model.text(settings[key]).states[None] for key in ("negative_prompt", "prompt")]
    ours |= {"text_embeddings_neg_pos": torch.cat(texts), "result_sub8": torch.cat(frames)[:, ::8, ::8]}
    for key, theirs in recorded.items():
        if key not in ours:
            raise ValueError(f"{name} recorded {key}, which is of an unknown kind")
        yield compare(f"{name}/{key}", ours[key], theirs, tolerance)


def control(root: Path, case: Mapping[str, Any]) -> Video:
    """The frames that the ControlNet is shown."""
    call = case["call"]
    path, resolution = root / call["video_path"], call["resolution"]
    if call["process"] == "process_controlnet_pose":
        return whole(loaded(path, resolution, fps=POSE_FPS))
    low, high = call.get("low_threshold", 100), call.get("high_threshold", 200)
    drawn_edges = edges(loaded(path, resolution), low=low, high=high)
    return Video.of(drawn_edges[:, None].expand(-1, 3, -1, -1) / 255, 8)


@dataclass(frozen=True, kw_only=True)
class Published(RedrawEdit):
    """The original's noise, and its residuals that are added twice."""

    controls: Video
    eta: float
    merging: PublishedMerging | None
    residuals_in_place: bool
    _last_residual: dict[str, Tensor] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls, model: StableDiffusion, case: Mapping[str, Any], controlnet: str, controls: Video
    ) -> "Published":
        """The method with the original's settings."""
        settings = case["inference_kwargs"]
        redraw = Text2VideoZeroRedraw(
            prompt=settings["prompt"],
            negative_prompt=settings["negative_prompt"],
            num_inference_steps=settings["num_inference_steps"],
            guidance_scale=settings["guidance_scale"],
            seed=settings["seed"],
            control_weights=(settings["controlnet_conditioning_scale"],),
            controlnets=(controlnet,),
            cross_frame=case["call"].get("use_cf_attn", True),
        )
        return cls(
            redraw,
            model,
            controls=controls,
            eta=settings["eta"],
            merging=PublishedMerging(settings["merging_ratio"]) if settings["merging_ratio"] else None,
            residuals_in_place=not case.get("residual_add_fixed", False),
        )

    @property
    def latent_size(self) -> tuple[int, int]:
        """Rows and columns of the latents."""
        return self.controls.height // 8, self.controls.width // 8

    def make(self, frames: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Latents and pixels, channels last, of a clip of the given frames."""
        chosen = Video.of(self.controls.frames[list(frames)], 8)
        with ExitStack() as stack:
            if self.merging:
                self.merging.again()
                stack.enter_context(self.merging.listening(self.model))
            stack.enter_context(self._adding_in_place())
            edited = replace(self, controls=chosen)(Inputs(video=chosen), Run())
            return edited.clip.latents, edited.frames.permute(0, 2, 3, 1)  # pyright: ignore

    def shown(self, inputs: Inputs) -> list[Video]:
        return [self.controls]

    def noise(self, shape: Sequence[int]) -> Latents:
        return drawn(self.settings.seed, [1, *shape])[0]

    def sampler(self, denoise: FrameDenoise, *others: AttentionControl) -> CrossFrame:
        noise = (
            StepNoise(self.settings.seed, [len(self.controls), 4, *self.latent_size]) if self.eta else None
        )
        return replace(super().sampler(denoise, *others), eta=self.eta, noise=noise)

    def hooks(self) -> tuple[PublishedMerging, ...]:
        return (self.merging,) if self.merging else ()

    def steering(self, shown: list[Video]) -> list[Steering]:
        steering = super().steering(shown)
        for each in steering:
            each.net.network.register_forward_hook(
                lambda _, __, residuals: self._last_residual.update(last=residuals[0][-1])
            )
        return steering

    @contextmanager
    def _adding_in_place(self) -> Iterator[None]:
        """The last residual changes the tensor that the middle block is given, too."""

        def add(_: Any, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return (args[0] + self._last_residual["last"], *args[1:])

        with ExitStack() as undo:
            if self.residuals_in_place:
                middle = self.model.control.network.get_submodule("mid_block")
                undo.enter_context(middle.register_forward_pre_hook(add))
            yield
