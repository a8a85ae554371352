"""Trains the transformer and the text encoder: stills first, then clips too, a third with frames given."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import parts
import torch
from attention import Watched, places
from checkpoint import Run
from clock import Clock, Every, Log
from store import Batch, Store
from torch import Tensor, nn
from transformers import UMT5EncoderModel

OBJECT_WEIGHT = 3.0
DROPPED = 0.1
"""Share of empty captions, for guidance."""
GIVEN = (0.7, 0.85)
"""Of the clips with given frames, how many have one latent frame given, and one or two; the others three."""
FREE, FIRST, STILL = "free", "first", "still"
ORDER = (FREE, FIRST, FREE, STILL)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to train.

    Attributes:
        until: The second of the clock that training ends at.
        stills: Share of the time for single frames only.
        encoded: Clips to encode at a time.
        share: Of the time, for encoding.
        watched: From which share of the time on words learn their places, and how much that counts.
    """

    until: float
    clips: int = 256
    frames: int = 768
    stills: float = 0.3
    watched: float = 0.7
    places: float = 0.003
    encoded: int = 32
    share: float = 0.15


def trained(
    run: Run, store: Store, plan: Plan, clock: Clock, log: Log, each_minute: Callable[[float], None]
) -> None:
    """Trains until the time is over, encoding clips as they come; tells `each_minute` how much of it is."""
    network, text = run.networks["transformer"], run.networks["text"]
    assert isinstance(text, UMT5EncoderModel)
    watch, begin, first = Watched(network), clock.now, run.step
    told, minute, losses, spent = Every(10), Every(60), Losses(), 0.0
    while (done := (clock.now - begin) / max(plan.until - begin, 1e-3)) < 1 and clock.left > 0:
        if spent < plan.share * (clock.now - begin) and store.add(plan.encoded):
            spent += plan.encoded * store.seconds
        kind = STILL if done < plan.stills else ORDER[run.step % len(ORDER)]
        batch = store.draw_stills(plan.frames) if kind == STILL else store.draw(plan.clips)
        watched = plan.places if done > plan.watched else 0.0
        watch.on(watched > 0)
        loss, plain = objective(network, text, batch, kind, watch, watched)
        losses.add(kind, plain)
        run.gradients(loss)
        warm = min(1, (run.step - first + 1) / 200)
        run.update(run.rate * warm * (0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * done))))
        if told:
            log(stage="flow", step=run.step, encoded=store.count, rendered=store.clips.count, **losses.take())
        if minute:
            each_minute(done)
    watch.on(False)
    log(stage="flow", step=run.step, end=True, **losses.take())


class Losses:
    """Means of the plain losses, by the kind of batch; they stay on the device until they are asked for."""

    def __init__(self) -> None:
        self.sums: dict[str, list[Tensor]] = {}

    def add(self, kind: str, loss: Tensor) -> None:
        """One batch's."""
        self.sums.setdefault(kind, []).append(loss)

    def take(self) -> dict[str, float]:
        """The means since the last call; stops at what isn't a number, for then all is lost."""
        means = {kind: torch.stack(losses).mean().item() for kind, losses in self.sums.items()}
        self.sums = {}
        if any(not math.isfinite(mean) for mean in means.values()):
            raise FloatingPointError(f"the training has diverged: {means}")
        return {kind: round(mean, 4) for kind, mean in means.items()}


def objective(
    network: nn.Module,
    text: UMT5EncoderModel,
    batch: Batch,
    kind: str,
    watch: Watched,
    watched: float,
) -> tuple[Tensor, Tensor]:
    """The loss to minimise and the plain one: squared errors of the velocity, noise minus latents."""
    z, noise = batch.latents, torch.randn_like(batch.latents)
    levels = spread_levels(len(z)).to(z.device)
    s = levels.view(-1, 1, 1, 1, 1)
    noisy, free = (1 - s) * z + s * noise, torch.ones_like(batch.cover)
    times = 1000 * levels
    if kind == FIRST:
        free = ungiven(z)
        noisy = free * noisy + (1 - free) * z
        times = times[:, None] * free[:, 0, :, ::2, ::2].flatten(1)
    dropped = torch.rand(len(z), device=z.device) < DROPPED
    ids = torch.where(dropped[:, None], empty(batch.ids), batch.ids)
    with torch.autocast(z.device.type, torch.bfloat16):
        hidden = parts.embedded(text, ids)
        velocity = network(noisy, times, hidden, return_dict=False)[0]
    weights = (1 + OBJECT_WEIGHT * batch.cover) * free
    weights = weights / weights.mean((1, 2, 3, 4), keepdim=True)
    error = (velocity.float() - (noise - z)).square()
    loss = (error * weights).mean()
    if watched:
        loss = loss + watched * places(watch.take(), ids, batch.cover, 1 - levels)
    return loss, (error * free).detach().mean() / free.mean()


def spread_levels(count: int) -> Tensor:
    """Levels of noise: logit-normal, shifted as in sampling, one from each equal part of the distribution."""
    even = (torch.arange(count) + torch.rand(count)) / count
    u = torch.special.ndtri(even.clamp(1e-5, 1 - 1e-5)).sigmoid()
    return parts.SHIFT * u / (1 + (parts.SHIFT - 1) * u)


def ungiven(z: Tensor) -> Tensor:
    """1 where latent frames are to be made, 0 at the given ones at the beginning; [B, 1, T, h, w]."""
    draw = torch.rand(len(z), 1, device=z.device)
    given = 1 + (draw > GIVEN[0]).long() + (draw > GIVEN[1]).long()
    free = torch.arange(z.shape[2], device=z.device)[None] >= given
    return free.float()[:, None, :, None, None].expand(-1, 1, -1, *z.shape[-2:])


def empty(ids: Tensor) -> Tensor:
    """The tokens of an empty caption: the end alone."""
    return torch.zeros_like(ids[:1]).index_fill(1, torch.zeros(1, dtype=torch.long, device=ids.device), 1)
