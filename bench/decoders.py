"""scaled-jpeg beside libjpeg-turbo, by the program in jpeg/: which files it measures, and what its figures come to."""

import json
import os
import statistics
import subprocess
from pathlib import Path

from contestants import Failed, pin

CODINGS = ("baseline", "progressive", "progressive, bounded")

# How many times faster ours shall be, at least, by coding and eighths.
GOALS = {
    ("baseline", 1): 1.8,
    ("baseline", 2): 1.6,
    ("baseline", 3): 1.25,
    ("baseline", 8): 1.0,
    ("progressive", 1): 20,
    ("progressive", 2): 1.4,
    ("progressive, bounded", 1): 20,
    ("progressive, bounded", 2): 2.8,
}


def measure(program: Path, files: list[Path], rounds: int) -> list[dict]:
    """Milliseconds of the processor in each round, by file, coding and scale."""
    environment = os.environ | {"JSON": "1", "ROUNDS": str(rounds)}
    answer = subprocess.run(
        [program.resolve(), "speed", *files], stdout=subprocess.PIPE, text=True, env=environment, preexec_fn=pin
    )
    if answer.returncode:
        raise Failed(f"{program} gave up; its message is above")
    return json.loads(answer.stdout)


def times(measured: dict) -> float:
    """How many times faster ours is: the median of each round's ratio, for what disturbs a round disturbs all of it."""
    return statistics.median(turbo / ours for turbo, ours in zip(measured["turbo"], measured["ours"], strict=True))


def at(results: dict, coding: str, eighths: int) -> list[dict]:
    """Of every file."""
    return [one for one in results.get("decoders", []) if (one["coding"], one["eighths"]) == (coding, eighths)]


def scales(results: dict) -> list[int]:
    return sorted({one["eighths"] for one in results.get("decoders", [])})


def mean_ms(found: list[dict], whose: str) -> float:
    return statistics.mean(statistics.median(one[whose]) for one in found)
