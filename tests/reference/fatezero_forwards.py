"""Forward passes of the original's inflated UNet, with fresh and with random temporal weights."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from rescene.backbones import Branch, Condition, StableDiffusion, Text
from rescene.backbones.changes import ClipNorms, TemporalLayers
from rescene.sampling import Level, Step
from tests.reference.published import frame_keys, scaled_queries, temporal_biases
from tests.reference.result import Result
from tests.tiny import loaded_sd


def run(root: Path, models: Path, manifest: Mapping[str, Any], tolerance: float) -> Iterator[Result]:
    """Runs every forward pass of the manifest."""
    recorded = load_file(root / manifest["file"])
    temporal = load_file(root / manifest["temporal_file"])
    for name, case in manifest["cases"].items():
        for timestep in case["timesteps"]:
            ours = forward(models, name, case, timestep, recorded, temporal)
            yield Result.of(f"unet/{name}.t{timestep}", ours, recorded[f"{name}.eps_t{timestep}"], tolerance)


def forward(
    models: Path,
    name: str,
    case: Mapping[str, Any],
    timestep: int,
    recorded: dict[str, Tensor],
    temporal: dict[str, Tensor],
) -> Tensor:
    """Runs the network on one recorded input."""
    model = loaded_sd(models / "tiny-sd")
    if case["weights"] == "q8":
        scaled_queries(model)
    x, config = recorded[case["input"]], case["model_config"]
    states = recorded["emb"][-len(x) :]  # A single clip was given the second prompt.
    step = Step(0, timestep, Level(1, 0), Level(1, 0))
    if x.ndim == 4:  # Images: each is a branch of one frame, and nothing temporal applies.
        return torch.cat(model.predict(*branches_of(model, x.split(1), step, states)))
    branches = [clip.transpose(0, 1) for clip in x]
    if case["temporal_random_seed"] is None:
        layers = temporal_biases(temporal, f"{name}|")
    else:
        layers = trained(TemporalLayers.fresh(model.unet, rank=config.get("lora")), temporal, f"{name}|")
    with model.changed(ClipNorms(), layers, frame_keys(model, config)):
        out = model.predict(*branches_of(model, branches, step, states))
    return torch.stack([clip.transpose(0, 1) for clip in out])


def branches_of(model: StableDiffusion, clips: Sequence[Tensor], step: Step, states: Tensor) -> list[Branch]:
    """Clips with recorded texts, each a branch."""
    prompt = model.text.tokenize("")
    texts = [Text(prompt, each) for each in states]
    return [Branch(z, step, Condition(text=text)) for z, text in zip(clips, texts, strict=True)]


def trained(layers: TemporalLayers, tensors: dict[str, Tensor], prefix: str) -> TemporalLayers:
    """Fills `layers` with weights under the original's names."""
    for module, layer in layers.after().items():
        own = layer.state_dict()
        layer.load_state_dict({key: tensors[f"{prefix}{module}.{original_key(key)}"] for key in own})
    return layers


def original_key(key: str) -> str:
    """The original's name for one of our weights, relative to the module that it comes after."""
    if key.startswith(("down.", "up.")):
        return f"conv_temporal.{key}"
    if key.startswith("full."):
        return f"conv_temporal.{key.removeprefix('full.')}"
    return (
        f"norm_temporal.{key.removeprefix('norm.')}"
        if key.startswith("norm.")
        else f"attn_temporal.{key.replace('to_out.', 'to_out.0.')}"
    )
