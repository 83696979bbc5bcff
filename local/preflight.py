#!/usr/bin/env python3
"""Checks that this machine has everything that `make run` needs, before anything is built. Reports all problems at once."""

import argparse
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

OLDEST_RUST = (1, 95)
# The disk space of a first build, with the crates that it downloads.
FIRST_BUILD_BYTES = 4 << 30
# The variables that select ports, and their defaults.
PORTS = {"S3_PORT": 9002, "LAMBDA_PORT": 9001, "RUNTIME_PORT": 9000, "GALLERY_PORT": 9003}


def rust() -> str | None:
    """The problem with the version of Rust. The Makefile has checked that cargo exists."""
    answer = subprocess.run(["cargo", "--version"], capture_output=True, text=True).stdout
    found = re.search(r"(\d+)\.(\d+)", answer)
    if found and tuple(map(int, found.groups())) >= OLDEST_RUST:
        return None
    return f"Rust {'.'.join(map(str, OLDEST_RUST))} or newer is needed, this is `{answer.strip()}`: rustup update stable"


def c_compiler() -> str | None:
    """The problem with the C compiler, which builds the WebP encoder and the cryptography of HTTPS, and links every program."""
    if any(map(shutil.which, filter(None, [os.environ.get("CC"), "cc"]))):
        return None
    return "a C compiler is missing. On Debian: apt-get install gcc libc6-dev; on macOS: xcode-select --install"


def python() -> str | None:
    """The problem with Python, which must be able to make virtual environments."""
    if sys.version_info < (3, 10):
        return f"Python 3.10 or newer is needed, this is {sys.version.split()[0]}"
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        return None
    return "python3 cannot make a virtual environment. On Debian: apt-get install python3-venv"


def disk(target: Path) -> str | None:
    """The problem with the disk, which needs space for a first build."""
    if (target / "debug").exists():
        return None
    folder = next(folder for folder in [target.absolute(), *target.absolute().parents] if folder.exists())
    free = shutil.disk_usage(folder).free
    if free >= FIRST_BUILD_BYTES:
        return None
    return (
        f"a first build takes {FIRST_BUILD_BYTES >> 30} GiB, and {folder} has {free / (1 << 30):.1f} GiB free: "
        "free some space, or set CARGO_TARGET_DIR to a folder on another disk"
    )


def port(variable: str, usual: int) -> str | None:
    """The problem with a port, for example that another program uses it."""
    text = os.environ.get(variable) or str(usual)
    if not text.isdecimal() or int(text) > 65535:
        return f"{variable} is `{text}`, which is not the number of a port"
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", int(text)))
        except OSError as error:
            return f"port {text} of 127.0.0.1: {error.strerror}. Is `make run` already running? {variable}=<another port> selects another"
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, required=True, help="Cargo's target folder")
    parser.add_argument("--once", action="store_true", help="for a run that exits after its table, and has no gallery")
    arguments = parser.parse_args()
    ports = {name: usual for name, usual in PORTS.items() if not (arguments.once and name == "GALLERY_PORT")}
    problems = [rust(), c_compiler(), python(), disk(arguments.target), *(port(*entry) for entry in ports.items())]
    if problems := list(filter(None, problems)):
        sys.exit("\n".join(f"make: {problem}" for problem in problems))


if __name__ == "__main__":
    main()
