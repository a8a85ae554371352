"""The cost of a FateZero edit: how much of the source's attention is kept, and where."""

from typing import TYPE_CHECKING

from ...video import Video
from ..cost import EDITED, FLOAT32_BYTES, latent_bytes, latent_size
from ..method import Cost

if TYPE_CHECKING:
    from .edit import FateZeroEdit


def cost(edit: "FateZeroEdit", video: Video) -> Cost:
    """Works out what an edit costs."""
    settings, model, size = edit.settings, edit.model, latent_size(edit.model, video)
    steps, frames = settings.num_inference_steps, len(video)
    source_steps = sum(edit.fusion.needs_source(step) for step in range(steps))
    kept = attention_bytes(edit, video)
    # The source goes to noise; the edit has two branches; a replay is another pass.
    replayed = source_steps if settings.store == "recompute" else 0
    attention = kept * (source_steps if settings.store == "ram" else 1)
    return Cost(
        steps=steps,
        evaluations=frames * (3 * steps + replayed),
        again=frames * (2 * steps + (replayed or source_steps)),
        memory={
            "weights": model.weight_bytes(),
            "trajectory": (steps + 1) * latent_bytes(model, video),
            "attention": attention,
            "activations": EDITED * frames * model.activation_bytes(size),
        },
        disk={"attention": kept * source_steps} if settings.store == "disk" else {},
        remarks=(f"{source_steps} of {steps} steps look the source up",),
    )


def attention_bytes(edit: "FateZeroEdit", video: Video) -> int:
    """One step of the source's attention: queries and keys of followed layers, and the heat of words."""
    model, size = edit.model, latent_size(edit.model, video)
    assert model.text
    length, chosen = model.text.tokenize("").length, edit.layers(size)
    numbers = 0
    for layer, module in model.control.layers.items():
        if chosen(layer):
            rows, columns = layer.grid(*size)
            keys = length if layer.attends == "words" else rows * columns
            numbers += module.inner_dim * (rows * columns + keys)
    words = next(filter(edit.word_layers(size), model.control.layers)).grid(*size)
    heat = length * words[0] * words[1] * FLOAT32_BYTES
    return len(video) * (numbers * model.dtype.itemsize + heat)
