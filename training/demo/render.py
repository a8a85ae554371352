"""Makes the demo clip, a rendered scene and a melody of sines: `python training/demo/render.py FILE.mp4`."""

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from jaxtyping import Float

from rescene.video import Audio, Video
from rescene.world import Motion, Scene

FRAMES, FPS, RATE = 24, 8, 48_000
MELODY = (440.00, 554.37, 659.26, 554.37, 493.88, 587.33)
"""Pitches in hertz, half a second each."""
SCENE = Scene(
    object="car",
    colour="red",
    background="road",
    motion=Motion(start=(0.34, 0.66), end=(0.62, 0.66), scale=(0.52, 0.58), pan=0.1),
    seed=7,
)


def render(path: Path) -> None:
    """Writes the clip."""
    with TemporaryDirectory() as folder:
        sound = Path(folder) / "melody.mp4"
        write_sound(sound, melody())
        video = Video.of(SCENE.render(FRAMES).frames, FPS)
        replace(video, audio=Audio(path=sound)).write(path, overwrite=True, source_type=None)


def melody() -> Float[np.ndarray, " samples"]:
    """Soft notes, one after the other, as long as the clip."""
    length = FRAMES * RATE // FPS // len(MELODY)
    time = np.arange(length) / RATE
    fade = np.sin(np.pi * np.arange(length) / length) ** 2
    return np.concatenate([0.2 * fade * np.sin(2 * np.pi * pitch * time) for pitch in MELODY])


def write_sound(path: Path, samples: Float[np.ndarray, " samples"]) -> None:
    """Writes mono sound as AAC."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=RATE, layout="mono")
        stream.bit_rate = 48_000
        frame = av.AudioFrame.from_ndarray(samples.astype(np.float32)[None], format="fltp", layout="mono")
        frame.rate = RATE
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


if __name__ == "__main__":
    render(Path(sys.argv[1]))
