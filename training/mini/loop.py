# ruff: noqa: T201
"""The loop of a training by the clock, in one process or several that average their gradients."""

import argparse
import math
import time
from collections.abc import Callable

import numpy as np
import torch
from checkpoint import Run
from torch import Tensor, distributed


def start(work: Callable[[int, argparse.Namespace], None], arguments: argparse.Namespace) -> None:
    """Calls `work` in as many processes as asked for, each with its rank."""
    if arguments.processes == 1:
        work(0, arguments)
        return
    torch.multiprocessing.spawn(work, (arguments,), nprocs=arguments.processes)


def meet(rank: int, arguments: argparse.Namespace) -> None:
    """Joins the other processes, if there are any, and seeds."""
    if arguments.processes > 1:
        torch.set_num_threads(1)
        distributed.init_process_group(
            "gloo", init_method=arguments.meeting, rank=rank, world_size=arguments.processes
        )
    torch.manual_seed(arguments.seed)


def train(run: Run, losses: Callable[[], tuple[Tensor, float]], arguments: argparse.Namespace) -> None:
    """Until the minutes are over; all processes agree on the moment.

    Args:
        run: What is trained.
        losses: Draws a batch; the loss to minimise, and the one to print.
        arguments: Of the command line: `minutes`, `out`.
    """
    leads = not distributed.is_initialized() or distributed.get_rank() == 0
    before, begin, saved, plain_losses = run.seconds, time.monotonic(), time.monotonic(), []
    while (done := agreed(run.seconds / (60 * arguments.minutes))) < 1:
        loss, plain_loss = losses()
        run.gradients(loss)
        warm = min(1, (run.step + 1) / 200)
        run.update(run.rate * warm * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * done))))
        plain_losses.append(plain_loss)
        run.seconds = before + time.monotonic() - begin
        if not leads:
            continue
        if run.step % 50 == 0:
            print(f"{run.step} {run.seconds:.0f} s, loss {np.mean(plain_losses[-50:]):.4f}", flush=True)
        if time.monotonic() - saved > 300:
            run.save(arguments.out)
            saved = time.monotonic()
    if leads:
        run.save(arguments.out)


def agreed(value: float) -> float:
    """The first process's value, in all of them."""
    if not distributed.is_initialized():
        return value
    shared = torch.tensor(value, dtype=torch.float64)
    distributed.broadcast(shared, src=0)
    return shared.item()
