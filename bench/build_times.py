#!/usr/bin/env python3
"""Prints where the time of a build goes, from the report that `cargo build --timings` writes."""

import argparse
import json
import os
import re
import sys
from pathlib import Path

LONGEST = 20


def read(report: str) -> list[dict]:
    """The units of work in the report, which is an HTML page with the figures in a JavaScript constant."""
    found = re.search(r"^(?:const|let|var) UNIT_DATA = (\[.*?\]);$", report, re.MULTILINE | re.DOTALL)
    if not found:
        sys.exit("build_times: this version of cargo writes a report that cannot be read; open the page instead")
    return json.loads(found.group(1))


def name(unit: dict) -> str:
    """The crate, its version, and the target unless it is the library."""
    return f"{unit['name']} {unit['version']}{unit['target']}".strip()


def table(units: list[dict]) -> str:
    """The longest units and the time of the whole build, as text."""
    whole = max(unit["start"] + unit["duration"] for unit in units)
    added = sum(unit["duration"] for unit in units)
    longest = sorted(units, key=lambda unit: -unit["duration"])[:LONGEST]
    lines = [f"{unit['duration']:7.1f} s  {name(unit)}" for unit in longest]
    lines.append(f"{whole:7.1f} s  from start to end; {len(units)} units took {added:.0f} s in sum, on {os.cpu_count()} processors")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="cargo-timing.html")
    report = parser.parse_args().report
    print(table(read(report.read_text())))
    print(f"the whole report: {report}")


if __name__ == "__main__":
    main()
