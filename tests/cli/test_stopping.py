"""What is left when a run is stopped: nothing."""

import os
import signal
import tempfile

import pytest

from rescene import StableDiffusion

STORES = ["disk", "recompute"]


@pytest.fixture
def stop_at_predict(monkeypatch):
    """Sends this process a signal in the middle of the inversion."""
    # Where the tests run in the background, the shell has made Python ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def install(number: int, after: int = 2):
        predict, calls = StableDiffusion.predict, []

        def stopping(self, *arguments):
            calls.append(arguments)
            if len(calls) == after:
                os.kill(os.getpid(), number)
            return predict(self, *arguments)

        monkeypatch.setattr(StableDiffusion, "predict", stopping)

    yield install
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_nothing_behind(edit, tmp_path, monkeypatch, stop_at_predict, store, number, status):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    stop_at_predict(number)
    assert edit("--store", store).status == status
    assert not list(temporary.iterdir())
    assert {path.name for path in tmp_path.iterdir()} <= {"cache", "temporary"}


def test_a_signal_while_writing_leaves_neither_video_nor_sidecar(edit, tmp_path, monkeypatch):
    pixels = StableDiffusion.pixels

    def stopping(self, latents):
        os.kill(os.getpid(), signal.SIGTERM)
        return pixels(self, latents)

    monkeypatch.setattr(StableDiffusion, "pixels", stopping)
    assert edit(output="out.mp4").status == 143
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}


def test_the_handler_is_put_back(edit):
    before = signal.getsignal(signal.SIGTERM)
    edit("--frames", 1)
    assert signal.getsignal(signal.SIGTERM) is before
