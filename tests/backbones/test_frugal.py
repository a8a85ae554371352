"""Computing on a processor takes no more memory than it must."""

from pathlib import Path

import pytest
import torch
from diffusers.models.attention import BasicTransformerBlock, FeedForward

from rescene import StableDiffusion
from rescene.backbones.frugal import give_back, give_back_at_once
from tests.tiny import branch


def test_feed_forward_layers_see_one_frame_at_a_time_and_say_the_same(model: StableDiffusion) -> None:
    z = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    shown = branch(z, model.schedule(4)[1], model.text("a cat"))
    blocks = [module for module in model.unet.modules() if isinstance(module, BasicTransformerBlock)]
    seen: list[int] = []
    layers = [module for module in model.unet.modules() if isinstance(module, FeedForward)]
    hooks = [layer.register_forward_pre_hook(lambda _, x: seen.append(len(x[0]))) for layer in layers]
    (one_by_one,) = model.predict(shown)
    assert set(seen) == {1}
    try:
        for block in blocks:
            block.set_chunk_feed_forward(None)
        (at_once,) = model.predict(shown)
    finally:
        for block in blocks:
            block.set_chunk_feed_forward(1)
        for hook in hooks:
            hook.remove()
    assert 3 in seen
    torch.testing.assert_close(one_by_one, at_once, rtol=0, atol=1e-5)


def test_giving_memory_back_loses_none_that_is_used() -> None:
    kept = [torch.full((1 << 16,), float(number)) for number in range(8)]
    del kept[::2]
    give_back()
    assert [float(tensor.mean()) for tensor in kept] == [1, 3, 5, 7]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux to tell what is mapped")
def test_large_tensors_go_back_when_they_are_freed() -> None:
    torch.ones(30 << 20, dtype=torch.uint8)  # What the C library learns by: it would keep smaller ones now.
    give_back_at_once()
    tensors = [torch.ones(16 << 20, dtype=torch.uint8) for _ in range(4)]
    places = [tensor.data_ptr() for tensor in tensors[:3]]
    assert all(map(is_mapped, places))
    del tensors[:3]  # The last would keep the heap below it from shrinking.
    # Another thread, of a server that other tests started, may have taken one of the places meanwhile.
    assert sum(map(is_mapped, places)) <= 1


def is_mapped(place: int) -> bool:
    """Whether this process has memory at an address."""
    spans = [line.split()[0].split("-") for line in Path("/proc/self/maps").read_text().splitlines()]
    return any(int(start, 16) <= place < int(stop, 16) for start, stop in spans)
