"""Measures scaled-jpeg against libjpeg-turbo by the program in jpeg/, and summarises its figures."""

import json
import os
import statistics
import subprocess
from pathlib import Path

from contestants import Failed, pin

CODINGS = ("baseline", "progressive", "progressive, bounded")

# The goals: how many times faster than libjpeg-turbo scaled-jpeg must be, by coding and eighths of the full size.
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
    """The median processor time in milliseconds, and how many times faster ours is, by file, coding and scale."""
    environment = os.environ | {"JSON": "1", "ROUNDS": str(rounds)}
    answer = subprocess.run(
        [program.resolve(), "speed", *files], stdout=subprocess.PIPE, text=True, env=environment, preexec_fn=pin
    )
    if answer.returncode:
        raise Failed(f"{program} failed; its message is above")
    return [over_rounds(one) for one in json.loads(answer.stdout)]


def over_rounds(measured: dict) -> dict:
    """The medians over rounds. The ratio is the median of the rounds' ratios, because a disturbance of a round slows both alike."""
    ratios = [turbo / ours for turbo, ours in zip(measured["turbo"], measured["ours"], strict=True)]
    medians = {name: round(statistics.median(measured[name]), 3) for name in ("ours", "turbo")}
    return measured | medians | {"times": round(statistics.median(ratios), 4)}


def times(measured: dict) -> float:
    """How many times faster ours is."""
    return measured["times"]


def at(results: dict, coding: str, eighths: int) -> list[dict]:
    """The figures of every file at one coding and scale."""
    return [one for one in results.get("decoders", []) if (one["coding"], one["eighths"]) == (coding, eighths)]


def scales(results: dict) -> list[int]:
    return sorted({one["eighths"] for one in results.get("decoders", [])})


def mean_ms(found: list[dict], whose: str) -> float:
    return statistics.mean(one[whose] for one in found)
