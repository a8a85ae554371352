"""Checks every array shape of the library while the tests run, and offers a tiny model and a clip."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from jaxtyping import install_import_hook

from tests import typechecker

install_import_hook("rescene", f"{typechecker.__name__}.check")
# Tiny networks gain nothing from threads, and results must not depend on how many there are.
torch.set_num_threads(1)

if TYPE_CHECKING:  # Test files that need no networks shan't wait for their libraries.
    from rescene import StableDiffusion, Video


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a cache of its own; the user's stays untouched."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("RESCENE_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random Stable Diffusion in diffusers' layout. Copy it before changing it."""
    from tests.tiny import tiny_sd

    return tiny_sd(tmp_path_factory.mktemp("models") / "tiny-sd")


@pytest.fixture(scope="session")
def loaded(tiny_folder: Path) -> "StableDiffusion":
    from rescene import load

    return load(tiny_folder, device="cpu")


@pytest.fixture
def model(loaded: "StableDiffusion") -> Iterator["StableDiffusion"]:
    """The tiny model, loaded once; fails the test that leaves hooks or weights of its own behind."""
    processors = list(loaded.unet.attn_processors.values())
    yield loaded
    after = loaded.unet.attn_processors.values()
    assert all(old is new for old, new in zip(processors, after, strict=True)), "processors were left behind"
    left = [
        name for name, part in loaded.unet.named_modules() if part._forward_hooks | part._forward_pre_hooks
    ]
    assert not left, f"torch hooks were left at {left}"
    assert not loaded.hooks.altered


@pytest.fixture(scope="session")
def clip() -> "Video":
    """Four frames of 128x64 pixels at 8 fps: a bright square moves over a gradient."""
    from rescene import Video

    down, across = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(0, 1, 128), indexing="ij")
    frames = torch.stack([down, across, 0.5 * (down + across)]).expand(4, -1, -1, -1).clone()
    for number, frame in enumerate(frames):
        left = 8 + 24 * number
        frame[:, 16:48, left : left + 32] = torch.tensor([0.9, 0.2, 0.1])[:, None, None]
    return Video.of(frames, 8)
