"""Pretrained models, all seen as `Backbone`: latents, predictions, and changes of the network."""

from .aliases import ALIASES, MOVED, Alias, resolve
from .backbone import Backbone, Branch, ClipModel, Condition, Inpainter, Trainable
from .depth_maps import DepthMaps, depth_maps
from .frugal import give_back
from .guidance import guided
from .hub import is_hub_id
from .load import best_device, load, outline, resolved_revision, usual_dtype
from .picture import AUGMENTATION, Picture
from .stable_diffusion import StableDiffusion
from .stable_diffusion_xl import StableDiffusionXL
from .stable_video import StableVideo
from .text import PromptWarning, Text, TextEncoder
from .unipc import unipc
from .wan import Wan

__all__ = [
    "ALIASES",
    "AUGMENTATION",
    "MOVED",
    "Alias",
    "Backbone",
    "Branch",
    "ClipModel",
    "Condition",
    "DepthMaps",
    "Inpainter",
    "Picture",
    "PromptWarning",
    "StableDiffusion",
    "StableDiffusionXL",
    "StableVideo",
    "Text",
    "TextEncoder",
    "Trainable",
    "Wan",
    "best_device",
    "depth_maps",
    "give_back",
    "guided",
    "is_hub_id",
    "load",
    "outline",
    "resolve",
    "resolved_revision",
    "unipc",
    "usual_dtype",
]
