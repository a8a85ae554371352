"""Images of a class, made by the model before it is tuned: what it shall not forget."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from ..backbones import Backbone, guided
from ..progress import Progress
from ..sampling import sample
from ..sampling.noise import frame_noise
from ..typing import Frames, Latents
from ..video import Video
from .processes import processes

Images = Float[Tensor, "images C h w"]
"""Latents of images that have nothing to do with each other."""
AT_ONCE = 8
"""Images that are made together."""
NUM_INFERENCE_STEPS, GUIDANCE_SCALE = 50, 7.5


def class_images(
    model: Backbone,
    prompts: tuple[str, str],
    count: int,
    like: Latents,
    *,
    seed: int,
    folder: Path | None,
    progress: Progress,
) -> Images:
    """Latents of images of a class.

    Args:
        model: The model, not yet tuned.
        prompts: The class's prompt and the negative one.
        count: How many images.
        like: Latents of their size.
        seed: Of the noise that they start from.
        folder: Where images are kept as PNGs; those that are there are taken instead of new ones.
        progress: Reports the batches.
    """
    if folder and folder.is_dir():
        return model.encode(Video.read(folder))
    batches = range(0, count, AT_ONCE)
    made = [
        generate(model, prompts, frame_noise(like.shape[1:], range(start, min(start + AT_ONCE, count)), seed))
        for start in progress(batches, description="Class images", total=len(batches))
    ]
    # As they come back from the files, so that a resumed training sees the same.
    images = Video.of((255 * torch.cat(made)).round().to(torch.uint8), fps=1)
    if folder and processes().is_main_process:
        images.write(f"{folder}/")
    return model.encode(images)


def generate(model: Backbone, prompts: tuple[str, str], noise: Images) -> Frames:
    """Their pixels, from noise."""
    assert model.text is not None
    text, negative = map(model.text, prompts)
    denoise = guided(model, text, negative, GUIDANCE_SCALE)
    *_, z = sample(denoise, noise.to(model.device), model.schedule(NUM_INFERENCE_STEPS))
    return model.decode(z, like=Video.of(torch.zeros(1, 3, 1, 1), fps=1)).frames
