"""Files of every kind that is read, damaged at random, and the readers that must take them politely.

Damage is decided by a number alone, so that every finding can be made again.
"""

import json
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from rescene import FateZero
from rescene.backbones.changes.motion_lora_file import read_lora
from rescene.backbones.changes.one_shot_file import opened
from rescene.backbones.lora import checked
from rescene.bench.formats import read_rows
from rescene.bench.setting import read_settings as read_bench_settings
from rescene.cache import cached, folder
from rescene.cli.commands import _explained
from rescene.cli.edit import Edit
from rescene.cli.forms import read_config
from rescene.cli.pairs import read_pairs
from rescene.prompts import refuse_bytes
from rescene.runs import InputRefs, ModelRef, Recipe, VideoRef
from rescene.runs.result import read_recipe
from rescene.training import TrainingFolder
from rescene.training.losses import Loss
from rescene.video import Audio, Video, read_metadata
from rescene.video.hdr import as_sdr
from rescene.video.read import Cut, read_video

WORDS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
"""Numbers at which counts and sizes turn over."""
SPICE = (
    b"\0",
    b"\xff",
    b"9" * 5000,
    b"[" * 3000,
    b"../",
    b"nan",
    b"1e999",
    b"-",
    b'"',
    b"{",
    b"\n",
    b"=",
    b"*",
)


def damaged(content: bytes, number: int) -> bytes:
    """A file with one to four things wrong."""
    chance, data = random.Random(number), bytearray(content)
    for _ in range(chance.randint(1, 4)):
        if not data:
            break
        at, length = chance.randrange(len(data)), chance.choice((1, 2, 4, 16, 256))
        kind = chance.randrange(7)
        if kind == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            del data[at : at + length]
        elif kind == 3:
            data[at:at] = data[max(0, at - length) : at]
        elif kind == 4:
            order = chance.choice((">I", "<I"))
            data[at : at + 4] = struct.pack(order, chance.choice(WORDS))
        elif kind == 5:
            data[at : at + length] = chance.randbytes(length)
        else:
            data[at:at] = chance.choice(SPICE)
    return bytes(data)


def seeds(folder: Path) -> dict[str, bytes]:
    """A small whole file of each kind, by a name with its suffix."""
    folder.mkdir(parents=True, exist_ok=True)
    return dict(_media(folder)) | dict(_texts(folder)) | dict(_weights(folder))


def _media(folder: Path) -> Iterator[tuple[str, bytes]]:
    ramp = torch.linspace(0, 1, 48)[:, None] * torch.linspace(0, 1, 64)
    frames = torch.stack([(ramp + 0.1 * number).remainder(1).expand(3, -1, -1) for number in range(6)])
    sound = folder / "sound.mkv"
    _tone(sound)
    video = replace(Video.of(frames, 10), audio=Audio(path=sound, start=Fraction(0)))
    for name in ("a.mp4", "a.webm", "a.mkv", "a.gif"):
        video.write(folder / name, settings='{"method": "x"}')
        yield name, (folder / name).read_bytes()
    pages = [Image.fromarray((frame.permute(1, 2, 0).numpy() * 255).astype(np.uint8)) for frame in frames]
    kinds: tuple[tuple[str, dict[str, Any]], ...] = (
        ("a.png", {}),
        ("b.png", {"save_all": True, "append_images": pages[1:], "duration": 100}),
        ("a.tif", {"save_all": True, "append_images": pages[1:], "compression": "tiff_lzw"}),
        ("a.webp", {"save_all": True, "append_images": pages[1:], "duration": 100}),
        ("a.jpg", {"exif": Image.Exif()}),
        ("a.bmp", {}),
    )
    for name, more in kinds:
        pages[0].save(folder / name, **more)
        yield name, (folder / name).read_bytes()


def _tone(path: Path) -> None:
    with av.open(str(path), "w") as output:
        track = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        samples = (np.sin(np.arange(4800) / 3) * 9000).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts = 8000, 0
        output.mux([*track.encode(frame), *track.encode(None)])  # pyright: ignore


def _texts(folder: Path) -> Iterator[tuple[str, bytes]]:
    recipe = Recipe(
        method=FateZero(source="a red car", target="a blue car"),
        model=ModelRef(name="mini"),
        inputs=InputRefs(video=VideoRef(path="car.mp4", sha256="0" * 64)),
    )
    yield "recipe.json", recipe.to_json().encode()
    yield "pairs.csv", b"input,output,source,target\na.mp4,b.mp4,a red car,a blue car\nc.mp4,d.mp4,,\n"
    yield "pairs.json", b'[{"input": "a.mp4", "output": "b.mp4", "source": "a"}]'
    yield "rows.csv", b"name,clip,source,target,kind\na,a.mp4,a red car,a blue car,colour\n"
    yield (
        "rows.json",
        b'[{"video_name": "a", "source_prompt": "a [red] car", "target_prompt": "a [blue] car"}]',
    )
    yield "edit.yaml", b"method: fatezero\nsource: a red car\ntarget: a blue car\nself_replace: 0.5\n"
    yield "bench.yaml", b"- {method: fatezero, name: a, self_replace: 0.5}\n- {method: tokenflow}\n"
    yield "prompt.txt", "a café on a road".encode()


def _weights(folder: Path) -> Iterator[tuple[str, bytes]]:
    about = {"prompt": "a", "frame_keys": ["first"], "frames": 4, "fps": 8.0, "height": 64, "width": 64}
    for name, header in (("lora", {}), ("motion", {}), ("adapter", {"one-shot": json.dumps(about)})):
        tensors = {f"unet.a.lora_{part}.weight": torch.ones(2, 2) for part in "AB"}
        save_file(tensors, folder / f"{name}.safetensors", header)
        yield f"{name}.safetensors", (folder / f"{name}.safetensors").read_bytes()
    training = TrainingFolder(path=folder / "training", config={"a": 1})
    training.save(
        {"a": torch.ones(3)}, step=2, scaling={}, losses=[Loss(1, "a", 0.5, 1.0), Loss(2, "a", 0.4, 1.0)]
    )
    yield "checkpoint.safetensors", training.checkpoint.read_bytes()
    yield "losses.csv", (training.path / "losses.csv").read_bytes()
    yield "cache.safetensors", b""


def read(path: Path) -> None:
    """Reads a file as the command that it is for would."""
    READERS.get(path.name, _read_media)(path)


def _read_media(path: Path) -> None:
    read_metadata(path)
    video = as_sdr(read_video(path, Cut(frames=40), hold=False), why="to be read")
    for number in {0, len(video) // 2, len(video) - 1}:
        video.clip.read(number, number + 1)
    if video.audio:
        video[:4].write(path.with_name("out.mkv"), overwrite=True)


def _read_training(path: Path) -> None:
    TrainingFolder(path=path.parent / "training", config={"a": 1}, resume=True).load()


def _read_checkpoint(path: Path) -> None:
    place = path.parent / "training" / "checkpoint.safetensors"
    whole = place.read_bytes()
    place.write_bytes(path.read_bytes())
    try:
        _read_training(path)
    finally:
        place.write_bytes(whole)


def _read_losses(path: Path) -> None:
    place = path.parent / "training" / "losses.csv"
    place.write_bytes(path.read_bytes())
    _read_training(path)


def _read_cache(path: Path) -> None:
    """Damages what is kept, by the file's number, and must get the value all the same."""
    value = torch.arange(12.0).view(3, 4)
    cached({"fuzz": 1}, lambda: value)
    (entry,) = folder().glob("*.safetensors")
    entry.write_bytes(damaged(entry.read_bytes(), len(path.read_bytes()) or 1))
    assert torch.equal(cached({"fuzz": 1}, lambda: value), value)


def _read_adapter(path: Path) -> None:
    with opened(path) as file:
        list(file.tensors.values())


READERS: dict[str, Callable[[Path], object]] = {
    "recipe.json": read_recipe,
    "pairs.csv": read_pairs,
    "pairs.json": read_pairs,
    "rows.csv": read_rows,
    "rows.json": read_rows,
    "edit.yaml": lambda path: read_config(path, Edit),
    "bench.yaml": read_bench_settings,
    "prompt.txt": lambda path: refuse_bytes(path.read_bytes().decode(errors="surrogateescape")),
    "lora.safetensors": lambda path: checked(path, "unet"),
    "motion.safetensors": read_lora,
    "adapter.safetensors": _read_adapter,
    "checkpoint.safetensors": _read_checkpoint,
    "losses.csv": _read_losses,
    "cache.safetensors": _read_cache,
}
"""How files are read that aren't videos or pictures."""


def impolite(path: Path) -> str | None:
    """What is wrong with how a file was read: anything but a result, or an error that is told in a line."""
    try:
        read(path)
    except (ValueError, FloatingPointError, OSError, MemoryError, RuntimeError) as error:
        text = _explained(error)
        if text is None:
            return f"{type(error).__name__}: {str(error)[:200]}"
        return f"a message of {len(text)} letters" if len(text) > 1500 else None
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    return None
