"""Every method with a mask: outside, a lossless result holds the source's bytes, at the source's own size."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch

from rescene.fields import Verb
from rescene.methods import METHODS
from rescene.runs import FileRef, InputRefs, KeyFrameRef, MaskRef, ModelRef, Recipe, VideoRef
from rescene.runs.local import LocalHost
from rescene.runs.run import prepare, run
from rescene.video import Video
from tests.methods.quick import quick
from tests.tiny import TINY

MODELS = {"instruct-pix2pix": "instruct-pix2pix", "i2vedit": "svd", "if-v2v": "wan-i2v"}
"""For methods that don't run on a plain Stable Diffusion."""
ALL: list[tuple[Verb, str]] = [(verb, name) for verb in ("edit", "propagate") for name in METHODS[verb]]
SIZE = 49, 61
FRAMES = 2


@pytest.fixture(scope="module")
def host() -> LocalHost:
    return LocalHost(overwrite=True)


@pytest.fixture(scope="module")
def named(tmp_path_factory) -> Callable[[str], ModelRef]:
    """Tiny models, each made once."""

    @cache
    def make(kind: str) -> ModelRef:
        folder = TINY[kind](tmp_path_factory.mktemp("models") / kind)
        return ModelRef(name=str(folder), device="cpu")

    return make


@pytest.fixture(params=ALL, ids=lambda pair: "-".join(pair))
def edited(request, host, named, tmp_path) -> Callable[[torch.Tensor | None], torch.Tensor]:
    """Runs a method on a clip with odd sides, with a mask or without; the frames of its lossless results."""
    verb, name = request.param
    model = named(MODELS.get(name, "sd"))
    SOURCE.write(tmp_path / "source.mkv")
    SOURCE[:1].write(tmp_path / "first")
    frames = (KeyFrameRef(at=0, path=str(tmp_path / "first")),) if verb == "propagate" else ()
    method: Any = quick(verb, name, host.load(model), tmp_path)

    def make(mask: torch.Tensor | None) -> torch.Tensor:
        files = ()
        if mask is not None:
            path = tmp_path / "mask.mkv"
            Video.of(mask.expand(-1, 3, -1, -1).contiguous(), 8).write(path, overwrite=True)
            files = (FileRef(path=str(path)),)
        inputs = InputRefs(
            video=VideoRef(path=str(tmp_path / "source.mkv")),
            mask=MaskRef(files=files) if files else None,
            key_frames=frames,
        )
        recipe = Recipe(method=method, model=model, inputs=inputs)
        result = run(prepare(recipe, host), f"{tmp_path}/out.mkv", host)
        result.video.write(tmp_path / "pictures", overwrite=True)
        lossless = Video.read(tmp_path / "out.mkv").frames
        assert torch.equal(lossless, Video.read(tmp_path / "pictures").frames)
        return lossless

    return make


def test_outside_are_the_sources_bytes_and_a_full_mask_changes_nothing(edited):
    whole, part = edited(None), edited(SOFT)
    outside, inside = ((level.expand(-1, 3, -1, -1)) for level in (SOFT == 0, SOFT == 1))
    assert torch.equal(part[outside], SOURCE.frames[outside])
    assert (part[inside] != SOURCE.frames[inside]).float().mean() > 0.9
    assert torch.equal(edited(torch.ones(FRAMES, 1, *SIZE)), whole)


def disc() -> torch.Tensor:
    """A disc with a soft edge that goes right."""
    rows, columns = torch.meshgrid(*map(torch.arange, SIZE), indexing="ij")
    squares = [(rows - 25) ** 2 + (columns - 20 - 8 * number) ** 2 for number in range(FRAMES)]
    return (1.6 - torch.stack(squares).sqrt() / 12).clamp(0, 1)[:, None]


SOURCE = Video.of(
    torch.randint(0, 256, (FRAMES, 3, *SIZE), generator=torch.Generator().manual_seed(0), dtype=torch.uint8),
    8,
)
SOFT = disc()
