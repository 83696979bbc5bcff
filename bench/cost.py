#!/usr/bin/env python3
"""Computes what a million photos cost on AWS, for this pipeline and for the Node.js functions with sharp that it replaces, each with its default deployment.

`cost.py` prints the tables for the committed results. Prices are the list prices of us-east-1 in US dollars, without the free tier.
https://aws.amazon.com/lambda/pricing/ https://aws.amazon.com/s3/pricing/
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import figures

ROOT = Path(__file__).resolve().parents[1]

GB_SECOND = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
MILLION_INVOCATIONS = 0.20
MILLION_PUTS, MILLION_READS = 5.00, 0.40
# Lambda gives a function of this memory one whole processor, and a smaller function a proportional share.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
ONE_PROCESSOR_MIB = 1769
# Assumptions for both pipelines: how long image-processor waits for S3, and how long upload-handler runs.
WAIT_MS, HANDLER_MS = 60, 50
# The class of images whose costs the README names.
COST_CLASS = "JPEG, 12 MP"
# The share of each class of images in the camera roll of a phone (an assumption).
CAMERA_ROLL = {
    "JPEG, 12 MP": 0.4,
    "JPEG, 12 MP, orientation 6": 0.3,
    "JPEG, 50 MP": 0.05,
    "JPEG, 2 MP": 0.1,
    "PNG, screenshot, 5 MP": 0.15,
}
# The memory sizes that are compared.
MEMORIES_MIB = (256, 512, 768, 1024, 1769)


@dataclass(frozen=True)
class Deployment:
    """The default deployment of a pipeline, and its S3 requests per photo."""

    title: str
    contestant: str
    architecture: str
    memory_mib: int
    handler_mib: int
    puts: int
    reads: int


@dataclass(frozen=True)
class Line:
    """A line of the bill for a million photos."""

    what: str
    arithmetic: str
    dollars: float


def ours() -> Deployment:
    """The defaults of template.yaml. The two reads per photo are the GET of the source and the HEAD that confirms it."""
    text = (ROOT / "template.yaml").read_text()

    def default(parameter: str) -> str:
        found = re.search(rf"^  {parameter}:\n(?:    .*\n)*?    Default: (\S+)$", text, re.MULTILINE)
        if not found:
            raise ValueError(f"template.yaml has no default of {parameter}")
        return found[1]

    memories = (int(default(f"{function}Memory")) for function in ("ImageProcessor", "UploadHandler"))
    return Deployment("ours", "ours", default("Architecture"), *memories, puts=3, reads=2)


def article() -> Deployment:
    """The defaults of the Serverless Framework: 1,024 MB for each function, and x86-64."""
    return Deployment("sharp", "article", "x86_64", 1024, 1024, puts=3, reads=1)


def billed_ms(cpu_ms: float, memory_mib: int, wait_ms: float = WAIT_MS) -> float:
    return cpu_ms * max(1, ONE_PROCESSOR_MIB / memory_mib) + wait_ms


def gb_seconds(cpu_ms: float, memory_mib: int, wait_ms: float) -> float:
    """GB-seconds of a thousand photos."""
    return billed_ms(cpu_ms, memory_mib, wait_ms) * memory_mib / 1024


def bill(measured: dict, by: Deployment) -> list[Line]:
    """The lines for Lambda and S3."""
    price = GB_SECOND[by.architecture]

    def function(what: str, milliseconds: float, memory_mib: int, why: str) -> Line:
        arithmetic = f"10⁶ × {milliseconds / 1000:.3f} s ({why}) × {memory_mib}/1024 GB × {price:.10f} per GB-s"
        return Line(what, arithmetic, 1e3 * milliseconds * memory_mib / 1024 * price)

    cpu_ms = figures.cpu_ms(measured, by.contestant)
    share = max(1, ONE_PROCESSOR_MIB / by.memory_mib)
    why = f"{cpu_ms:.1f} ms" + (f" × {share:.2f}" if share > 1 else "") + f" measured, {WAIT_MS} ms of waiting for S3 assumed"
    invocations = Line("invocations", f"2 × 10⁶ × {MILLION_INVOCATIONS:.2f} per million", 2 * MILLION_INVOCATIONS)
    read = "source read, and looked at again" if by.reads > 1 else "source read"
    return [
        function("image-processor", billed_ms(cpu_ms, by.memory_mib), by.memory_mib, why),
        function("upload-handler", HANDLER_MS, by.handler_mib, "assumed"),
        invocations,
        Line("S3: thumbnails written", f"{by.puts} × 10⁶ × {MILLION_PUTS:.2f} per million", by.puts * MILLION_PUTS),
        Line(f"S3: {read}", f"{by.reads} × 10⁶ × {MILLION_READS:.2f} per million", by.reads * MILLION_READS),
    ]


def total(lines: list[Line]) -> float:
    """The sum of the lines as shown, each rounded to cents, so that the table adds up."""
    return sum(round(line.dollars, 2) for line in lines)


def of_class(results: dict, name: str) -> dict | None:
    return next((measured for measured in results["classes"] if measured["class"] == name), None)


def markdown(results: dict) -> str:
    """The costs as a section of results.md."""
    measured = of_class(results, COST_CLASS)
    if measured is None:
        return ""
    rows = []
    for by in (article(), ours()):
        lines = bill(measured, by)
        rows.append(
            f"| {by.title} | {by.architecture} | {by.memory_mib} | {billed_ms(figures.cpu_ms(measured, by.contestant), by.memory_mib):.0f} "
            f"| {total(lines[:3]):.2f} | {total(lines[3:]):.2f} | {total(lines):.2f} |"
        )
    head = f"| a million of {COST_CLASS} | processor | memory, MiB | billed, ms | Lambda, $ | S3's requests, $ | together, $ |\n|---|---|--:|--:|--:|--:|--:|\n"
    notes = (
        f"Each by the defaults of its deployment, the first function included. Processor time is measured on {results['machine']['architecture']}, "
        f"of a function with less than {ONE_PROCESSOR_MIB} MiB as if it had that part of a processor; {WAIT_MS} ms of waiting for S3 are assumed. "
        "docs/operations.md has the arithmetic, and what logs and traces cost."
    )
    return "\n\n".join([head + "\n".join(rows), notes, *weighed(results)])


def waits(results: dict) -> dict[str, float]:
    """Milliseconds that image-processor waits for S3, by the source of the figure."""
    measured = results.get("waiting")
    return ({"the local server, measured": measured["local_ms"]} if measured else {}) | {"S3, assumed": WAIT_MS}


def roll_ms(results: dict) -> float | None:
    """The mean processor time of a picture in the camera roll, or None if a class was not measured."""
    found = {name: of_class(results, name) for name in CAMERA_ROLL}
    return None if None in found.values() else sum(share * figures.cpu_ms(found[name], "ours") for name, share in CAMERA_ROLL.items())


def slow(results: dict, memory_mib: int) -> list[str]:
    """The 12-megapixel classes that take a second or longer with this memory. AVIF is left out: it takes longer with any memory."""
    classes = [measured for measured in results["classes"] if "12 MP" in measured["class"] and "AVIF" not in measured["class"]]
    return [measured["class"] for measured in classes if billed_ms(figures.cpu_ms(measured, "ours"), memory_mib) >= 1000]


def needed_mib() -> dict[str, int]:
    """The memory that each kind of 24-megapixel source needs, read from docs/operations.md. Tests of `thumbnail` check that table. Rare kinds,
    which the table has in brackets, are left out."""
    rows = re.findall(r"^\| (.+?) \| [\d,]+ \| ([\d,]+) \| [\d,]+ \| [\d,]+ \|$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    return {kind: int(megabytes.replace(",", "")) for kind, megabytes in rows if not kind.startswith("(")}


def cheapest(results: dict) -> int | None:
    """The cheapest memory for the camera roll that is fast enough (`slow`) and admits every kind of 24-megapixel source (`needed_mib`)."""
    cpu_ms, most = roll_ms(results), max(needed_mib().values())
    fit = [memory for memory in MEMORIES_MIB if memory >= most and not slow(results, memory)]
    return None if cpu_ms is None or not fit else min(fit, key=lambda memory: gb_seconds(cpu_ms, memory, WAIT_MS))


def weighed(results: dict) -> list[str]:
    """The billed GB-seconds at each memory size, and why the default is what it is."""
    rows = []
    twelve = of_class(results, COST_CLASS)
    for name, cpu_ms in ((COST_CLASS, figures.cpu_ms(twelve, "ours")), ("camera roll", roll_ms(results))):
        for where, wait_ms in waits(results).items() if cpu_ms is not None else ():
            cells = (f"{gb_seconds(cpu_ms, memory, wait_ms):.0f} ({billed_ms(cpu_ms, memory, wait_ms):.0f} ms)" for memory in MEMORIES_MIB)
            rows.append(f"| {name} | {where}: {wait_ms:.0f} | {' | '.join(cells)} |")
    head = f"| ours, GB-seconds for a thousand | waiting, ms | {' | '.join(f'{memory} MiB' for memory in MEMORIES_MIB)} |\n|---|--:|{'--:|' * len(MEMORIES_MIB)}\n"
    mix = ", ".join(f"{share:.0%} {name}" for name, share in CAMERA_ROLL.items())
    kinds = needed_mib()
    heaviest = max(kinds, key=kinds.get)
    notes = (
        f"Camera roll: {mix}. Computed from processor time, of which a function has {ONE_PROCESSOR_MIB} MiB's part: less memory costs less while it "
        f"waits, and nothing more while it works. The templates' default, {ours().memory_mib} MiB, is the cheapest of these that keeps each class of 12 "
        f"megapixels but AVIF under a second and lets sources of 24 megapixels in whatever their format: of these {heaviest} needs most, {kinds[heaviest]} MiB."
    )
    return [head + "\n".join(rows), notes]


def sentence(results: dict) -> str:
    """The costs as a sentence of the README."""
    measured = of_class(results, COST_CLASS)
    if measured is None:
        return ""
    here, there = ((by, bill(measured, by)) for by in (ours(), article()))
    deployed, lines = here
    return (
        f"A million photos of 12 megapixels cost {total(lines):.2f} dollars on Lambda and S3 in the default deployment "
        f"({deployed.architecture}, {deployed.memory_mib} MB), of which S3's requests are {total(lines[3:]):.2f}; the Node.js functions with sharp, by the "
        f"Serverless Framework's defaults ({there[0].architecture}, {there[0].memory_mib} MB), {total(there[1]):.2f}. The table's processor is "
        f"{results['machine']['architecture']}"
        + (f", the default deployment's is {deployed.architecture}, which is not measured here" if results["machine"]["architecture"] != deployed.architecture else "")
        + ". [The arithmetic](docs/operations.md#costs)."
    )


def operations(results: dict) -> str:
    """The table of costs in docs/operations.md."""
    measured = of_class(results, COST_CLASS)
    if measured is None:
        return ""
    lines = bill(measured, ours())
    rest = [
        Line("logs", "about 3 KB a photo: 3 GB × 0.50", 1.50),
        Line("X-Ray", "5% of 10⁶ traces × 5.00 per million", 0.25),
    ]
    rows = [f"| {line.what} | {line.arithmetic} | {line.dollars:.2f} |" for line in lines]
    rows.append(f"| **Lambda and S3** | | **{total(lines):.2f}** |")
    rows += [f"| {line.what} | {line.arithmetic} | {line.dollars:.2f} |" for line in rest]
    rows.append(f"| **together** | | **{total(lines + rest):.2f}** |")
    return "| what | arithmetic | $ |\n|---|---|---:|\n" + "\n".join(rows)


def backfill(results: dict) -> str:
    """The table of a backfill in docs/operations.md: costs for objects whose thumbnails are current, and for objects whose thumbnails are made."""
    measured = of_class(results, COST_CLASS)
    if measured is None:
        return ""
    by = ours()
    # Assumed: nothing but HEADs of the source and its thumbnails.
    current_ms, made_ms = 30, billed_ms(figures.cpu_ms(measured, by.contestant), by.memory_mib)
    price, gb = GB_SECOND[by.architecture], by.memory_mib / 1024

    def function(milliseconds: float) -> float:
        return MILLION_INVOCATIONS + 1e3 * milliseconds * gb * price

    rows = [
        ("S3 Batch Operations: 10⁶ tasks × 1.00 per million", 1.0, 1.0),
        ("HEAD, GET: 4 or 6 × 10⁶ × 0.40 per million", 4 * MILLION_READS, 6 * MILLION_READS),
        ("PUT: 3 × 10⁶ × 5.00 per million", 0, by.puts * MILLION_PUTS),
        (
            f"image-processor: invocations 0.20; {current_ms / 1000:.2f} (assumed) or {made_ms / 1000:.3f} s × {by.memory_mib}/1024 GB × {price:.10f}",
            function(current_ms),
            function(made_ms),
        ),
    ]
    lines = [f"| {what} | {f'{current:.2f}' if current else ''} | {made:.2f} |" for what, current, made in rows]
    current, made = (sum(round(row[i], 2) for row in rows) for i in (1, 2))
    lines.append(f"| **together** | **{current:.2f}** | **{made:.2f}** |")
    head = ["| per million objects, us-east-1 | current | made |", "|---|---:|---:|"]
    # Indented, because the table is part of a list item.
    return "\n".join(f"   {line}" for line in head + lines)


if __name__ == "__main__":
    committed = json.loads((ROOT / "bench/results/results.json").read_text())
    print(operations(committed), backfill(committed), markdown(committed), sep="\n\n")
