"""Measures a cold start: the time from the start of a function's process to its request for the first event.

A stub of Lambda's Runtime API accepts this request, and does not answer it. Then the process is killed.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import socket
import subprocess
import time
import zipfile
from pathlib import Path

from contestants import Cost, Failed, cpu_clock, peak_mib, pin

NEXT = b"GET /2018-06-01/runtime/invocation/next "
TIMEOUT_S = 30


def environment(port: int, handler: str, root: Path) -> dict[str, str]:
    """The environment variables of Lambda that are used before the first event."""
    return {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_LAMBDA_FUNCTION_NAME": "image-processor",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "stub",
        "AWS_SECRET_ACCESS_KEY": "stub",
        "LAMBDA_TASK_ROOT": str(root),
        "_HANDLER": handler,
    }


def start(command: list[str], root: Path, handler: str) -> tuple[Cost, float]:
    """Starts a function. Returns the cost of the start, and the peak of its memory in MiB."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(TIMEOUT_S)
        variables = environment(server.getsockname()[1], handler, root)
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=root, env=variables, stdout=subprocess.DEVNULL, preexec_fn=pin)
        try:
            # The connection stays open meanwhile, because a function ends if its request fails.
            with asked(server):
                wall = time.perf_counter() - began
                found = Cost(cpu_clock(process.pid) * 1000, wall * 1000), peak_mib(process.pid)
                process.kill()
            return found
        except TimeoutError as error:
            raise Failed(f"{command[0]} did not ask for an event within {TIMEOUT_S} s; its message is above") from error
        finally:
            process.kill()
            process.wait()


def asked(server: socket.socket) -> socket.socket:
    """Waits for the request for the first event. Returns its connection."""
    connection, _ = server.accept()
    connection.settimeout(TIMEOUT_S)
    head = b""
    while b"\r\n\r\n" not in head:
        part = connection.recv(4096)
        if not part:
            break
        head += part
    if not head.startswith(NEXT):
        connection.close()
        first_line, _, _ = head.partition(b"\r")
        raise Failed(f"the function asked for {first_line!r} instead of its first event")
    return connection


def node_command(node: Path) -> list[str] | None:
    """The command of Lambda's runtime for Node.js, or None if its native part is not compiled."""
    package = node / "node_modules" / "aws-lambda-ric"
    return ["node", str(package / "index.mjs"), "handler.handler"] if (package / "rapid-client.node").exists() else None


def zip_size(entries: dict[str, Path]) -> int:
    """The size of a zip with these files, in bytes."""
    counter = Counter()
    with zipfile.ZipFile(counter, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in sorted(entries.items()):
            archive.write(path, name)
    return counter.bytes


class Counter:
    """A file that only counts the bytes that are written to it."""

    def __init__(self) -> None:
        self.bytes = 0

    def write(self, data: bytes) -> int:
        self.bytes += len(data)
        return len(data)

    def flush(self) -> None:
        pass


def node_entries(node: Path) -> dict[str, Path]:
    """The files of the article's function in a deployment: its code, and sharp with its dependencies. The AWS SDK is part of Lambda's
    runtime."""
    entries = {name: node / name for name in ("article.mjs", "handler.mjs", "package.json")}
    wanted, seen = ["sharp"], set()
    while wanted:
        name = wanted.pop()
        folder = node / "node_modules" / name
        if name in seen or not folder.exists():
            continue
        seen.add(name)
        files = [path for path in folder.rglob("*") if path.is_file()]
        entries |= {str(path.relative_to(node)): path for path in files}
        wanted += dependencies(folder)
    return entries


def dependencies(package: Path) -> list[str]:
    description = json.loads((package / "package.json").read_text())
    return [*description.get("dependencies", {}), *description.get("optionalDependencies", {})]
