"""Describes the machine and the versions that the figures were measured with."""

import datetime
import json
import os
import platform
import subprocess
from pathlib import Path

from contestants import Programs


def describe() -> dict:
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": processor(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory.split()[1]) / (1 << 20)),
        "system": f"Linux {platform.release().split('-')[0]}",
    }


def processor() -> str:
    fields = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    if "model name" not in fields:  # as on arm64
        return f"{platform.machine()} implementer {fields.get('CPU implementer')} part {fields.get('CPU part')}"
    clock = fields.get("cpu MHz")
    return fields["model name"] + (f" ({float(clock) / 1000:.1f} GHz)" if clock and "GHz" not in fields["model name"] else "")


def versions(programs: Programs) -> dict:
    script = "import('sharp').then(({default: sharp}) => console.log(JSON.stringify(sharp.versions)))"
    sharp = json.loads(output("node", "-e", script, folder=programs.node))
    installed = json.loads((programs.node / "package.json").read_text())
    return {
        "rustc": output("rustc", "--version").split()[1],
        "node": output("node", "--version").removeprefix("v"),
        "sharp": sharp["sharp"],
        "libvips": sharp["vips"],
        "aws-lambda-ric": installed["dependencies"]["aws-lambda-ric"],
    }


def output(*command: str, folder: Path | None = None) -> str:
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
