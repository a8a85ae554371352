"""The cost of a TokenFlow edit."""

from typing import TYPE_CHECKING

from ...backbones import Backbone
from ...fields import steps_within
from ...sampling import Step
from ...video import Video
from ..cost import EDITED, latent_bytes, latent_size, layers_that_attend, positions
from ..method import Cost
from .segments import Segments

if TYPE_CHECKING:
    from .edit import TokenFlowEdit

INDEX_BYTES, SHARES = 2, 2
"""A correspondence is a position in each of two pivots."""
AT_WORK = 3
"""Latents of the source that one step of DDPM needs: clean, noised, and the residual."""


def cost(edit: "TokenFlowEdit", video: Video) -> Cost:
    """Works out what an edit costs."""
    settings, model, frames = edit.settings, edit.model, len(video)
    segments, taken, size = (
        Segments(frames, settings.pivot_interval),
        edit.schedule(),
        latent_size(model, video),
    )
    groups = [len(own) + len(context) for own, context in segments.groups(settings.joint_pivots)]
    steps, seen = len(taken), frames + sum(groups)
    fed, led = put_in(edit)
    # A later edit runs the source where its features are put in, and the pivots' also for its attention.
    again = sum(
        (step.index in fed) * frames + (step.index in fed or step.index in led) * sum(groups)
        for step in taken
    )
    inverted = settings.num_inference_steps if edit.is_ddim else steps
    clip = latent_bytes(model, video)
    nets = edit.redraw.nets if edit.redraw else ()
    together = max(*groups, min(frames, settings.frames_per_batch))
    of_layers = positions(layers_that_attend(model, "frame"), size)
    correspondences = steps * frames * SHARES * INDEX_BYTES * of_layers
    return Cost(
        steps=steps,
        evaluations=inverted * frames + (1 + EDITED) * steps * seen,
        again=again + EDITED * steps * seen,
        memory={
            "weights": model.weight_bytes() + sum(net.weight_bytes(model) for net in nets),
            "controls": len(nets) * frames * model.feature_bytes(size),
            "trajectory": clip * (inverted + 1 if edit.is_ddim else AT_WORK),
            "pivots": max(groups) * max(pivot_bytes(edit, step, size) for step in taken),
            "activations": EDITED * together * model.activation_bytes(size),
        },
        disk={"inversion": 0 if edit.is_ddim else clip * inverted, "correspondences": correspondences},
        remarks=(described(len(segments), groups),),
    )


def described(pivots: int, groups: list[int]) -> str:
    """The pivots in words."""
    return f"{pivots} pivots, edited jointly" + (
        f" in {len(groups)} groups of up to {max(groups)}" if len(groups) > 1 else ""
    )


def put_in(edit: "TokenFlowEdit") -> tuple[range, range]:
    """The steps that take the source's features, and those that take its attention."""
    settings = edit.settings
    windows = (settings.feature_window, settings.attention_window) if edit.sites else (0.0, 0.0)
    fed, led = (steps_within(window, settings.num_inference_steps) for window in windows)
    return fed, led


def pivot_bytes(edit: "TokenFlowEdit", step: Step, size: tuple[int, int]) -> int:
    """What is kept of one pivot: the source's tokens, all branches' outputs, and what is put in."""
    model, (fed, led) = edit.model, put_in(edit)
    layers = layers_that_attend(model, "frame")
    numbers = sum(
        (2 + EDITED) * positions([layer], size) * module.inner_dim for layer, module in layers.items()
    )
    if edit.sites and step.index in fed:
        block = next(layer for layer in layers if layer.stage == "up")
        numbers += positions([block], size) * channels_of(model, edit.sites.features)
    if edit.sites and step.index in led:
        numbers += sum(
            2 * positions([layer], size) * layers[layer].inner_dim for layer in edit.sites.attention
        )
    return numbers * model.dtype.itemsize


def channels_of(model: Backbone, module: str) -> int:
    """The channels that a convolution of the network puts out."""
    return int(getattr(model.control.network.get_submodule(module), "out_channels"))  # noqa: B009
