"""Trains `mini-video` in one go, by the clock: autoencoder, then transformer and text encoder; measures both.

Clips are rendered in the background all the time. `OUT/weights` holds the running averages in half precision,
renewed each minute; `OUT/log.jsonl`, `figures.json` and `sheet.png` tell how it went. SIGTERM ends it early,
with all saved. `--resume` goes on from the state in OUT.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import attention
import flow
import parts
import save
import torch
from autoencoder import scaled, trained, with_statistics
from checkpoint import Run
from clips import Clips, Cutter
from clock import Clock, Log
from diffusers import AutoencoderKLWan
from quick import WAYS, fastest
from report import Reports
from store import Store
from tokenizer import entries

MEASURED = 512
"""Clips that the latents' statistics are taken from."""
HERE = Path(__file__).resolve().parent


def main() -> None:
    """Starts the renderer, and stops it at the end whatever happens."""
    arguments = parse()
    arguments.out.mkdir(parents=True, exist_ok=True)
    clock = Clock(arguments.total)
    torch.set_num_threads(arguments.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    command = [sys.executable, HERE / "render.py", arguments.out / "clips", "--processes", arguments.workers]
    command += ["--held", arguments.held, "--count", arguments.most]
    renderer = subprocess.Popen([str(part) for part in command], start_new_session=True)
    try:
        work(arguments, clock, Log(arguments.out / "log.jsonl", clock))
    finally:
        os.killpg(renderer.pid, signal.SIGKILL)


def work(arguments: argparse.Namespace, clock: Clock, log: Log) -> None:
    """All stages, one after the other."""
    torch.manual_seed(arguments.seed)
    device, weights = torch.device(arguments.device), arguments.out / "weights"
    weights.mkdir(exist_ok=True)
    log(stage="start", device=torch.cuda.get_device_name() if device.type == "cuda" else "cpu")
    trial = started_trial(arguments)
    clips = Clips(arguments.out / "clips", arguments.room, device, arguments.kept, arguments.most)
    clips.start()
    frames, bits, scenes = clips.held_out(arguments.held)
    clips.wait(min(arguments.room // 2, 128))
    way = arguments.way or the_way(clips, arguments, log)
    log(stage="clips", clips=clips.count, way=way)
    vae = the_autoencoder(arguments, clips, way, clock, log).to(device)
    reports = Reports(vae, frames, bits, scenes, arguments.out, log)
    reports.autoencoder()
    networks = {
        "transformer": parts.transformer(arguments.layers, arguments.heads).to(device),
        "text": parts.text_encoder(entries()).to(device),
    }
    if arguments.start:
        save.load_rest(networks, arguments.start)
    if compiles(trial, arguments, log):
        attention.compiled(networks["transformer"])
    run = Run(networks, rate=arguments.rate)
    if arguments.resume and (arguments.out / "state.json").exists():
        run.load(arguments.out)
    train(arguments, run, Store(clips, vae, way, 2 * arguments.most), reports, clock, log)


def the_way(clips: Clips, arguments: argparse.Namespace, log: Log) -> str:
    """The fastest right way through the autoencoder on this device."""
    cutter = Cutter(clips, seed=0)
    batches = [cutter(scaled(96, arguments.scale), 9, 64)[0], cutter(scaled(16, arguments.scale), 17, 128)[0]]
    way, found = fastest(parts.inflated(parts.autoencoder()).to(clips.device), batches)
    log(stage="way", way=way, found=found)
    return way


def the_autoencoder(
    arguments: argparse.Namespace, clips: Clips, way: str, clock: Clock, log: Log
) -> AutoencoderKLWan:
    """Trains it, or reads the one that is finished; as it will be loaded, in half precision once."""
    weights: Path = arguments.out / "weights"
    finished = arguments.start or (weights if arguments.resume else None)
    if finished and (finished / "vae.safetensors").exists():
        vae = save.autoencoder(finished)
    else:
        vae = trained(clips, way, arguments.vae, arguments.scale, clock, log)
        vae = with_statistics(vae, clips.frames[: min(clips.count, clips.room, MEASURED)])
    save.saved_autoencoder(vae, weights)
    return save.autoencoder(weights)


def train(
    arguments: argparse.Namespace, run: Run, store: Store, reports: Reports, clock: Clock, log: Log
) -> None:
    """The transformer; each minute its weights are written, halfway and at the end it is measured."""
    store.fill(arguments.first, arguments.encoded)
    log(stage="encoded", encoded=store.count, seconds_a_clip=store.seconds)
    weights, size, told = arguments.out / "weights", (arguments.layers, arguments.heads), False

    def each_minute(done: float) -> None:
        nonlocal told
        save.saved_rest(run.average, weights)
        run.save(arguments.out)
        if done > 0.5 and not told:
            told = True
            reports.samples(run.average, size, "halfway", arguments.samples // 4, propagated=False)

    plan = flow.Plan(
        until=clock.total - arguments.measuring,
        clips=scaled(arguments.clips, arguments.scale),
        frames=scaled(arguments.frames, arguments.scale),
        stills=arguments.stills,
        places=arguments.places,
        encoded=arguments.encoded,
        share=arguments.share,
    )
    flow.trained(run, store, plan, clock, log, each_minute)
    save.saved_rest(run.average, weights)
    if run.step:
        run.save(arguments.out)
    if clock.left > 0:
        reports.samples(run.average, size, "end", arguments.samples, propagated=True)
    log(stage="end")


def started_trial(arguments: argparse.Namespace) -> subprocess.Popen[bytes] | None:
    """Looks, beside the autoencoder's training, whether compiling is right and worth it."""
    if not arguments.compile:
        return None
    answer: Path = arguments.out / "trial.json"
    answer.unlink(missing_ok=True)
    command = [sys.executable, HERE / "trial.py", answer, "--device", arguments.device]
    command += ["--clips", scaled(arguments.clips, arguments.scale)]
    command += ["--frames", scaled(arguments.frames, arguments.scale)]
    with (arguments.out / "trial.log").open("w") as log:
        return subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)


def compiles(trial: subprocess.Popen[bytes] | None, arguments: argparse.Namespace, log: Log) -> bool:
    """The trial's answer; no answer in time is a no."""
    if trial is None:
        return False
    try:
        trial.wait(timeout=arguments.patience)
    except subprocess.TimeoutExpired:
        trial.kill()
    answer: Path = arguments.out / "trial.json"
    found = json.loads(answer.read_text()) if answer.exists() else {"good": False}
    log(stage="trial", **found)
    return found["good"]


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for all that is made")
    parser.add_argument("--total", type=float, default=690, help="seconds, all in all")
    parser.add_argument(
        "--vae", type=float, default=170, help="the second at which the autoencoder is finished"
    )
    parser.add_argument("--measuring", type=float, default=30, help="seconds for measuring at the end")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--workers", type=int, default=14, help="processes that render")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scale", type=float, default=1.0, help="of all batches; small for a trial")
    parser.add_argument("--clips", type=int, default=256, help="clips in a batch")
    parser.add_argument("--frames", type=int, default=768, help="single frames in a batch")
    parser.add_argument("--encoded", type=int, default=32, help="clips to encode at a time")
    parser.add_argument(
        "--first", type=int, default=2048, help="clips to encode before the transformer's first step"
    )
    parser.add_argument("--stills", type=float, default=0.3, help="share of the time for single frames only")
    parser.add_argument(
        "--places", type=float, default=0.003, help="weight of the loss that puts words in their places"
    )
    parser.add_argument(
        "--share", type=float, default=0.15, help="of the time, for encoding clips as they come"
    )
    parser.add_argument("--rate", type=float, default=8e-4)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--room", type=int, default=12_288, help="clips whose pixels lie on the device")
    parser.add_argument("--kept", type=int, default=16_384, help="clips whose files are kept")
    parser.add_argument("--most", type=int, default=49_152, help="clips in all")
    parser.add_argument("--held", type=int, default=48, help="held-out clips to measure with")
    parser.add_argument("--samples", type=int, default=200, help="held-out captions to sample at the end")
    parser.add_argument("--way", choices=WAYS, help="through the autoencoder; tried if not given")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument(
        "--patience", type=float, default=15, help="seconds to wait for the trial of compiling"
    )
    parser.add_argument("--start", type=Path, help="folder `weights` of an earlier run to begin from")
    parser.add_argument("--resume", action="store_true", help="go on from the state in OUT")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
