"""Videos as pictures that browsers show: playable copies, filmstrips, and latents while they form."""

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..typing import Frames, Latents
from ..video import Video

LONGEST = 960
"""Pixels of the longer side of playable copies."""
TILES, TILE_HEIGHT = 12, 72
PREVIEW_FRAMES, PREVIEW_SECONDS = 12, 1.5


def write_playable(video: Video, path: Path) -> None:
    """Writes an mp4 with even sides that isn't too large; the sound comes along."""
    scale = min(1.0, LONGEST / max(video.height, video.width))
    height, width = (max(2, 2 * round(side * scale / 2)) for side in (video.height, video.width))
    video.resize(height, width).write(path, source_type=None)


def filmstrip(video: Video, path: Path) -> None:
    """Writes some frames, evenly spaced, side by side."""
    width = max(1, round(video.width * TILE_HEIGHT / video.height))
    small = video.resize(TILE_HEIGHT, width)
    at = [min(len(video) - 1, round((tile + 0.5) * len(video) / TILES - 0.5)) for tile in range(TILES)]
    tiles = [small.clip.read(frame, frame + 1)[0] for frame in at]
    pixels(torch.cat(tiles, dim=2)).save(path, quality=85)


def facts(video: Video) -> str:
    """A line about a clip."""
    return f"{len(video)} frames · {float(video.fps):g} fps · {video.width} × {video.height}"


def pixels(frame: Tensor) -> Image.Image:
    """A frame [3, H, W] in [0, 1] as a picture."""
    return Image.fromarray((255 * frame.clamp(0, 1)).byte().permute(1, 2, 0).cpu().numpy())


def latent_preview(latents: Latents, frame: Frames) -> Callable[[object], str | None]:
    """A function that makes a small moving picture of latents, as a data URL.

    Colours are what fits best, linearly, between the latents and the pixels of one frame: no network runs for
    a preview, and it works for any autoencoder.

    Args:
        latents: Those of the frame.
        frame: The frame.
    """
    size = latents.shape[2], latents.shape[3]
    seen = torch.nn.functional.interpolate(frame, size, mode="area")
    points, colours = with_one(latents.detach().float().cpu()), seen.permute(0, 2, 3, 1).reshape(-1, 3)
    # A little regularisation: a frame of one colour says nothing about the others.
    gram = points.T @ points + 1e-2 * torch.eye(points.shape[1])
    weights = torch.linalg.solve(gram, points.T @ colours)

    def look(item: object) -> str | None:
        if not isinstance(item, Tensor) or item.ndim != 4 or item.shape[1] != latents.shape[1]:
            return None
        chosen = item[:: max(1, -(-len(item) // PREVIEW_FRAMES))].detach().float().cpu()
        painted = with_one(chosen) @ weights
        return moving_picture(painted.unflatten(0, (len(chosen), *chosen.shape[2:])).clamp(0, 1))

    return look


def with_one(latents: Latents) -> Tensor:
    """All latents as rows, with a one for the offset."""
    rows = latents.permute(0, 2, 3, 1).reshape(-1, latents.shape[1])
    return torch.cat([rows, torch.ones(len(rows), 1)], dim=1)


def moving_picture(frames: Tensor) -> str:
    """Frames [F, H, W, 3] as an animated WebP in a data URL."""
    pictures = [Image.fromarray(frame) for frame in (255 * frames.numpy()).astype(np.uint8)]
    file = io.BytesIO()
    duration = int(1000 * PREVIEW_SECONDS / len(pictures))
    pictures[0].save(
        file, "webp", save_all=True, append_images=pictures[1:], duration=duration, loop=0, quality=80
    )
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
