#!/usr/bin/env python3
"""Measures this pipeline and sharp in alternating rounds on one core, and writes the results.

`make bench` builds and installs everything that is needed, and runs this program.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import coldstart
import decoders
import figures
import machine
import report
import waiting
from contestants import MOZJPEG, NAMES, Contestant, Failed, Programs, first_time

# The processor time of a round, in milliseconds. A contestant repeats a picture as often as fits into it, but at least once.
ROUND_MS, QUICK_ROUND_MS = 150, 40
ROUNDS, QUICK_ROUNDS = 9, 3

# The titles of the classes, by the name of the file without its extension.
TITLES = {
    "jpeg-12mp": "JPEG, 12 MP",
    "jpeg-12mp-portrait": "JPEG, 12 MP, portrait",
    "jpeg-12mp-orientation-6": "JPEG, 12 MP, orientation 6",
    "jpeg-12mp-422": "JPEG, 12 MP, 4:2:2",
    "jpeg-12mp-progressive": "JPEG, 12 MP, progressive",
    "jpeg-2mp": "JPEG, 2 MP",
    "jpeg-0.3mp": "JPEG, 0.3 MP",
    "jpeg-50mp": "JPEG, 50 MP",
    "png-photo-6mp": "PNG, photo, 6 MP",
    "png-screenshot": "PNG, screenshot, 5 MP",
    "webp-lossy-12mp": "WebP, lossy, 12 MP",
    "webp-lossless-6mp": "WebP, lossless, 6 MP",
    "gif-photo": "GIF, photo, 1.2 MP",
    "gif-animation": "GIF, animation, 0.3 MP",
    "avif-12mp": "AVIF, 12 MP",
}

# The judge cannot read these files, and reads the same picture in another format instead.
STAND_INS = {"avif-12mp.avif": "jpeg-12mp.jpg"}


def classes(images: Path, camera: Path | None) -> Iterator[tuple[str, list[Path]]]:
    """Yields the title and the files of each class."""
    files = sorted(path for path in images.iterdir() if path.is_file() and not path.name.startswith("."))
    if not files:
        raise Failed(f"{images} has no files: name a folder with images")
    known = [path for title in TITLES for path in files if path.stem == title]
    for path in known or files:
        yield TITLES.get(path.stem, path.name), [path]
    photos = sorted(camera.glob("*.jpg")) if known and camera and camera.is_dir() else []
    if photos:
        yield f"JPEG, {len(photos)} photos from cameras", photos


def measure(
    programs: Programs, files: list[Path], rounds: int, round_ms: float, names: list[str] = NAMES
) -> tuple[list[dict], dict[str, int]]:
    """Measures contestants. Returns for each round the cost of a picture by contestant, and the bytes of each contestant's thumbnails."""
    with contextlib.ExitStack() as stack:
        running = {name: stack.enter_context(Contestant(programs, name)) for name in names}
        bytes_made, counts = {}, {}
        for name, contestant in running.items():
            # The first call warms up, and determines how often a picture is repeated in a round.
            first = [contestant.make(file, 1) for file in files]
            bytes_made[name] = sum(made for _, made in first)
            counts[name] = max(1, min(100, round(round_ms / sum(cost.cpu_ms for cost, _ in first))))
        measured = []
        for number in range(rounds):
            # Each contestant goes first equally often.
            order = names[number % len(names) :] + names[: number % len(names)]
            costs = {name: [running[name].make(file, counts[name])[0] for file in files] for name in order}
            measured.append(
                {
                    name: {
                        "cpu_ms": round(statistics.mean(cost.cpu_ms for cost in costs[name]), 3),
                        "wall_ms": round(statistics.mean(cost.wall_ms for cost in costs[name]), 3),
                    }
                    for name in names
                }
            )
        return measured, bytes_made


def judge(programs: Programs, judge_program: Path, file: Path) -> dict:
    """Measures the quality of each contestant's thumbnails of a source, and the memory that making them takes."""
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: Path(scratch) / name for name in NAMES}
        memory = {name: first_time(programs, name, file, folder) for name, folder in folders.items()}
        with Contestant(programs, "ours") as ours:
            ours.curve(file, folders["ours"])
        if file.suffix.lower() in (".jpg", ".jpeg"):
            folders[MOZJPEG] = Path(scratch) / MOZJPEG
            with Contestant(programs, MOZJPEG) as contestant:
                contestant.dump(file, folders[MOZJPEG])
        source = file.with_name(STAND_INS.get(file.name, file.name))
        answer = subprocess.run([judge_program, source, *folders.values()], stdout=subprocess.PIPE, text=True)
        if answer.returncode:
            raise Failed(f"the judge failed on {file}; its message is above")
        judged = json.loads(answer.stdout)
        judged["contestants"] = {name: judged["folders"][str(folder)] for name, folder in folders.items()}
        del judged["folders"]
        figures.add_equals(judged["contestants"])
        return judged | {"name": file.name, "bytes": file.stat().st_size, "memory_mib": memory}


def measure_class(arguments: argparse.Namespace, programs: Programs, title: str, files: list[Path]) -> dict:
    rounds, made = measure(programs, files, arguments.rounds, QUICK_ROUND_MS if arguments.quick else ROUND_MS)
    judged = [judge(programs, arguments.judge, file) for file in files]
    return {"class": title, "files": judged, "bytes": made} | figures.over_rounds(rounds)


def measure_starts(arguments: argparse.Namespace, programs: Programs) -> dict:
    """Measures cold starts and the sizes of the zips."""
    commands = {"node": coldstart.node_command(programs.node)}
    if arguments.function:
        commands["ours"] = [str(arguments.function.resolve())]
    commands = {name: command for name, command in commands.items() if command}
    for name, command in commands.items():  # fills the page cache
        coldstart.start(command, programs.node, "handler.handler")
    rounds = []
    for _ in range(arguments.rounds):
        rounds.append({})
        for name, command in commands.items():
            cost, memory = coldstart.start(command, programs.node, "handler.handler")
            rounds[-1][name] = asdict(cost) | {"memory_mib": memory}
    zips = {"node": coldstart.zip_size(coldstart.node_entries(programs.node))}
    if arguments.function:
        zips["ours"] = coldstart.zip_size({"bootstrap": arguments.function})
    return {"starts": figures.over_rounds(rounds, "wall_ms"), "zip_bytes": zips}


def measure_waiting(arguments: argparse.Namespace) -> dict:
    """Measures how long image-processor waits for the local S3."""
    file = arguments.images / "jpeg-12mp.jpg"
    if not (arguments.function and arguments.local and file.exists()):
        print("left out", flush=True)
        return {}
    measured = waiting.measure(arguments.function.resolve(), arguments.local.resolve(), file)
    print(f"{measured['local_ms']:.1f} ms", flush=True)
    return {"waiting": measured}


def measure_decoders(arguments: argparse.Namespace) -> list[dict]:
    """Measures scaled-jpeg beside libjpeg-turbo, if libjpeg-turbo was built."""
    if not arguments.decoders or not arguments.decoders.exists():
        print("left out: libjpeg-turbo is not built; a message above says what is missing", flush=True)
        return []
    files = [arguments.images / "jpeg-12mp.jpg"]
    if not files[0].exists():
        files = sorted(path for path in arguments.images.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))[:3]
    if arguments.camera and arguments.camera.is_dir():
        files += sorted(arguments.camera.glob("*.jpg"))
    try:
        measured = decoders.measure(arguments.decoders, files, 1 if arguments.quick else arguments.rounds) if files else []
    except Failed as error:
        if arguments.readme:
            raise
        print(f"left out: {error}", flush=True)
        return []
    quarter = decoders.at({"decoders": measured}, "baseline", 2)
    said = f"{min(map(decoders.times, quarter)):.1f} times libjpeg-turbo's speed at 1/4" if quarter else "left out: there is no JPEG"
    print(said, flush=True)
    return measured


def run(arguments: argparse.Namespace) -> dict:
    programs = Programs(ours=arguments.ours.resolve(), node=arguments.node.resolve())
    programs.prepare()
    chosen = list(classes(arguments.images, arguments.camera))
    results = {"machine": machine.describe(), "versions": machine.versions(programs), "quick": arguments.quick, "classes": []}
    began = time.monotonic()
    steps = len(chosen) + 3
    for number, (title, files) in enumerate(chosen, 1):
        print(f"[{number}/{steps}] {title:30}", end="", flush=True)
        try:
            measured = measure_class(arguments, programs, title, files)
        except Failed as error:
            if arguments.readme:
                raise
            print(f"left out: {error}", flush=True)
            continue
        results["classes"].append(measured)
        print(report.one_line(measured), flush=True)
    if not results["classes"]:
        raise Failed(f"none of the files in {arguments.images} could be measured")
    print(f"[{steps - 2}/{steps}] {'scaled-jpeg':30}", end="", flush=True)
    results["decoders"] = measure_decoders(arguments)
    print(f"[{steps - 1}/{steps}] {'waiting for the local S3':30}", end="", flush=True)
    results |= measure_waiting(arguments)
    print(f"[{steps}/{steps}] {'cold start':30}", end="", flush=True)
    results |= measure_starts(arguments, programs)
    print(report.start_line(results))
    print(f"measured in {time.monotonic() - began:.0f} s")
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", type=Path, required=True, help="the contestant built from ours/")
    parser.add_argument("--judge", type=Path, required=True, help="the program built from judge/")
    parser.add_argument("--function", type=Path, help="image-processor, for the cold start")
    parser.add_argument("--local", type=Path, help="the local stack, to measure how long image-processor waits for S3 (default: not measured)")
    parser.add_argument("--decoders", type=Path, help="the program built from jpeg/ (default: scaled-jpeg is not measured)")
    parser.add_argument("--node", type=Path, required=True, help="folder in which package.json is installed")
    parser.add_argument("--images", type=Path, required=True, help="folder with the images to measure")
    parser.add_argument("--camera", type=Path, help="folder with further JPEGs, which are measured as one class; it need not exist")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--readme", type=Path, help="the README to update with the results")
    parser.add_argument("--rounds", type=int, help=f"alternating rounds (default: {ROUNDS}, or {QUICK_ROUNDS} with --quick)")
    parser.add_argument("--quick", action="store_true", help="shorter and fewer rounds")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (QUICK_ROUNDS if arguments.quick else ROUNDS)
    try:
        results = run(arguments)
    except (Failed, OSError) as error:
        sys.exit(f"\nbench: {error}")
    report.write(results, arguments.out, arguments.readme)
    print("\n" + report.markdown(results))
    print("\n".join(report.goals(results)))
    print(f"\nwritten: {', '.join(str(arguments.out / name) for name in report.FILES)}")


if __name__ == "__main__":
    main()
