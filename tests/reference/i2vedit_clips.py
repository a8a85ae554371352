"""I2VEdit's recorded clips: what is put in, the inversion, and the edits, one clip after the other."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from PIL import Image
from torch import Tensor

from rescene import Video
from rescene.backbones import Picture
from rescene.backbones.changes import MotionLoRA
from rescene.methods.i2vedit.edited import EditedClip
from rescene.methods.i2vedit.noise import perturb, smooth_areas
from rescene.methods.i2vedit.source import SourceClip
from tests.reference.i2vedit_case import (
    FROM_LATENTS,
    FROM_PIXELS,
    MASKS_MAY_FLIP,
    Recorded,
    channels_last,
    picture_back,
    picture_to_work,
    pixels,
)
from tests.reference.result import Result

NOISE_OF_PICTURES = 0.02


def run(case: Recorded, loras: dict[int, MotionLoRA]) -> Iterator[Result | str]:
    """Compares all clips and edits of a case.

    Args:
        case: The recorded case.
        loras: The motion LoRA of each clip that has a recorded one.
    """
    first: RecordedClip | None = None
    previous: RecordedClip | None = None
    firsts: dict[int, EditedClip] = {}
    for number, frames in clips(case).items():
        if not case.has(f"clip{number}."):
            yield Result(f"{case.name}/clip {number} isn't recorded", math.inf, math.inf, 0)
            return
        source = RecordedSource(case, number, frames, first=first and first.source)
        clip = RecordedClip(source, previous, loras.get(number))
        if case.settings["use_inversed_latents"]:
            yield from source.compare()
        determined = not case.settings["use_motion_lora"] or {number, min(clips(case))} <= loras.keys()
        for edit in range(len(case.settings["data_params"]["keyframe_paths"])):
            if case.has(f"clip{number}.edit{edit}.final_latents"):
                yield from clip.compare_lead(edit)
                if determined:
                    yield from clip.compare_edit(edit, firsts)
                else:
                    yield f"{case.name}/clip {number} edit{edit}: only its lead; a motion LoRA isn't recorded"
        first = first or (clip if case.settings["use_consistency_attention_control"] else None)
        previous = clip


def clips(case: Recorded) -> dict[int, range]:
    """The frames of each clip that the original ran; unlike ours, its last one may be short."""
    data = case.settings["data_params"]
    found: list[range] = []
    begin, count = 0, len(case.frames)
    while begin < count:
        end = min(max(begin - data["overlay_size"], 0) + data["chunk_size"], count)
        found.append(range(max(begin - data["overlay_size"], 0), end))
        begin = end
    return dict(list(enumerate(found))[data["begin_clip_id"] : data["end_clip_id"]])


@dataclass(frozen=True)
class RecordedSource:
    """The source of one clip, at the size of the edit or at that of the training."""

    case: Recorded
    number: int
    span: range
    place: str = "inversion"
    """`inversion_train` at the size of the training."""
    first: "RecordedSource | None" = None

    def recorded(self, name: str) -> Tensor:
        return self.case.tensors[f"clip{self.number}.{self.place}.{name}"]

    def has(self, name: str) -> bool:
        return self.case.has(f"clip{self.number}.{self.place}.{name}")

    def result(self, subject: str, ours: Tensor, name: str, tolerance: float) -> Result:
        theirs = self.recorded(name)
        size = "training " if self.place == "inversion_train" else ""
        return self.case.compare(
            f"clip {self.number} {size}{subject}", ours.reshape(theirs.shape), theirs, tolerance
        )

    @cached_property
    def clip(self) -> SourceClip:
        """Our source, from the recorded latents on."""

        def recorded() -> tuple[Tensor, Picture]:
            rest = self.recorded("firstframe_latents").expand(len(self.span) - 1, -1, -1, -1)
            image = torch.cat([self.recorded("image_latents"), rest])
            return self.recorded("vae_latents")[0], Picture(self.recorded("image_embeddings"), image, 8)

        return SourceClip(
            model=self.case.model,
            prepare=recorded,
            num_inference_steps=self.case.settings["num_steps"],
            first=self.first.clip if self.first else None,
        )

    def compare(self) -> Iterator[Result]:
        """Compares what goes into the inversion, and the inversion."""
        if self.has("noise_sarp"):
            yield from self.compare_pixels()
        levels = [step.start for step in self.clip._schedule]
        assert self.clip._schedule[-1].end.noise > 0
        # The original's latents have unit signal; the first entry is clean, the last is scaled as ours.
        signals = torch.tensor([1.0, *(level.signal for level in levels[1:]), 1.0])
        ours = self.clip.latents / signals[:, None, None, None, None]
        yield self.result("trajectory", ours, "trajectory", FROM_LATENTS)
        yield self.result("inverted", ours[-1], "inverted", FROM_LATENTS)

    def compare_pixels(self) -> Iterator[Result]:
        """Compares the perturbation and what the encoders make of it."""
        noise = self.recorded("noise_sarp")[0]
        size = noise.shape[-2], noise.shape[-1]
        model, frames = self.case.model, self.case.frames_at(size)[list(self.span)]
        together = torch.cat([frames[:1], frames[:1], frames])
        if self.has("sarp_mask"):
            mask = smooth_areas(together).double()
            yield self.result("smooth areas", mask, "sarp_mask", 0)
        noisy = perturb(together, noise, self.case.settings["sarp_params"]["sarp_noise_scale"])
        latents = model.encode(Video.of(noisy[2:], 8), noise=self.recorded("noise_vae"))
        yield self.result("latents", latents, "vae_latents", FROM_PIXELS)
        # The original cuts the leading picture to 8 bits, and uses two copies with noise of their own.
        cut = (noisy[:2] * 255).to(torch.uint8).float() / 255
        yield self.result("embedding", model.embed(cut[:1]), "image_embeddings", FROM_PIXELS)
        if self.has("noise_image"):
            led = cut + NOISE_OF_PICTURES / 2 * self.recorded("noise_image")
            yield self.result("lead", model.image(led[:1]), "firstframe_latents", FROM_PIXELS)
            yield self.result("lead of frame 0", model.image(led[1:]), "image_latents", FROM_PIXELS)


@dataclass(frozen=True)
class RecordedClip:
    """One clip of a case, and its edits."""

    source: RecordedSource
    previous: "RecordedClip | None"
    motion: MotionLoRA | None

    @property
    def case(self) -> Recorded:
        return self.source.case

    @property
    def number(self) -> int:
        return self.source.number

    def recorded(self, name: str) -> Tensor:
        return self.case.tensors[f"clip{self.number}.{name}"]

    def has(self, name: str) -> bool:
        return self.case.has(f"clip{self.number}.{name}")

    def compare(self, subject: str, ours: Tensor, name: str, tolerance: float) -> Result:
        theirs = self.recorded(name)
        return self.case.compare(
            f"clip {self.number} {subject}", ours.reshape(theirs.shape), theirs, tolerance
        )

    def compare_edit(self, edit: int, firsts: dict[int, EditedClip]) -> Iterator[Result]:
        """Compares an edit from the recorded picture on."""
        place = f"edit{edit}"
        method = self.case.method(edit)
        clip = EditedClip(
            source=self.source.clip,
            lead=self.lead(edit),
            start=self.recorded(f"{place}.noise_init")[0] if self.has(f"{place}.noise_init") else None,
            following=method.following(len(self.source.span)),
            guidance_scale=method.settings.guidance_scale,
            first=firsts.get(edit),
            motion=self.motion,
            whole=True,
        )
        tolerance = MASKS_MAY_FLIP if self.case.name.startswith("am128") else FROM_LATENTS
        if self.has(f"{place}.steps.out"):
            steps = self.case.model.schedule(method.settings.num_inference_steps)
            signals = torch.tensor([step.end.signal for step in steps])[:, None, None, None, None]
            yield self.compare(f"{place} steps", clip.latents[1:] / signals, f"{place}.steps.out", tolerance)
            yield from self.compare_step(clip, place)
        yield self.compare(f"{place} result", clip.latents[-1], f"{place}.final_latents", tolerance)
        if self.case.settings["use_consistency_attention_control"]:
            firsts.setdefault(edit, clip)
        if self.case.is_legacy:
            yield from self.compare_frames(place)

    def compare_step(self, clip: EditedClip, place: str) -> Iterator[Result]:
        """Compares the guided prediction at the second step, for the latents that the original had there."""
        step = self.case.model.schedule(clip.source.num_inference_steps)[1]
        theirs = self.recorded(f"{place}.steps.out")[0, 0] * step.start.signal
        tolerance = MASKS_MAY_FLIP if self.case.name.startswith("am128") else FROM_LATENTS
        ours = clip.denoise(theirs, step)
        yield self.case.compare(
            f"clip {self.number} {place} one step", ours, self.recorded(f"{place}.steps.v")[1, 0], tolerance
        )

    def lead(self, edit: int) -> Picture:
        """The recorded lead, with the recorded noise."""
        place = f"edit{edit}"
        embedding, image = self.handed_over(edit)
        noise = torch.randn(2, *image.shape[1:], generator=torch.Generator().manual_seed(23))
        if self.has(f"{place}.noise_image"):
            noise = self.recorded(f"{place}.noise_image")
        if self.has(f"{place}.image_embeds"):
            embedding = self.recorded(f"{place}.image_embeds")[1:]
        if self.has(f"{place}.image_vae"):
            image = self.recorded(f"{place}.image_vae")[1:]
        fps = self.case.settings["data_params"]["output_fps"] - 1
        return Picture(embedding, image + NOISE_OF_PICTURES * noise[1:], fps)

    def handed_over(self, edit: int) -> tuple[Tensor, Tensor]:
        """What we make of the edited picture, or of where the clip before this one ended."""
        model, pad = self.case.model, self.case.settings["data_params"]["pad_to_fit"]
        picture = self.case.picture(edit)
        if self.previous is None:
            at_work = pixels(picture_to_work(picture, self.case.size, pad))
            with channels_last(model):
                return model.embed(at_work), model.image(at_work)
        latents = self.previous.recorded(f"edit{edit}.final_latents")[0]
        # The original cuts the last frame to 8 bits and takes it to the picture's size and back.
        frame = (model.pixels(latents)[-1] * 255).round().to(torch.uint8)
        last = Image.fromarray(frame.permute(1, 2, 0).numpy())
        back = picture_back(last, (picture.height, picture.width), pad)
        embedding = model.embed(pixels(picture_to_work(back, self.case.size, pad)))
        return embedding, latents[-1:] / model.vae.config.scaling_factor

    def compare_lead(self, edit: int) -> Iterator[Result]:
        """Compares what leads an edit."""
        for name, ours in zip(("image_embeds", "image_vae"), self.handed_over(edit), strict=True):
            if self.has(f"edit{edit}.{name}"):
                theirs = self.recorded(f"edit{edit}.{name}")[1:]
                yield self.case.compare(f"clip {self.number} edit{edit} {name}", ours, theirs, FROM_PIXELS)

    def compare_frames(self, place: str) -> Iterator[Result]:
        """Compares decoded frames, at the size of work and at that of the picture."""
        pad = self.case.settings["data_params"]["pad_to_fit"]
        decoded = (self.case.model.pixels(self.recorded(f"{place}.final_latents")[0]) * 255).round()
        frames = decoded.permute(0, 2, 3, 1).to(torch.uint8)
        if self.has(f"{place}.frames_u8"):
            yield self.case.compare_bytes(
                f"clip {self.number} {place} frames", frames, self.recorded(f"{place}.frames_u8")
            )
        if self.has(f"{place}.frames_back_u8"):
            theirs = self.recorded(f"{place}.frames_back_u8")
            size = theirs.shape[1], theirs.shape[2]
            back = [picture_back(Image.fromarray(frame.numpy()), size, pad) for frame in frames]
            ours = torch.cat([pixels(frame) for frame in back]) * 255
            yield self.case.compare_bytes(
                f"clip {self.number} {place} frames in full size", ours.permute(0, 2, 3, 1), theirs
            )
