#!/usr/bin/env python3
"""Counts the lines of `unsafe` in every crate that image-processor is built from, and says which of these crates see untrusted bytes."""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

FILE, PIXELS, NOTHING = "**the file**", "pixels", "nothing of it"
UNKNOWN = "not looked at yet"
# What each dependency of `thumbnail` sees of a file. All other crates at most pass the bytes on from S3, unread.
SEES = {
    "bitflags": (FILE, "flags of PNG's chunks, by which no memory is addressed"),
    "bytemuck": (FILE, "numbers as bytes and back, of checked sizes; of a file it sees the header of QOI"),
    "bytes": (NOTHING, "carries it, and finished thumbnails with what KEEP writes into them"),
    "byteorder-lite": (FILE, "one conversion of a slice of numbers"),
    "crc32fast": (FILE, "checksums of PNG, by vector instructions"),
    "fast_image_resize": (PIXELS, "resampling by vector instructions"),
    "flate2": (FILE, "buffers around miniz_oxide, which inflates PNG and TIFF without unsafe code"),
    "heic-decoder": (FILE, "the feature heic"),
    "image": (FILE, "BMP, PNM, QOI; the unsafe code is in buffers of pixels"),
    "itoa": (NOTHING, "comes with oxideav-core"),
    "libwebp-sys": (PIXELS, "C, of which only the encoder is called"),
    "memchr": (FILE, "searches for markers, by vector instructions"),
    "moxcms": (FILE, "vector instructions for pixels; it reads ICC profiles without unsafe code"),
    "num-traits": (NOTHING, "a conversion of numbers"),
    "oxideav-core": (PIXELS, "a pool of buffers that the decoder of AVIF does not use"),
    "pxfm": (PIXELS, "mathematical functions by vector instructions"),
    "safe_arch": (PIXELS, "vector instructions behind safe functions, none of which takes an address"),
    "serde_core": (NOTHING, "comes with oxideav-core"),
    "serde_json": (NOTHING, "comes with oxideav-core"),
    "simd-adler32": (FILE, "checksums of inflated data, by vector instructions"),
    "tiny-skia": (PIXELS, "the feature svg: buffers of pixels"),
    "tiny-skia-path": (PIXELS, "the feature svg: buffers of points"),
    "webp": (PIXELS, "calls the encoder of libwebp-sys"),
    "wide": (PIXELS, "vectors, by safe_arch"),
    "zmij": (NOTHING, "comes with oxideav-core"),
}

# Comments and strings.
NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"', re.DOTALL)


def count(source: str) -> int:
    """Counts the lines of a source file that contain `unsafe` outside comments and strings."""
    code = NOT_CODE.sub(lambda found: "\n" * found.group().count("\n"), source)
    return sum(1 for line in code.splitlines() if re.search(r"\bunsafe\b", line))


def crates(package: str, features: str) -> set[tuple[str, str]]:
    """The name and version of each crate that is linked into a package's program, including the package."""
    command = ["cargo", "tree", "--package", package, "--edges", "normal,no-proc-macro", "--prefix", "none"]
    command += ["--format", "{p}", "--features", features]
    for architecture in ["aarch64", "x86_64"]:
        command += ["--target", f"{architecture}-unknown-linux-gnu"]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return {(name, version.removeprefix("v")) for name, version, *_ in (line.split() for line in lines if line)}


def report(features: str) -> str:
    command = ["cargo", "metadata", "--format-version", "1", "--all-features"]
    metadata = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    folders = {(p["name"], p["version"]): Path(p["manifest_path"]).parent for p in json.loads(metadata.stdout)["packages"]}
    of_files = crates("thumbnail", features.replace("image-processor/", "thumbnail/"))
    rows, safe = [], 0
    for crate in crates("image-processor", features):
        lines = sum(count(file.read_text(errors="replace")) for file in (folders[crate] / "src").rglob("*.rs"))
        safe += lines == 0
        sees, what = SEES.get(crate[0], (UNKNOWN, "")) if crate in of_files else (NOTHING, "carries it at most")
        if lines:
            rows.append((sees, -lines, crate, what))
    order = [UNKNOWN, FILE, PIXELS, NOTHING]
    rows.sort(key=lambda row: (order.index(row[0]), *row[1:]))
    table = [f"| {name} {version} | {-lines} | {sees} | {what} |" for sees, lines, (name, version), what in rows]
    total = f"\n{safe} more crates have none. Counted in the sources, whether it is built in or not."
    return "\n".join(["| crate | lines of `unsafe` | sees | what it does |", "|---|--:|---|---|", *table, total])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", default="", help="features of the build, as for `make package`")
    try:
        print(report(parser.parse_args().features))
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"unsafe_report: {getattr(error, 'stderr', None) or error}")


if __name__ == "__main__":
    main()
