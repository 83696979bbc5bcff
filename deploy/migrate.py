#!/usr/bin/env python3
"""Converts the configuration of another thumbnail service to parameters of the templates, and lists settings without a counterpart.

`migrate.py FILE` reads the `config.json` of aws-lambda-image, or the parameters of Firebase's extension "Resize Images" as an `.env` file
(`firebase ext:export` writes it) or as a JSON object.
"""

import argparse
import json
import re
import sys
from pathlib import Path

# The colour names of ImageMagick that configurations use besides `#rrggbb`.
COLOURS = {"white": "ffffff", "black": "000000"}
# The longest edge that a thumbnail can have. Since pictures are never enlarged, a box of this size keeps the picture's own size.
LONGEST = 16383


class Invalid(Exception):
    """The file is not a known configuration. The text says what is wrong with it."""


class Converted:
    """Parameters by name, and notes about settings that they cannot express."""

    def __init__(self) -> None:
        self.parameters: dict[str, str] = {}
        self.notes: list[str] = []

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


def read(text: str) -> Converted:
    """Converts the text of a configuration file."""
    if text.lstrip().startswith("{"):
        try:
            settings = json.loads(text)
        except ValueError as error:
            raise Invalid(f"it is not JSON: {error}") from None
    else:
        pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.lstrip().startswith("#"))
        settings = {name.strip(): value.strip().strip("\"'") for name, value in pairs}
    settings = settings.get("params", settings)
    if "IMG_SIZES" in settings:
        return firebase(settings)
    if settings.keys() & {"resizes", "resize", "reduce"}:
        return aws_lambda_image(settings)
    raise Invalid("it has neither IMG_SIZES, as Firebase's extension, nor resizes or reduce, as aws-lambda-image")


def firebase(settings: dict) -> Converted:
    converted = Converted()
    parameters = converted.parameters
    parameters["Sizes"] = ",".join(size.strip() for size in settings["IMG_SIZES"].split(","))
    folder = settings.get("RESIZED_IMAGES_PATH", "").strip("/") or "thumbnails"
    parameters["ThumbnailsPrefix"] = f"{folder}/"
    converted.note(
        f"Thumbnails lie below {folder}/ and not beside their source: {folder}/uploads/pets/cat_200x200.jpg belongs to uploads/pets/cat.jpg."
    )
    formats = firebase_formats(settings, converted)
    converts = formats != ["source"]
    if converts:
        parameters["Formats"] = ",".join(formats)
        converted.note("Converted thumbnails have their source's extension in front of the size, since cat.jpg and cat.png would share a key without it.")
    name = "{stem}.{extension}_{size}.{format}" if converts else "{stem}_{size}.{extension}"
    parameters["ThumbnailKey"] = f"{folder}/{name}"
    for setting, parameter in (("INCLUDE_PATH_LIST", "IncludeKeys"), ("EXCLUDE_PATH_LIST", "ExcludeKeys")):
        if paths := [path.strip().strip("/") for path in settings.get(setting, "").split(",") if path.strip()]:
            parameters[parameter] = ",".join(f"uploads/{path}/**" for path in paths)
            converted.note(f"{setting}: sources lie below uploads/ (UploadsPrefix).")
    if header := settings.get("CACHE_CONTROL_HEADER"):
        parameters["CacheControl"] = header
    if settings.get("DELETE_ORIGINAL_FILE", "false") != "false":
        converted.note("DELETE_ORIGINAL_FILE has no counterpart: thumbnails are those of a source that is there, and go with it.")
    known = {
        "IMG_SIZES", "RESIZED_IMAGES_PATH", "IMAGE_TYPE", "OUTPUT_OPTIONS", "INCLUDE_PATH_LIST", "EXCLUDE_PATH_LIST",
        "CACHE_CONTROL_HEADER", "DELETE_ORIGINAL_FILE", "LOCATION", "IMG_BUCKET",
    }  # fmt: skip
    for name in sorted(settings.keys() - known):
        if settings[name] not in ("", "false"):
            converted.note(f"{name} has no counterpart.")
    return converted


def firebase_formats(settings: dict, converted: Converted) -> list[str]:
    """The entries of the parameter `Formats`."""
    try:
        options = json.loads(settings.get("OUTPUT_OPTIONS") or "{}")
    except ValueError:
        options = {}
        converted.note("OUTPUT_OPTIONS is not JSON, and is left out.")
    formats = []
    for kind in settings.get("IMAGE_TYPE", "false").split(","):
        kind = {"false": "source", "original": "source", "jpg": "jpeg"}.get(kind.strip(), kind.strip())
        if kind not in ("source", "jpeg", "png", "webp", "avif"):
            converted.note(f"IMAGE_TYPE {kind} has no counterpart: thumbnails are JPEG, PNG, WebP, AVIF, or in their source's format.")
            continue
        quality = options.get(kind, {}).get("quality")
        formats.append(f"{kind}:{quality}" if quality and kind != "png" else kind)
    return formats or ["source"]


def aws_lambda_image(settings: dict) -> Converted:
    converted = Converted()
    parameters = converted.parameters
    entries = [(entry, geometry(entry, converted)) for entry in settings.get("resizes", settings.get("resize", []))]
    if reduced := settings.get("reduce"):
        entries.append((reduced, str(LONGEST)))
        converted.note(f"reduce is the size {LONGEST}: the picture in its own size, since nothing is enlarged.")
    entries = [(entry, size) for entry, size in entries if size]
    parameters["Sizes"] = ",".join(size + own_format(entry, size, converted) for entry, size in entries)
    layout(entries, converted)
    if bucket := settings.get("bucket"):
        parameters["OutputBucket"] = bucket
    control = {entry["cacheControl"] for entry, _ in entries if entry.get("cacheControl")} | {settings.get("cacheControl")} - {None}
    if control:
        parameters["CacheControl"] = sorted(control)[0]
        if len(control) > 1:
            converted.note(f"cacheControl: all thumbnails have the same header; of {len(control)} the first is taken.")
    for name, why in (
        ("acl", "who may read the thumbnails is a matter of the bucket's policy"),
        ("background", "what lies behind transparent pixels is the parameter Background, alike for all sizes"),
        ("jpegOptimizer", "JPEGs are small by the encoder"),
        ("template", "see docs/settings.md for what keys can look like"),
    ):
        if name in settings or any(name in entry for entry, _ in entries):
            converted.note(f"{name} has no counterpart: {why}.")
    backgrounds = {COLOURS.get(entry["background"], entry["background"].lstrip("#")) for entry, _ in entries if "background" in entry}
    if len(backgrounds) == 1 and re.fullmatch("[0-9a-fA-F]{6}", background := backgrounds.pop()):
        parameters["Background"] = background
    for name in ("backup", "optimizers"):
        if name in settings:
            converted.note(f"{name} has no counterpart.")
    return converted


def geometry(entry: dict, converted: Converted) -> str | None:
    """Converts an ImageMagick geometry, in the forms that configurations use, to an entry of `Sizes`."""
    text = str(entry.get("size", ""))
    found = re.fullmatch(r"(\d*)(?:x(\d*))?([>^]?)", text)
    if not found or not (found[1] or found[2]):
        converted.note(f"size {text} has no counterpart.")
        return None
    width, height, how = found.groups()
    if how == "^":
        return f"{width or height}x{height or width}^"
    if not height:
        return width
    return f"{width or LONGEST}x{height}"


def own_format(entry: dict, size: str, converted: Converted) -> str:
    """The format and quality of an entry of `Sizes`. As in aws-lambda-image, a quality without a format means JPEG."""
    kind = {"jpg": "jpeg", None: "jpeg" if entry.get("quality") and "size" in entry else "source"}.get(entry.get("format"), entry.get("format"))
    if kind not in ("source", "jpeg", "png", "webp"):
        converted.note(f"format {kind} of size {size} has no counterpart: it stays in its source's format.")
        kind = "source"
    quality = entry.get("quality")
    return f":{kind}:{quality}" if quality else f":{kind}" if kind != "source" else ""


def layout(entries: list[tuple[dict, str]], converted: Converted) -> None:
    """Adds a key template for each size, and their common prefix."""
    folders = {directory(entry).split("/")[0] for entry, _ in entries}
    # The first folder becomes the prefix if all sizes share it. Only thumbnails may lie below the prefix.
    shared = folders.pop() if len(folders) == 1 and "" not in folders else "thumbnails"
    parts = []
    for entry, size in entries:
        inner = directory(entry)
        path = inner if inner.split("/")[0] == shared else f"thumbnails/{inner}".rstrip("/")
        parts.append((size, path, entry.get("prefix", ""), entry.get("suffix", "")))
        if entry.get("format"):
            converted.note(f"format of size {size}: keys end in their source's extension, whatever the thumbnail's format.")
    templates = []
    for part in parts:
        size, path, prefix, suffix = part
        if any(could_share(part, other) for other in parts if other is not part):
            path += "/{size}"
            converted.note(f"size {size} has a folder of its name: another size's thumbnails could have the same keys.")
        templates.append(f"{size}={path}/{{folder}}{prefix}{{name}}{suffix}.{{extension}}")
    converted.parameters["ThumbnailsPrefix"] = f"{shared}/"
    converted.parameters["ThumbnailKey"] = ",".join(templates)
    converted.note(
        f"directory is below {shared}/, and the source's folder follows it: for uploads/pets/cat.jpg, a size in ./small has its thumbnail in "
        f"{shared}/…/uploads/pets/ and not in uploads/pets/small/, because whatever lies below the uploads prefix is a source."
    )
    if any(not str(entry.get("directory", ".")).startswith(".") for entry, _ in entries):
        converted.note("an absolute directory had thumbnails of all folders together, where those of equal names replaced each other; here their folder follows.")


def could_share(one: tuple, other: tuple) -> bool:
    """Whether two sizes could write the same key for some folder and name of a source: one size's folder contains the other's, and neither
    prefixes nor suffixes keep the keys apart."""
    (_, path, prefix, suffix), (_, other_path, other_prefix, other_suffix) = one, other

    def begin_alike(one: str, other: str) -> bool:
        return one.startswith(other) or other.startswith(one)

    return begin_alike(f"{path}/", f"{other_path}/") and begin_alike(prefix, other_prefix) and begin_alike(suffix[::-1], other_suffix[::-1])


def directory(entry: dict) -> str:
    """The folder of an entry, without `.` and `..`."""
    return "/".join(part for part in str(entry.get("directory", "")).split("/") if part not in ("", ".", ".."))


def shown(converted: Converted) -> str:
    """The parameters and the notes as text."""
    lines = ["Parameters of template.yaml and serverless.yml:", ""]
    lines += [f"  {name}={value}" for name, value in converted.parameters.items()]
    if converted.notes:
        lines += ["", "What they cannot express:", ""] + [f"  - {sentence}" for sentence in converted.notes]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="config.json of aws-lambda-image, or the parameters of Firebase's extension")
    arguments = parser.parse_args()
    try:
        print(shown(read(arguments.file.read_text())))
    except (Invalid, OSError) as error:
        sys.exit(f"{arguments.file}: {error}")


if __name__ == "__main__":
    main()
