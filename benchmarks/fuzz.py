"""Reads thousands of damaged files: no traceback, no crash, none above ten seconds, none above two gigabytes.

    python -m benchmarks.fuzz [--files 3000] [--first 0] [--kinds a.mp4 recipe.json]

Each batch runs in a process for itself, with bounds on its memory, so that a crash of a library is a finding
like others. What is found is printed with the number that makes the file again: `damaged(seed, number)`.
"""

import argparse
import json
import logging
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

MOST_SECONDS, MOST_MEGABYTES = 10, 2000
BATCH = 100
"""Files a process; further ones would hide how much memory one takes."""
ROOM = 6 << 30
"""Address space of a process, of which the libraries take the greater part."""


def main() -> None:
    """Runs the batches and prints what is found; ends with 1 if anything is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=3000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", default=[])
    parser.add_argument("--batch", type=int, default=None, help=argparse.SUPPRESS)
    job = parser.parse_args()
    if job.batch is not None:
        batch(job.first, job.batch, job.kinds)
        return
    found = tried = 0
    began = time.monotonic()
    for first in range(job.first, job.first + job.files, BATCH):
        for line in run(first, min(BATCH, job.first + job.files - first), job.kinds):
            tried += "tried" in line
            if "said" in line:
                found += 1
                print(f"{line['name']} {line['number']}: {line['said']}", flush=True)
    print(f"{tried} files in {time.monotonic() - began:.0f} s: {found} findings")
    sys.exit(bool(found))


def run(first: int, count: int, kinds: list[str]) -> list[dict[str, object]]:
    """A batch in a process; where it dies, it is gone on with after the file that it died of."""
    lines: list[dict[str, object]] = []
    while count > 0:
        command = [sys.executable, "-m", "benchmarks.fuzz", "--first", str(first), "--batch", str(count)]
        done = subprocess.run([*command, "--kinds", *kinds], stdout=subprocess.PIPE, text=True, check=False)
        got = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        lines += [line for line in got if "trying" not in line]
        if done.returncode == 0:
            return lines
        last = next(
            (line for line in reversed(got) if "trying" in line), {"trying": "nothing", "number": first}
        )
        lines.append(
            {"name": last["trying"], "number": last["number"], "said": f"ended with {done.returncode}"}
        )
        number = int(str(last["number"])) + 1
        count, first = count - (number - first), number
    return lines


def batch(first: int, count: int, kinds: list[str]) -> None:
    """Reads files here, and prints a line of JSON for each."""
    from tests.fuzz.damage import damaged, impolite, seeds

    logging.getLogger("rescene").setLevel(logging.CRITICAL)
    logging.getLogger("libav").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        files = {name: content for name, content in seeds(place).items() if not kinds or name in kinds}
        names = sorted(files)
        for number in range(first, first + count):
            name = names[number % len(names)]
            print(json.dumps({"trying": name, "number": number}), flush=True)
            (place / name).write_bytes(damaged(files[name], number))
            before, began = peak(), time.process_time()
            said = impolite(place / name)
            seconds, megabytes = time.process_time() - began, peak() - before
            if said is None and seconds > MOST_SECONDS:
                said = f"takes {seconds:.0f} s"
            if said is None and megabytes > MOST_MEGABYTES:
                said = f"takes {megabytes} MB"
            line = {
                "tried": True,
                "name": name,
                "number": number,
                "seconds": round(seconds, 2),
                "mb": megabytes,
            }
            print(json.dumps(line | ({"said": said} if said else {})), flush=True)


def peak() -> int:
    """Megabytes that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    main()
