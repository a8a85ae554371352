"""What an edit will cost, worked out from shapes alone: nothing is computed and no weights are needed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import singledispatch

from ..adapters import verify
from ..attention.stores import Place
from ..backbones import StableDiffusion
from ..backbones.controlled import controlnet_bytes
from .controlled_video import ControlledVideo
from .cross_frame import CrossFrameSettings
from .fatezero import FateZero
from .instruct_pix2pix import VideoInstructPix2Pix, instructed
from .method import TextEdit
from .tokenflow import TokenFlow
from .tokenflow_plan import TokenFlowPlan, tokenflow_plan
from .tune_a_video import TuneAVideo

FLOAT32_BYTES = 4
BRANCHES = 2
"""Of an edit: the empty prompt and the target."""
ACTIVATION_COPIES = 64
"""The network's activations in units of the first level's features: skip connections, the fourfold width of
feed-forward layers, work space. Measured for Stable Diffusion's shape on a CPU (docs/performance.md)."""


@dataclass(frozen=True, kw_only=True)
class LayerShape:
    """An attention layer, as far as the size of its queries and keys goes."""

    positions: int
    """Per frame."""
    width: int
    """Of its queries and keys, all heads together."""
    is_cross: bool


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The cost of an edit; sizes in bytes."""

    steps: int
    source_steps: int
    """Steps that look something up in the source's attention."""
    evaluations: dict[Place, int]
    """How often the network sees a frame, for each store."""
    weights: int
    trajectory: int
    """The inversion's latents, in main memory."""
    attention: int
    """The source's attention at one step."""
    activations: int
    """What the network holds while it predicts: an estimate, right to about a third."""

    def memory(self, store: Place) -> int:
        """The peak, without the interpreter and its libraries (about 0.4 GB)."""
        kept_steps = self.source_steps if store == "ram" else 1
        return self.weights + self.trajectory + self.activations + self.attention * kept_steps

    def disk(self, store: Place) -> int:
        """Temporary files."""
        return self.attention * self.source_steps if store == "disk" else 0


@singledispatch
def plan(
    edit: object, model: StableDiffusion, *, frames: int, size: tuple[int, int], notes: bool = False
) -> Plan | TokenFlowPlan | None:
    """Works out what `edit` costs, and finds the mistakes in its settings that show without computing.

    Args:
        edit: One of `METHODS`.
        model: The model; one without weights will do (`backbones.outline`).
        frames: Frames of the clip.
        size: Height and width in pixels at work.
        notes: Whether the method is given notes to fill.

    Returns:
        The plan; None for methods that have none.

    Raises:
        ValueError: If a word isn't in its prompt, a window is out of range, a prompt is too long, or there
            are more steps than the model takes.
    """
    if isinstance(edit, TextEdit | CrossFrameSettings | TuneAVideo):
        check(edit, model)
    if isinstance(edit, ControlledVideo):
        edit.verify(model, frames=frames, size=size)
    elif isinstance(edit, VideoInstructPix2Pix):
        instructed(model)
    return None


@plan.register
def _(
    edit: FateZero, model: StableDiffusion, *, frames: int, size: tuple[int, int], notes: bool = False
) -> Plan:
    length = check(edit, model)
    control, steps = edit.control(model), edit.num_inference_steps
    latent = size[0] // model.scale, size[1] // model.scale
    source_steps = sum(notes or control.needs_source(step) for step in range(steps))
    # The source goes to noise, and back if there are notes; the edit has two branches; a replay is another.
    passes = steps * (4 if notes else 3)
    words = next(filter(edit.word_layers(model, latent), model.hooks.layers))
    item = model.unet.dtype.itemsize
    queries_and_keys = attention_bytes(
        source_layers(edit, model, latent), frames=frames, length=length, item=item
    )
    return Plan(
        steps=steps,
        source_steps=source_steps,
        evaluations={
            "recompute": frames * (passes + source_steps),
            "ram": frames * passes,
            "disk": frames * passes,
        },
        weights=weight_bytes(model),
        trajectory=(steps + 1)
        * frames
        * model.unet.config["in_channels"]
        * latent[0]
        * latent[1]
        * FLOAT32_BYTES,
        attention=queries_and_keys + heat_bytes(words.grid(*latent), frames=frames, length=length),
        activations=BRANCHES * frames * activation_bytes(model, latent),
    )


@plan.register
def _(
    edit: TokenFlow, model: StableDiffusion, *, frames: int, size: tuple[int, int], notes: bool = False
) -> TokenFlowPlan:
    check(edit, model)
    nets: Sequence[str] = ()
    if control := edit.controlled():
        nets = control.names(control.verify(model, frames=frames, size=size))
    latent = size[0] // model.scale, size[1] // model.scale
    return tokenflow_plan(
        edit,
        model,
        frames=frames,
        latent=latent,
        weights=weight_bytes(model) + sum(controlnet_bytes(net, model) for net in nets),
        controls=len(nets) * frames * hint_bytes(model, latent),
        activation=activation_bytes(model, latent),
        notes=notes,
    )


def activation_bytes(model: StableDiffusion, latent: tuple[int, int]) -> int:
    """What the network holds for each frame and branch that it sees at once: an estimate."""
    width = model.unet.config["block_out_channels"][0]
    return ACTIVATION_COPIES * width * latent[0] * latent[1] * model.unet.dtype.itemsize


def hint_bytes(model: StableDiffusion, latent: tuple[int, int]) -> int:
    """What a ControlNet keeps of one control frame: its features at the first level."""
    width = model.unet.config["block_out_channels"][0]
    return width * latent[0] * latent[1] * model.unet.dtype.itemsize


def check(edit: TextEdit | CrossFrameSettings | TuneAVideo, model: StableDiffusion) -> int:
    """How many tokens the text encoder reads, after making sure that it can read the prompts.

    Raises:
        ValueError: If a prompt is too long, there are more steps than the model takes, or an adapter is for
            another model.
    """
    if isinstance(edit, FateZero | TuneAVideo) and edit.motion:
        verify(edit.motion, model)
    model.schedule(edit.num_inference_steps)
    texts = [model.embed(prompt) for prompt in edit.prompts]
    return texts[0].shape[1]


def source_layers(edit: FateZero, model: StableDiffusion, latent: tuple[int, int]) -> list[LayerShape]:
    """The layers whose queries and keys the source keeps."""
    chosen = edit.layers(latent)
    return [
        LayerShape(
            positions=layer.grid(*latent)[0] * layer.grid(*latent)[1],
            width=module.to_q.out_features,
            is_cross=layer.is_cross,
        )
        for layer, module in model.hooks.layers.items()
        if chosen(layer)
    ]


def attention_bytes(layers: Iterable[LayerShape], *, frames: int, length: int, item: int) -> int:
    """One step's queries and keys.

    Args:
        layers: Those that are kept.
        frames: Frames of the clip.
        length: Tokens of the prompt, which are the keys of cross-attention.
        item: Bytes of a number.
    """
    rows = sum(
        layer.width * (layer.positions + (length if layer.is_cross else layer.positions)) for layer in layers
    )
    return frames * rows * item


def heat_bytes(grid: tuple[int, int], *, frames: int, length: int) -> int:
    """One step's heat maps of words."""
    return frames * length * grid[0] * grid[1] * FLOAT32_BYTES


def weight_bytes(model: StableDiffusion) -> int:
    """All parts of the model."""
    parts = (model.unet, model.text_encoder, model.vae)
    return sum(weight.nbytes for part in parts for weight in part.parameters())
