#!/usr/bin/env python3
"""Writes a CycloneDX bill of materials for each function into a folder: NAME.cdx.json. Needs cargo-cyclonedx in PATH."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from package import FUNCTIONS

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the bills of materials")
    out = parser.parse_args().out
    # It writes one file beside the manifest of every package in the workspace.
    command = ["cargo", "cyclonedx", "--format", "json", "--override-filename", "bill-of-materials"]
    # The same input gives the same file: without a serial number, and with the time of the commit instead of the clock's.
    seconds = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    try:
        subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": seconds or "0"})
        for name in FUNCTIONS:
            bill = json.loads((ROOT / name / "bill-of-materials.json").read_text())
            (out / f"{name}.cdx.json").write_text(json.dumps(bill, indent=2) + "\n")
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        sys.exit(f"sbom: {error}")
    finally:
        for file in ROOT.glob("**/bill-of-materials.json"):
            file.unlink()


if __name__ == "__main__":
    main()
