"""Checks every array shape of the library while the tests run, and offers a tiny model and a clip."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    from rescene import StableDiffusion, StableVideo, Video


def pytest_runtest_setup() -> None:
    typechecker.begin_test()


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
    from tests.tiny import loaded_sd

    return loaded_sd(tiny_folder)


@pytest.fixture
def model(loaded: "StableDiffusion") -> Iterator["StableDiffusion"]:
    """The tiny model, loaded once; fails the test that leaves hooks or weights of its own behind."""
    with _unchanged(loaded):
        yield loaded


@pytest.fixture(scope="session")
def svd_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random Stable Video Diffusion in diffusers' layout. Copy it before changing it."""
    from tests.tiny_video import tiny_svd

    return tiny_svd(tmp_path_factory.mktemp("models") / "tiny-svd")


@pytest.fixture(scope="session")
def loaded_svd(svd_folder: Path) -> "StableVideo":
    from tests.tiny_video import loaded_svd

    return loaded_svd(svd_folder)


@pytest.fixture
def svd(loaded_svd: "StableVideo") -> Iterator["StableVideo"]:
    """The tiny video model, guarded like `model`."""
    with _unchanged(loaded_svd):
        yield loaded_svd


@contextmanager
def _unchanged(model: "StableDiffusion | StableVideo") -> Iterator[None]:
    """A block after which a model must be what it was."""
    processors, modules = list(model.unet.attn_processors.values()), list(model.unet.modules())
    yield
    after = model.unet.attn_processors.values()
    assert all(old is new for old, new in zip(processors, after, strict=True)), "processors were left behind"
    parts = list(model.unet.named_modules())
    left = [name for name, part in parts if part._forward_hooks | part._forward_pre_hooks]
    assert not left, f"torch hooks were left at {left}"
    assert all(old is new for old, (_, new) in zip(modules, parts, strict=True)), "modules were left behind"
    assert not [name for name, part in parts if "forward" in vars(part)], "forwards were left behind"
    assert not model.control.altered


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


@pytest.fixture
def psnr() -> Callable[[torch.Tensor, torch.Tensor], float]:
    def measure(a: torch.Tensor, b: torch.Tensor) -> float:
        return float(-10 * torch.log10((a - b).square().mean().clamp_min(1e-12)))

    return measure
