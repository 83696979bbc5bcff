#!/usr/bin/env python3
"""Makes the functions' zips for Lambda and a SAM template that names them, for one architecture.

Each function becomes NAME-ARCHITECTURE.zip, with the program as `bootstrap`. template-ARCHITECTURE.yaml is template.yaml with
these zips as the functions' code and this architecture as the default. The same program gives the same zip, byte for byte, so
that its hash shows whether a function has changed. A program that Lambda could not start is an error: if Amazon Linux 2023 cannot
load it, or if it is built for another architecture.
"""

import argparse
import hashlib
import re
import struct
import sys
import zipfile
from pathlib import Path

FUNCTIONS = ["upload-handler", "image-processor"]
TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"

# The glibc of provided.al2023. https://docs.aws.amazon.com/linux/al2023/ug/glibc-gcc-and-binutils.html
NEWEST_GLIBC = (2, 34)

# The field e_machine of the ELF header, by Lambda's name for the architecture.
MACHINES = {"arm64": 183, "x86_64": 62}


class Unfit(Exception):
    """The program cannot run on Lambda. The message says why and what to do."""


def check(program: bytes, architecture: str) -> None:
    """Raises Unfit if provided.al2023 cannot start the program."""
    if program[:4] != b"\x7fELF":
        raise Unfit("it is not a Linux program: build it with `make package`")
    (machine,) = struct.unpack_from("<H", program, 18)
    if machine != MACHINES[architecture]:
        raise Unfit(f"it is not built for {architecture}: build it with `make package ARCHITECTURE={architecture}`")
    # An ELF file contains the names of symbol versions as plain text.
    needed = {tuple(map(int, found)) for found in re.findall(rb"GLIBC_(\d+)\.(\d+)", program)}
    if too_new := sorted(version for version in needed if version > NEWEST_GLIBC):
        versions = ", ".join(f"{major}.{minor}" for major, minor in too_new)
        raise Unfit(f"it needs glibc {versions}, Lambda has 2.34: build it with `make package`, which links against an old one")


def write_zip(program: bytes, path: Path) -> None:
    """Writes a zip that is the same at any time, on any system and for any user."""
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # Unix, on any system.
    entry.external_attr = 0o100755 << 16
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, program, compresslevel=9)


def packaged_template(template: str, architecture: str) -> str:
    """Returns template.yaml with the zips as code, and without the instructions for building."""
    build = re.compile(
        r"    Metadata:\n      BuildMethod: rust-cargolambda\n      BuildProperties:\n        Binary: (\S+)\n((?:.*\n)*?)      CodeUri: \.\n"
    )
    template, functions = build.subn(rf"\2      CodeUri: \1-{architecture}.zip\n", template)
    default = re.compile(r"^(  Architecture:\n(?:    .*\n)*?    Default: )\S+$", re.MULTILINE)
    template, defaults = default.subn(rf"\g<1>{architecture}", template)
    if (functions, defaults) != (len(FUNCTIONS), 1):
        raise Unfit("its layout is not what `packaged_template` in deploy/package.py expects: change both together")
    return template


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--architecture", choices=sorted(MACHINES), required=True)
    parser.add_argument("--programs", type=Path, required=True, help="folder with NAME/bootstrap for each function")
    parser.add_argument("--out", type=Path, required=True, help="folder for the zips")
    arguments = parser.parse_args()
    for name in FUNCTIONS:
        source, target = arguments.programs / name / "bootstrap", arguments.out / f"{name}-{arguments.architecture}.zip"
        try:
            program = source.read_bytes()
            check(program, arguments.architecture)
        except (OSError, Unfit) as error:
            sys.exit(f"package: {source}: {error}")
        write_zip(program, target)
        digest = hashlib.sha256(target.read_bytes()).hexdigest()
        print(f"{target}  {target.stat().st_size:>9,} bytes ({len(program):,} unpacked)  sha256 {digest}")
    try:
        template = packaged_template(TEMPLATE.read_text(), arguments.architecture)
    except (OSError, Unfit) as error:
        sys.exit(f"package: {TEMPLATE}: {error}")
    (arguments.out / f"template-{arguments.architecture}.yaml").write_text(template)


if __name__ == "__main__":
    main()
