#!/usr/bin/env python3
"""Writes a CycloneDX bill of materials for each function into a folder: NAME.cdx.json. Needs cargo-cyclonedx in PATH."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from package import FUNCTIONS

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the bills of materials")
    out = parser.parse_args().out
    # cargo-cyclonedx writes a file beside the manifest of every package in the workspace.
    command = ["cargo", "cyclonedx", "--format", "json", "--spec-version", "1.5", "--no-build-deps"]
    command += ["--target", "aarch64-unknown-linux-gnu", "--override-filename", "bill-of-materials"]
    date = ["git", "log", "-1", "--format=%cd", "--date=format:%Y-%m-%dT%H:%M:%SZ"]
    try:
        subprocess.run(command, cwd=ROOT, check=True)
        committed = subprocess.run(date, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
        for name in FUNCTIONS:
            text = (ROOT / name / "bill-of-materials.json").read_text()
            # The same sources give the same file, because it has no local paths, no random numbers, and the time of the commit.
            bill = json.loads(text.replace(ROOT.as_uri(), "file:///source"))
            bill.pop("serialNumber", None)
            bill["metadata"]["timestamp"] = committed
            (out / f"{name}.cdx.json").write_text(json.dumps(bill, indent=2) + "\n")
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        sys.exit(f"sbom: {error}")
    finally:
        for file in ROOT.glob("**/bill-of-materials.json"):
            file.unlink()


if __name__ == "__main__":
    main()
