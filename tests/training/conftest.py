"""A clip small enough to be tuned to in a test."""

import pytest

from rescene import Video


@pytest.fixture(scope="session")
def square(clip: Video) -> Video:
    """Three frames of 64x64 pixels."""
    return clip[:3].crop(64, 64)


@pytest.fixture(autouse=True)
def quick_class_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Class images of two steps: nobody looks at them here."""
    monkeypatch.setattr("rescene.training.class_images.NUM_INFERENCE_STEPS", 2)
