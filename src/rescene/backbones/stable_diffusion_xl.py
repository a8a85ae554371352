"""Stable Diffusion XL as a backbone (Podell et al., ICLR 2024): two text encoders, and sizes as a condition.

Beside each token's states, embedded texts carry the second encoder's summary of the whole prompt, so that a
text stays one tensor whose rows are tokens.
"""

from typing import Any

import torch
from torch import Tensor, nn

from .fits import refuse_unfit_xl
from .stable_diffusion import StableDiffusion


class StableDiffusionXL(StableDiffusion):
    """Stable Diffusion XL, base model. What differs from `StableDiffusion`; see there.

    Args:
        components: Also `text_encoder_2` and `tokenizer_2`.
    """

    def _networks(self, components: dict[str, Any]) -> tuple[nn.Module, ...]:
        self.text_encoder_2, self._tokenizer_2 = components["text_encoder_2"], components["tokenizer_2"]
        texts = self.text_encoder.config, self.text_encoder_2.config
        refuse_unfit_xl(self.unet.config, self.vae.config, *texts)
        if self.vae.config.force_upcast and self.vae.dtype == torch.float16:
            self.vae.float()  # Its activations overflow.
        return self.unet, self.text_encoder, self.text_encoder_2, self.vae

    def _states(self, prompt: str) -> Tensor:
        """States of the last but one layers, and the second encoder's summary; zeros for an empty prompt.

        That is how the model was trained to do without a prompt.
        """
        states: list[Tensor] = []
        for tokenizer, encoder in (
            (self.tokenizer, self.text_encoder),
            (self._tokenizer_2, self.text_encoder_2),
        ):
            padded = tokenizer(prompt, padding="max_length", return_tensors="pt").input_ids
            output = self._parts.awake(encoder)(padded.to(self.device), output_hidden_states=True)
            states.append(output.hidden_states[-2])
        states.append(output.text_embeds[:, None].expand(-1, states[0].shape[1], -1))
        text = torch.cat(states, dim=-1)
        return text if prompt else torch.zeros_like(text)

    def _conditions(self, text: Tensor) -> dict[str, Any]:
        width = self.unet.config["cross_attention_dim"]
        height, across = (side * self.scale for side in self.hooks.size)
        # As if the picture had had this size, and nothing had been cut off.
        sizes = torch.tensor([height, across, 0, 0, height, across]).to(text)
        summary = {"text_embeds": text[:, 0, width:], "time_ids": sizes.expand(len(text), -1)}
        return {"encoder_hidden_states": text[..., :width], "added_cond_kwargs": summary}
