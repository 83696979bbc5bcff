#!/usr/bin/env python3
"""Compares thumbnails that move with their sources, frame by frame, with Pillow as the judge of both.

`make test-animation` builds and installs what this needs, and calls it. The sources are made here: every pair of frames from all
combinations of disposal, blending, place and transparency. What browsers and Pillow show differently is left out: disposal 0 after
another one, which Pillow takes for that one; the undefined disposals; frames beyond the canvas, for which Pillow enlarges it; and
frames without a transparent colour where the canvas shows, which Pillow fills with the background.
"""

import argparse
import io
import itertools
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageChops, ImageSequence, ImageStat

WIDTH, HEIGHT = 48, 32
# Left, top, width and height: all of the canvas, two of its corners, its middle. WebP has even places only.
PLACES = [(0, 0, WIDTH, HEIGHT), (0, 0, 24, 16), (22, 14, 26, 18), (10, 8, 28, 16)]
COLOURS = [(220, 30, 30), (30, 160, 40), (40, 60, 220), (240, 200, 20), (250, 250, 250), (10, 10, 10), (0, 180, 190)]
# Levels of 255 that a frame may differ by in the mean. GIF has all the colours of these sources; WebP is lossy, and a picture at the wrong place
# differs by 20 and more.
LIMITS = {".gif": 0.0, ".webp": 4.0}
# For files that others made, whose colours may be too many for GIF.
LIMIT_OF_OTHERS = 4.0


def gif_frame(number: int, disposal: int, place: tuple, seen_through: bool, delay: int) -> bytes:
    """A frame of two colours, striped with transparency or not, interlaced every third time, with its own palette every second time."""
    left, top, width, height = place
    rotated = COLOURS[number % 7 :] + COLOURS[: number % 7]
    palette = bytes(itertools.chain.from_iterable([(1, 2, 3), *rotated]))
    local, interlaced = number % 2, number % 3 == 0
    first, second = (1, 2) if local else (number % 7 + 1, (number + 1) % 7 + 1)

    def index(x: int, y: int) -> int:
        if seen_through and (x // 4 + y // 4) % 3 == 0:
            return 0
        return first if x * height > y * width else second

    rows = range(height)
    if interlaced:
        rows = [*range(0, height, 8), *range(4, height, 8), *range(2, height, 4), *range(1, height, 2)]
    control = b"\x21\xf9\x04" + struct.pack("<BHBB", disposal << 2 | 1, delay, 0, 0)
    flags = (0x82 if local else 0) | (0x40 if interlaced else 0)
    image = b"\x2c" + struct.pack("<HHHHB", left, top, width, height, flags) + (palette if local else b"")
    return control + image + uncompressed(index(x, y) for y in rows for x in range(width))


def uncompressed(indices: object) -> bytes:
    """LZW that clears its table before codes grow longer than four bits."""
    bits, count, packed = 0, 0, bytearray()
    codes = itertools.chain.from_iterable(([8] if i % 6 == 0 else []) + [index] for i, index in enumerate(indices))
    for code in itertools.chain(codes, [9]):
        bits |= code << count
        count += 4
        while count >= 8:
            packed.append(bits & 255)
            bits >>= 8
            count -= 8
    packed += bytes([bits]) if count else b""
    blocks = (packed[at : at + 255] for at in range(0, len(packed), 255))
    return b"\x03" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def gif(frames: list[tuple], loop: int | None) -> bytes:
    palette = bytes(itertools.chain.from_iterable([(1, 2, 3), *COLOURS]))
    repeat = b"" if loop is None else b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", loop) + b"\0"
    head = b"GIF89a" + struct.pack("<HHBBB", WIDTH, HEIGHT, 0xF2, 0, 0) + palette + repeat
    return head + b"".join(gif_frame(number, *frame) for number, frame in enumerate(frames)) + b";"


def webp_frame(number: int, way: tuple[int, int], place: tuple, seen_through: bool, milliseconds: int) -> bytes:
    left, top, width, height = place
    alpha = 90 if seen_through else 255
    picture = Image.new("RGBA", (width, height), (*COLOURS[number % 7], alpha))
    picture.paste((*COLOURS[(number + 3) % 7], 255), (0, 0, width // 2, height // 2))
    file = io.BytesIO()
    picture.save(file, "WEBP", lossless=True, exact=True)
    chunks = file.getvalue()[30:] if file.getvalue()[12:16] == b"VP8X" else file.getvalue()[12:]
    clears, blends = way
    numbers = (left // 2, top // 2, width - 1, height - 1, milliseconds)
    data = b"".join(number.to_bytes(3, "little") for number in numbers) + bytes([clears | (1 - blends) << 1]) + chunks
    return b"ANMF" + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)


def webp(frames: list[tuple], loop: int) -> bytes:
    head = b"VP8X\x0a\0\0\0\x12\0\0\0" + (WIDTH - 1).to_bytes(3, "little") + (HEIGHT - 1).to_bytes(3, "little")
    # With a background that nobody is to see.
    body = b"WEBP" + head + b"ANIM\x06\0\0\0\x11\x99\x33\xff" + struct.pack("<H", loop)
    body += b"".join(webp_frame(number, *frame) for number, frame in enumerate(frames))
    return b"RIFF" + struct.pack("<I", len(body)) + body


def sources(folder: Path) -> list[Path]:
    """Three frames each: every pair of ways to draw one, and a last one that shows what became of the second."""
    made = []
    delays, loops = (0, 1, 2, 5, 30), (None, 0, 1, 5)

    def add(name: str, content: bytes) -> None:
        made.append(folder / name)
        made[-1].write_bytes(content)

    ways = list(itertools.product((1, 2, 3), PLACES, (False, True)))
    for number, (first, second) in enumerate(itertools.product(ways, ways)):
        frames = [(*way, delays[(number + i) % 5]) for i, way in enumerate((first, second, (1, PLACES[1], False)))]
        add(f"{number:04}.gif", gif(frames, loops[number % 4]))
    # That a frame stays may be unsaid.
    for number, place in enumerate(PLACES):
        add(f"unsaid-{number}.gif", gif([(0, place, True, 5), (0, PLACES[3], True, 7), (0, PLACES[1], False, 9)], 0))
    ways = list(itertools.product(itertools.product((0, 1), (0, 1)), PLACES, (False, True)))
    for number, (first, second) in enumerate(itertools.product(ways, ways)):
        frames = [(*way, (delays[(number + i) % 5]) * 10) for i, way in enumerate((first, second, ((0, 0), PLACES[1], False)))]
        add(f"{number:04}.webp", webp(frames, loops[number % 4] or 0))
    return made


def shown(path: Path) -> tuple[list[tuple[int, Image.Image]], int, int | None]:
    """When each frame ends, in milliseconds, and the frame; how long they take in all; how often they are repeated."""
    frames, time = [], 0
    with Image.open(path) as picture:
        for frame in ImageSequence.Iterator(picture):
            frame.load()
            milliseconds = frame.info.get("duration", 0)
            time += 100 if milliseconds <= 10 else milliseconds
            frames.append((time, frame.convert("RGBA").convert("RGBa")))
        return frames, time, picture.info.get("loop")


def compare(source: Path, thumbnail: Path, limit: float) -> str | None:
    """What is wrong with a thumbnail that is as large as its source, or none."""
    wanted, wanted_time, wanted_loop = shown(source)
    got, time, loop = shown(thumbnail)
    if (time, loop) != (wanted_time, wanted_loop):
        return f"{time} ms repeated {loop} times, not {wanted_time} ms repeated {wanted_loop} times"
    begins = 0
    for number, (ends, frame) in enumerate(wanted):
        found = next(picture for until, picture in got if until > (begins + ends) // 2)
        if found.size != frame.size:
            return f"{found.size} and not {frame.size} pixels"
        apart = sum(ImageStat.Stat(ImageChops.difference(frame, found)).mean) / 4
        if apart > limit:
            return f"frame {number} is {apart:.1f} levels from its source"
        begins = ends
    return None


def thumbnails(program: Path, files: list[Path], folder: Path) -> dict[str, Path]:
    """Thumbnails as large as their sources, by the source's path."""
    made = {}
    by_width: dict[int, list[Path]] = {}
    for file in files:
        with Image.open(file) as picture:
            by_width.setdefault(picture.width, []).append(file)
    for width, of_width in by_width.items():
        command = [program, "--sizes", str(width), "--outputs", "source:100", "--animation", "keep", "--out", folder, *of_width]
        lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        for file, said in zip(of_width, map(json.loads, lines), strict=True):
            if said["status"] == "ok":
                made[str(file)] = folder / str(width) / file.name
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path, help="the example `thumbnail`")
    parser.add_argument("files", type=Path, nargs="*", help="animations to compare instead of made ones")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        (folder := Path(scratch) / "sources").mkdir()
        files = arguments.files or sources(folder)
        made = thumbnails(arguments.program.resolve(), files, Path(scratch) / "thumbnails")
        wrong = 0
        for file in files:
            limit = LIMIT_OF_OTHERS if arguments.files else LIMITS[file.suffix]
            said = compare(file, made[str(file)], limit) if str(file) in made else "no thumbnail"
            if said:
                wrong += 1
                print(f"{file.name}: {said}")
    print(f"{len(files) - wrong} of {len(files)} animations show what Pillow shows of their sources")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
