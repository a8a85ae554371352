"""What compares pictures with text: the seam between metrics and the networks that they ask, and CLIP.

CLIP is any of its models in transformers' layout, by hub id or from a local folder.
"""

from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from .registry import USUAL_CLIP

Crop = Literal["centre", "bottom"]
"""The square that a network sees of a picture that is taller than wide."""


@runtime_checkable
class Scorer(Protocol):
    """Turns pictures and texts into directions that can be compared by their cosine."""

    @property
    def name(self) -> str:
        """Stands beside every number that it has a part in."""
        ...

    def image(self, frame: Float[Tensor, "3 H W"], crop: Crop) -> Float[Tensor, " D"]:
        """A picture's feature, of length 1."""
        ...

    def text(self, prompt: str) -> Float[Tensor, " D"]:
        """A text's feature, of length 1.

        Raises:
            ValueError: if it is longer than the network can read.
        """
        ...


class CLIP:
    """Contrastive language-image pretraining (Radford et al., ICML 2021): pictures and texts in one space."""

    def __init__(self, name: str, model: Any, tokenizer: Any, processor: Any) -> None:
        """Takes the parts.

        Args:
            name: What the model is called beside its numbers.
            model: transformers' `CLIPModel`, in evaluation mode, on the device that is to be used.
            tokenizer: The model's.
            processor: The model's image processor, for pictures as 8-bit arrays [H, W, 3].
        """
        self._name, self._model, self._tokenizer, self._processor = name, model, tokenizer, processor

    @classmethod
    def load(cls, name: str | Path = USUAL_CLIP, *, device: torch.device | str = "cpu") -> "CLIP":
        """Reads a model from a folder or, if there is none of this name, from the hub.

        Raises:
            FileNotFoundError: if it can't be found or fetched, or isn't a CLIP model.
        """
        from transformers import AutoTokenizer, CLIPModel
        from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

        from ..backbones.checkpoints import download

        if not Path(name).is_dir():
            if str(name).count("/") != 1 or str(name).startswith((".", "/", "~")):
                raise FileNotFoundError(
                    f"there is no CLIP model {str(name)!r}: neither a folder nor a hub id"
                )
            download(str(name), "config.json", None)
        try:
            read: Any = CLIPModel.from_pretrained(name, use_safetensors=True, output_loading_info=True)
            tokenizer = AutoTokenizer.from_pretrained(name)
            # The one that works by PIL, as OpenAI's own does; the usual one needs torchvision.
            processor = CLIPImageProcessorPil.from_pretrained(name)
        except (OSError, ValueError) as error:
            raise FileNotFoundError(f"{name} can't be read as a CLIP model: {error}") from error
        model, report = read
        if report["missing_keys"]:
            raise FileNotFoundError(
                f"{name} lacks weights of CLIP, such as {sorted(report['missing_keys'])[0]}"
            )
        return cls(str(name), model.eval().requires_grad_(False).to(device), tokenizer, processor)

    @property
    def name(self) -> str:
        return self._name

    def image(self, frame: Float[Tensor, "3 H W"], crop: Crop) -> Float[Tensor, " D"]:
        pixels = (square_at_bottom(frame) if crop == "bottom" else frame).clamp(0, 1).mul(255).round()
        array = pixels.to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
        inputs = self._processor(array, return_tensors="pt", input_data_format="channels_last")
        return self._feature(self._model.get_image_features(inputs["pixel_values"].to(self._model.device)))

    def text(self, prompt: str) -> Float[Tensor, " D"]:
        tokens = self._tokenizer(prompt, return_tensors="pt").to(self._model.device)
        longest: int = self._model.text_model.config.max_position_embeddings
        if (length := tokens["input_ids"].shape[1]) > longest:
            raise ValueError(f"the prompt has {length} tokens and {self._name} reads {longest}; shorten it")
        return self._feature(self._model.get_text_features(**tokens))

    def _feature(self, output: Any) -> Float[Tensor, " D"]:
        return functional.normalize(output.pooler_output[0].float(), dim=0).cpu()


def square_at_bottom(frame: Float[Tensor, "3 H W"]) -> Float[Tensor, "3 h W"]:
    """A picture that is taller than wide, cut to the square at its bottom; others stay as they are."""
    return frame[:, max(0, frame.shape[1] - frame.shape[2]) :]
