#!/usr/bin/env python3
"""Compares old thumbnails with new ones: checks that each has a counterpart of the same size that shows the same picture.

`compare.py OLD NEW` takes two templates of keys, such as `s3://my-image-bucket/thumbnails/{size}/{key}`, or of files in folders. Their
placeholders are those of ThumbnailKey (docs/settings.md).
"""

import argparse
import io
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import boto3
from PIL import Image, ImageChops, ImageOps, ImageStat

PLACEHOLDERS = {
    "key": r"(?P<key>.+)",
    "stem": r"(?P<stem>.+)",
    "folder": r"(?P<folder>(?:.*/)?)",
    "name": r"(?P<name>[^/]+)",
    "extension": r"(?P<extension>[^/.]*)",
    "size": r"(?P<size>\d+(?:x\d+)?(?:-cover)?)",
    "format": r"(?P<format>[a-z]+)",
}
# The longest edge, in pixels, of the pictures that are compared. It is small, so that coding losses do not count.
EDGE = 64
# The number of pixels by which edges may differ, because services round in different ways.
ROUNDING = 1


class Invalid(Exception):
    """A template cannot be used. The text says why."""


@dataclass(frozen=True)
class Side:
    """The thumbnails of one template: their keys by the values of the placeholders, and how to read one."""

    template: str
    fields: frozenset[str]
    keys: dict[tuple, str]
    read: Callable[[str], bytes]

    def by(self, fields: frozenset[str]) -> dict[tuple, str]:
        """Returns the keys by the values of `fields` only."""
        found: dict[tuple, str] = {}
        for made_of, key in self.keys.items():
            identity = tuple((name, value) for name, value in made_of if name in fields)
            if identity in found:
                raise Invalid(f"{key} and {found[identity]} are both the counterpart of one thumbnail: {self.template} says more than the other template")
            found[identity] = key
        return found


def pattern(template: str) -> re.Pattern:
    """A regular expression that matches the keys of a template."""
    parts = re.split(r"\{(\w+)\}", template)
    unknown = [name for name in parts[1::2] if name not in PLACEHOLDERS or parts[1::2].count(name) > 1]
    if unknown:
        raise Invalid(f"{{{unknown[0]}}} in {template} is no placeholder, or is there twice")
    return re.compile("".join(PLACEHOLDERS[part] if i % 2 else re.escape(part) for i, part in enumerate(parts)))


def made_of(found: re.Match) -> tuple:
    """The source's folder, name and extension, and the size, if the key contains them."""
    fields = found.groupdict()
    fields.pop("format", None)
    key, stem = fields.pop("key", None), fields.pop("stem", None)
    if key is not None:
        stem, dot, extension = key.rpartition(".") if "." in key.rpartition("/")[2] else (key, "", "")
        fields["extension"] = extension
    if stem is not None:
        folder, slash, fields["name"] = stem.rpartition("/")
        fields["folder"] = folder + slash
    return tuple(sorted(fields.items()))


def side(template: str) -> Side:
    """Lists all thumbnails of a template."""
    place = re.fullmatch(r"s3://([^/{}]+)/(.*)", template)
    if place:
        bucket, inner = place.groups()
        keys, read = in_bucket(bucket, inner.partition("{")[0])
    else:
        root, slash, _ = template.partition("{")[0].rpartition("/")
        inner = template[len(root + slash) :]
        keys, read = in_folder(Path(root or ("/" if slash else ".")))
    matches = ((key, found) for key in keys if (found := pattern(inner).fullmatch(key)))
    made = {made_of(found): key for key, found in matches}
    if not made:
        raise Invalid(f"nothing is there by {template}")
    fields = frozenset(name for name, _ in next(iter(made)))
    return Side(template, fields, made, read)


def in_bucket(bucket: str, prefix: str) -> tuple[Iterator[str], Callable[[str], bytes]]:
    client = boto3.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = (one["Key"] for page in pages for one in page.get("Contents", []))
    return keys, lambda key: client.get_object(Bucket=bucket, Key=key)["Body"].read()


def in_folder(root: Path) -> tuple[Iterator[str], Callable[[str], bytes]]:
    files = (str(path.relative_to(root)) for path in sorted(root.rglob("*")) if path.is_file())
    return files, lambda name: (root / name).read_bytes()


def shown(file: bytes) -> Image.Image:
    """The picture as a page with a white background shows it."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(file))).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def difference(old: bytes, new: bytes) -> float | str:
    """The mean difference in levels of 255, or another problem in words."""
    try:
        one, other = shown(old), shown(new)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        return f"cannot be read: {error}"
    if any(abs(a - b) > ROUNDING for a, b in zip(one.size, other.size)):
        return "{} by {} pixels became {} by {}".format(*one.size, *other.size)
    small = tuple(min(edge, EDGE) for edge in other.size)
    pair = (picture.resize(small, Image.Resampling.BOX) for picture in (one, other))
    means = ImageStat.Stat(ImageChops.difference(*pair)).mean
    return sum(means) / len(means)


def compare(old: Side, new: Side, limit: float, sample: int) -> tuple[list[str], bool]:
    """Returns a report, and whether the thumbnails agree."""
    fields = old.fields & new.fields
    ours, theirs = new.by(fields), old.by(fields)
    pairs = [(theirs[identity], ours[identity]) for identity in sorted(theirs.keys() & ours.keys())]
    if not pairs:
        raise Invalid("no thumbnail of the one has a counterpart in the other: compare the templates with some keys")
    pairs = pairs[:: max(1, -(-len(pairs) // sample))] if sample else pairs
    with ThreadPoolExecutor(16) as pool:
        differences = list(pool.map(lambda pair: difference(old.read(pair[0]), new.read(pair[1])), pairs))
    wrong = [(found, *pair) for found, pair in zip(differences, pairs) if isinstance(found, str) or found > limit]
    wrong.sort(key=lambda one: -1e9 if isinstance(one[0], str) else -one[0])
    measured = [found for found in differences if not isinstance(found, str)]
    lines = [f"{len(pairs) - len(wrong)} of {len(pairs)} compared pairs agree; the largest difference of all is {max(measured, default=0):.1f} of 255 levels"]
    lines += some("differ", [f"{key} and {other}: {said if isinstance(said, str) else f'{said:.1f} levels'}" for said, key, other in wrong])
    lines += some(f"are only in {old.template}", [theirs[one] for one in sorted(theirs.keys() - ours.keys())])
    lines += some(f"are only in {new.template}", [ours[one] for one in sorted(ours.keys() - theirs.keys())])
    return lines, not wrong and ours.keys() >= theirs.keys()


def some(what: str, items: list[str], most: int = 20) -> list[str]:
    more = [f"  and {len(items) - most} more"] if len(items) > most else []
    return [f"{len(items)} {what}:", *(f"  {item}" for item in items[:most]), *more] if items else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", help="template of the old thumbnails' keys or files")
    parser.add_argument("new", help="template of the new ones")
    parser.add_argument("--limit", type=float, default=6, help="mean difference in levels of 255 that is let pass (default: 6)")
    parser.add_argument("--sample", type=int, default=0, help="compare so many pairs at most, spread over all (default: all)")
    arguments = parser.parse_args()
    try:
        lines, is_well = compare(side(arguments.old), side(arguments.new), arguments.limit, arguments.sample)
    except Invalid as error:
        sys.exit(f"compare: {error}")
    print("\n".join(lines))
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()
