"""The video transformers of diffusers: where their attention layers are, and what these compute."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple, cast

import torch
from diffusers.models.attention_dispatch import dispatch_attention_fn
from torch import Tensor, nn

from .control import AttentionControl
from .hooks import AttentionHook
from .layers import Layer
from .unet import wrap

TEXT_TOKENS = 512
"""What Wan's layers that read pictures take for the text, at the end of what they are given."""


def control_of(networks: nn.ModuleDict, *, halvings: int) -> AttentionControl:
    """What hooks and changes transformers whose tokens are all of a clip's positions.

    Args:
        networks: By name: one, or one for each range of noise levels.
        halvings: How often patches halve the latents' sides.
    """
    layers = dict(_layers(networks, halvings))
    return AttentionControl(networks, layers, HookedClipAttention)


def _layers(networks: nn.ModuleDict, halvings: int) -> Iterator[tuple[Layer, Any]]:
    modules = cast(Iterator[tuple[str, nn.Module]], networks.named_modules())
    found = [(name, module) for name, module in modules if re.search(r"^\w+\.blocks\.\d+\.attn[12]$", name)]
    for number, (name, module) in enumerate(found):
        yield (
            Layer(
                name=name,
                stage=None,
                level=halvings,
                depth=number / max(len(found) - 1, 1),
                attends="clip" if name.endswith("attn1") else "words",
                rows="clips",
            ),
            module,
        )


class Rotation(NamedTuple):
    """What turns queries and keys by their places in the clip (Su et al., 2021): [1, N, 1, D] each."""

    cos: Tensor
    sin: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Turns neighbouring numbers of each head, [B, N, K, D], as pairs."""
        first, second = torch.unflatten(x, -1, (-1, 2)).unbind(-1)
        cos, sin = self.cos[..., 0::2], self.sin[..., 1::2]
        turned = torch.stack([first * cos - second * sin, first * sin + second * cos], dim=-1)
        return turned.flatten(-2).type_as(x)


class HookedClipAttention:
    """A processor of Wan's attention: the stock computation with hooks around it, the first outermost.

    Hooks see queries and keys after their norms and rotation, so that following a source's is exact. Image
    tokens are attended to beside the words, as in the stock network, and no hook sees them.
    """

    def __init__(self, control: AttentionControl, layer: Layer, hooks: list[AttentionHook]):
        before = control.layers[layer].processor
        self._attention_backend = getattr(before, "_attention_backend", None)
        self.control, self.layer, self.hooks = control, layer, hooks

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Called by `diffusers.models.transformers.transformer_wan.WanAttention`."""
        if attention_mask is not None:
            raise NotImplementedError(
                f"{self.layer.name} was given an attention mask, which hooks don't support"
            )
        call = self.control.call(self.layer)
        words, image = encoder_hidden_states, None
        if attn.add_k_proj is not None and words is not None:
            words, image = words[:, -TEXT_TOKENS:], words[:, :-TEXT_TOKENS]

        def turn(x: Tensor) -> Tensor:
            return x if rotary_emb is None else Rotation(*rotary_emb)(x)

        def heads(x: Tensor) -> Tensor:
            return torch.unflatten(x, 2, (attn.heads, -1))

        def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            return self._dispatch(*(x.transpose(1, 2) for x in (q, k, v))).transpose(1, 2)

        def layer(x: Tensor) -> Tensor:
            context = x if words is None else words
            q, k = turn(heads(attn.norm_q(attn.to_q(x)))), turn(heads(attn.norm_k(attn.to_k(context))))
            given = (each.transpose(1, 2) for each in (q, k, heads(attn.to_v(context))))
            hooked = wrap(attend, [partial(hook.around_attention, call) for hook in self.hooks])
            out = hooked(*given).transpose(1, 2).flatten(2).type_as(q)
            if image is not None:
                keys, values = attn.norm_added_k(attn.add_k_proj(image)), attn.add_v_proj(image)
                out = out + self._dispatch(q, heads(keys), heads(values)).flatten(2).type_as(q)
            return attn.to_out[1](attn.to_out[0](out))

        return wrap(layer, [partial(hook.around_layer, call) for hook in self.hooks])(hidden_states)

    def _dispatch(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attention on [B, N, K, D] by the backend that the network was set to."""
        return dispatch_attention_fn(q, k, v, backend=self._attention_backend)
