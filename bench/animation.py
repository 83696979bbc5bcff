#!/usr/bin/env python3
"""Compares animated thumbnails (`ANIMATION=keep`) with those of sharp with `{animated: true}`. Both take turns on one core.

`make bench-animation` builds and installs everything that this program needs, and runs it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import figures
import machine
from contestants import Contestant, Failed, Programs, first_time
from run import ROUND_MS, ROUNDS, measure

NAMES = ["animated", "ours"]
TITLES = {
    "gif-animation.gif": "GIF, a pan",
    "gif-sticker.gif": "GIF, a sticker over a photo",
    "gif-recording.gif": "GIF, a screen recording",
    "webp-animation.webp": "WebP, a pan",
    "webp-sticker.webp": "WebP, a sticker over a photo",
    "webp-recording.webp": "WebP, a screen recording",
}
WIDTHS = ["100", "300", "500"]
# The goals: the least ratio of sharp's time to ours, and the greatest ratio of our memory to sharp's.
TIMES, MEMORY = 3.0, 0.25
FILES = ("animation.json", "animation.md")


def judge(programs: Programs, judge_program: Path, file: Path) -> dict:
    """Returns the judge's results for the thumbnails of both contestants, and the memory that each contestant needed."""
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: Path(scratch) / name for name in NAMES}
        memory = {name: first_time(programs, name, file, folder) for name, folder in folders.items()}
        if file.suffix == ".webp":
            with Contestant(programs, "ours") as ours:
                ours.curve(file, folders["ours"])
        answer = subprocess.run([judge_program, file, *folders.values()], stdout=subprocess.PIPE, text=True)
        if answer.returncode:
            raise Failed(f"the judge gave up on {file}; its message is above")
        judged = json.loads(answer.stdout)
        made = {name: judged["folders"][str(folder)] for name, folder in folders.items()}
    contestants = {name: {width: rounded(files[width]) for width in WIDTHS} for name, files in made.items()}
    for width in WIDTHS:
        curve = [point for name, point in made["ours"].items() if name.startswith(f"{width}.")]
        rival = contestants["animated"][width]
        rival["ours_bytes"] = figures.between(curve, "file", rival["file"], "bytes") if curve else None
    return {"frames": judged["frames"], "contestants": contestants, "memory_mib": memory}


def rounded(judged: dict) -> dict:
    return {name: round(value, 5) if isinstance(value, float) else value for name, value in judged.items()}


def measure_class(arguments: argparse.Namespace, programs: Programs, name: str) -> dict:
    file = arguments.images / name
    rounds, _ = measure(programs, [file], arguments.rounds, ROUND_MS, NAMES)
    return {"class": TITLES[name]} | judge(programs, arguments.judge, file) | figures.over_rounds(rounds)


def bytes_ratio(measured: dict, width: str) -> float:
    """Returns our bytes divided by sharp's, at equal SSIM if the format has a quality setting."""
    sharp = measured["contestants"]["animated"][width]
    return (sharp["ours_bytes"] or measured["contestants"]["ours"][width]["bytes"]) / sharp["bytes"]


def memory_ratio(measured: dict) -> float:
    return measured["memory_mib"]["ours"]["peak"] / measured["memory_mib"]["animated"]["peak"]


def goals(results: dict) -> list[str]:
    """Returns a sentence for each goal, which says whether it is reached."""
    found = []
    for measured in results["classes"]:
        times, memory = measured["times"]["animated"], memory_ratio(measured)
        said = [(times >= TIMES, f"{times:.1f} times sharp's speed, at least {TIMES:.0f}"), (memory <= MEMORY, f"{memory:.2f} of sharp's memory, at most {MEMORY}")]
        for width in WIDTHS:
            ratio = bytes_ratio(measured, width)
            lead = measured["contestants"]["ours"][width]["file"] - measured["contestants"]["animated"][width]["file"]
            equal = measured["contestants"]["animated"][width]["ours_bytes"] is not None
            look = "at equal SSIM" if equal else f"at an SSIM that is {lead:+.4f}"
            reached = ratio <= 1 and (equal or lead >= -figures.SSIM_MARGIN)
            said.append((reached, f"{ratio:.2f} of sharp's bytes {look}, at most 1, {width} px"))
        found += [f"{'reached' if reached else 'missed'}: {measured['class']}: {text}" for reached, text in said]
    return found


def markdown(results: dict) -> str:
    about = results["machine"]
    lines = [
        "# Thumbnails that move",
        "",
        f"Written by `make bench-animation` on {about['date']}: {about['processor']}, {about['architecture']}. `ANIMATION=keep` against sharp"
        f" {results['versions']['sharp']} with `{{ animated: true }}`, both on one core, alternating; medians. Three thumbnails of each"
        " source, 100, 300 and 500 pixels wide, in its format.",
        "",
        "| source | sharp, ms | this, ms | times faster | sharp, MiB | this, MiB | bytes, 100 / 300 / 500 px ¹ |",
        "|---|---|---|---|---|---|---|",
    ]
    for measured in results["classes"]:
        medians, memory = measured["medians"], measured["memory_mib"]
        sizes = " / ".join(f"{bytes_ratio(measured, width):.2f}" for width in WIDTHS)
        lines.append(
            f"| {measured['class']} | {medians['animated']['cpu_ms']:.0f} | {medians['ours']['cpu_ms']:.0f} | **{measured['times']['animated']:.1f}**"
            f" | {memory['animated']['peak']:.0f} | {memory['ours']['peak']:.0f} | {sizes} |"
        )
    lines += [
        "",
        "¹ This divided by sharp. WebP at equal SSIM; GIF, which has no quality setting, as it is.",
        "",
        "How near the thumbnails come to their source, as means over all frames. SSIM and SSIMULACRA2: more is better. Flicker: how far the"
        " change from a frame to the next is from the source's, in levels of 255; less is better.",
        "",
        "| source, width | SSIM: sharp, this | SSIMULACRA2: sharp, this | flicker: sharp, this | bytes: sharp, this |",
        "|---|---|---|---|---|",
    ]
    for measured in results["classes"]:
        for width in WIDTHS:
            pair = [measured["contestants"][name][width] for name in NAMES]
            cells = [", ".join(form.format(one[what]) for one in pair) for what, form in (("file", "{:.4f}"), ("ssimulacra2", "{:.1f}"), ("flicker", "{:.2f}"), ("bytes", "{:,}"))]
            lines.append(f"| {measured['class']}, {width} px | {' | '.join(cells)} |")
    return "\n".join(lines + ["", *(f"- {line}" for line in goals(results)), ""])


def run(arguments: argparse.Namespace) -> dict:
    programs = Programs(ours=arguments.ours.resolve(), node=arguments.node.resolve(), keep=True)
    programs.prepare()
    results = {"machine": machine.describe(), "versions": machine.versions(programs)}
    results["classes"] = [measure_class(arguments, programs, name) for name in TITLES]
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", type=Path, required=True, help="the contestant built from ours/")
    parser.add_argument("--judge", type=Path, required=True, help="the program judge-animation built from judge/")
    parser.add_argument("--node", type=Path, required=True, help="folder where package.json is installed")
    parser.add_argument("--images", type=Path, required=True, help="folder with the images to measure")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"alternating rounds (default: {ROUNDS})")
    arguments = parser.parse_args()
    try:
        results = run(arguments)
    except (Failed, OSError) as error:
        sys.exit(f"bench: {error}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, text in zip(FILES, (json.dumps(results, indent=1) + "\n", markdown(results)), strict=True):
        (arguments.out / name).write_text(text)
    print(markdown(results))


if __name__ == "__main__":
    main()
