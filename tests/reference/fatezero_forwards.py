"""Forward passes of the original's inflated UNet, with fresh and with random temporal weights."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from rescene.backbones.changes import TemporalLayers
from safetensors.torch import load_file
from torch import Tensor

from rescene import load
from rescene.sampling import Level, Step
from tests.reference.published import frame_keys, scaled_queries, temporal_biases
from tests.reference.result import Result


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
    model = load(models / "tiny-sd")
    if case["weights"] == "q8":
        scaled_queries(model)
    x, config = recorded[case["input"]], case["model_config"]
    conditions = recorded["emb"][-len(x) :].split(1)  # A single clip was given the second prompt.
    step = Step(0, timestep, Level(1, 0), Level(1, 0))
    if x.ndim == 4:  # Images: each is a branch of one frame, and nothing temporal applies.
        with model.changed():
            return torch.cat(model.predict(step, *zip(x.split(1), conditions, strict=True)))
    branches = [clip.transpose(0, 1) for clip in x]
    if case["temporal_random_seed"] is None:
        layers = temporal_biases(temporal, f"{name}|")
    else:
        layers = trained(TemporalLayers.fresh(model.unet, rank=config.get("lora")), temporal, f"{name}|")
    with model.clip_norms(), model.temporal(layers), model.changed(frame_keys(model, config)):
        out = model.predict(step, *zip(branches, conditions, strict=True))
    return torch.stack([clip.transpose(0, 1) for clip in out])


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
