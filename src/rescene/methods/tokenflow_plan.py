"""What a TokenFlow edit will cost."""

from dataclasses import dataclass

from ..attention import Layer, Segments
from ..attention.layers import AttentionModule
from ..backbones import StableDiffusion
from ..fields import steps_within
from ..sampling import Step
from .tokenflow import TokenFlow

INDEX_BYTES = 2
SHARES = 2
FLOAT32_BYTES = 4
AT_WORK = 3
"""Latents of the source that one step of DDPM needs: clean, noised, and the residual."""
EDITED = 2
"""Branches: without the target and towards it."""


@dataclass(frozen=True, kw_only=True)
class TokenFlowPlan:
    """The cost of a TokenFlow edit; sizes in bytes."""

    steps: int
    """Those that the edit takes."""
    pivots: int
    """All of the clip, at each step."""
    groups: tuple[int, ...]
    """How many pivots are edited together, those of other groups that take part included."""
    evaluations: int
    """How often the network sees a frame."""
    again: int
    """Likewise for another edit of the same clip, which finds the inversion and the correspondences."""
    weights: int
    """With those of a ControlNet, if one takes part."""
    controls: int
    """What the ControlNet keeps of all control frames, in main memory."""
    trajectory: int
    """The source's latents, in main memory: of all steps after DDIM inversion, else of the step at work."""
    pivot_features: int
    """What is kept of the largest group at one step."""
    activations: int
    """What the network holds while it predicts: an estimate, right to about a third."""
    residuals: int
    """Those of DDPM inversion, on disk, in the cache."""
    correspondences: int
    """Likewise."""

    @property
    def memory(self) -> int:
        """The peak, without the interpreter and its libraries (about 0.4 GB)."""
        kept = self.controls + self.trajectory + self.pivot_features
        return self.weights + kept + self.activations


def tokenflow_plan(
    edit: TokenFlow,
    model: StableDiffusion,
    *,
    frames: int,
    latent: tuple[int, int],
    weights: int,
    controls: int,
    activation: int,
    notes: bool,
) -> TokenFlowPlan:
    """Works out what `edit` costs.

    Args:
        edit: The edit.
        model: The model, of which only shapes are needed.
        frames: Frames of the clip.
        latent: Rows and columns of the latents.
        weights: Bytes of the model and of a ControlNet.
        controls: Bytes that the ControlNet keeps of the control frames.
        activation: Bytes that the network holds for each frame and branch that it sees at once.
        notes: Whether the source is reconstructed.
    """
    segments, taken = Segments(frames, edit.pivot_interval), edit.schedule(model)
    groups = tuple(len(own) + len(context) for own, context in segments.groups(edit.joint_pivots))
    steps, seen = len(taken), frames + sum(groups)
    fed, led = put_in(edit, model)
    # A later edit runs the source where its features are put in, and the pivots' also for its attention.
    again = sum(
        (step.index in fed) * frames + (step.index in fed or step.index in led) * sum(groups)
        for step in taken
    )
    rebuilt = steps * frames if notes else 0
    numbers = model.unet.config["out_channels"] * latent[0] * latent[1] * frames * FLOAT32_BYTES
    is_ddim = edit.base == "ddim" or edit.inversion == "ddim"
    inverted = edit.num_inference_steps if is_ddim else steps
    return TokenFlowPlan(
        steps=steps,
        pivots=len(segments),
        groups=groups,
        evaluations=inverted * frames + rebuilt + (1 + EDITED) * steps * seen,
        again=rebuilt + again + EDITED * steps * seen,
        weights=weights,
        controls=controls,
        trajectory=numbers * (inverted + 1 if is_ddim else AT_WORK),
        residuals=0 if is_ddim else numbers * inverted,
        pivot_features=max(groups) * max(pivot_bytes(edit, model, step, latent) for step in taken),
        activations=EDITED * activation * max(*groups, min(frames, edit.frames_per_batch)),
        correspondences=steps * frames * SHARES * INDEX_BYTES * positions(model, latent),
    )


def put_in(edit: TokenFlow, model: StableDiffusion) -> tuple[range, range]:
    """The steps that take the source's features, and those that take its attention."""
    windows = (edit.feature_window, edit.attention_window) if edit.sites(model) else (0.0, 0.0)
    fed, led = (steps_within(window, edit.num_inference_steps) for window in windows)
    return fed, led


def pivot_bytes(edit: TokenFlow, model: StableDiffusion, step: Step, latent: tuple[int, int]) -> int:
    """What is kept of one pivot: the source's tokens, all branches' outputs, and what is put in."""
    layers, sites, (fed, led) = self_layers(model), edit.sites(model), put_in(edit, model)
    kept = sum(
        (2 + EDITED) * count(layer, latent) * module.to_q.in_features for layer, module in layers.items()
    )
    if sites and step.index in fed:
        block = next(layer for layer in layers if layer.stage == "up")
        kept += count(block, latent) * model.unet.get_submodule(sites.features).out_channels
    if sites and step.index in led:
        kept += sum(2 * count(layer, latent) * layers[layer].to_q.out_features for layer in sites.attention)
    return kept * model.unet.dtype.itemsize


def positions(model: StableDiffusion, latent: tuple[int, int]) -> int:
    """Those of all layers of self-attention."""
    return sum(count(layer, latent) for layer in self_layers(model))


def self_layers(model: StableDiffusion) -> dict[Layer, AttentionModule]:
    """The layers that copy."""
    return {layer: module for layer, module in model.hooks.layers.items() if layer.is_self}


def count(layer: Layer, latent: tuple[int, int]) -> int:
    """A layer's positions."""
    rows, columns = layer.grid(*latent)
    return rows * columns
