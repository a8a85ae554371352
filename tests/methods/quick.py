"""Every method with few steps, ready to run on a model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import ControlNetModel
from PIL import Image

from rescene.backbones import Backbone
from rescene.backbones.changes import Adapter, AdapterHeader
from rescene.fields import Verb
from rescene.methods import Method
from tests.methods.examples import EXAMPLES, OTHERS
from tests.tiny import tiny_dpt


def quick(verb: Verb, name: str, model: Backbone, folder: Path) -> Method:
    """The method, with files that it needs in `folder`."""
    method: Any = EXAMPLES[name] if verb == "edit" else OTHERS[verb, name]
    changes: dict[str, Any] = {"num_inference_steps": 2}
    if hasattr(method, "motion") and isinstance(method.motion, Path):
        changes["motion"] = adapter(model, folder / "motion.safetensors")
    if hasattr(method, "controlnets"):
        nets = (str(controlnet(model, folder / "controlnet")),)
        changes |= {"control": ("canny",), "control_weights": (), "controlnets": nets}
    if hasattr(method, "depth_model"):
        changes["depth_model"] = str(tiny_dpt(folder / "dpt"))
    if hasattr(method, "num_frames"):
        changes["num_frames"] = 2
    if hasattr(method, "image") and "picture" in model.conditions:
        changes["image"] = folder / "image.png"
        Image.new("RGB", (80, 64), "teal").save(changes["image"])
    return replace(method, **changes)


def adapter(model: Backbone, path: Path) -> Path:
    """Saves an untrained adapter."""
    about = AdapterHeader(prompt="a car", frame_keys=("first",), frames=2, fps=8, height=64, width=64)
    Adapter.fresh(model, about, convolutions=False).save(path, steps=1)
    return path


def controlnet(model: Backbone, folder: Path) -> Path:
    """Saves a random ControlNet for the model."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network: Any = model.control.network
        ControlNetModel.from_unet(network, conditioning_embedding_out_channels=(4, 4, 8, 8)).save_pretrained(
            folder
        )
    return folder
