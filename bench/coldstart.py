"""How long a function takes from the start of its process until it asks for its first event.

A stub of Lambda's Runtime API accepts that request and answers none: the process is stopped then.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import socket
import subprocess
import time
import zipfile
from pathlib import Path

from contestants import Cost, Failed, cpu_clock, memory, pin

NEXT = b"GET /2018-06-01/runtime/invocation/next "
TIMEOUT_S = 30


def environment(port: int, handler: str, root: Path) -> dict[str, str]:
    """What Lambda sets, as far as it matters before the first event."""
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
    """Starts a function once: what it took, and its memory in MiB then."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(TIMEOUT_S)
        variables = environment(server.getsockname()[1], handler, root)
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=root, env=variables, stdout=subprocess.DEVNULL, preexec_fn=pin)
        try:
            # Kept open while we look: a function whose request is hung up on ends itself.
            with asked(server):
                wall = time.perf_counter() - began
                found = Cost(cpu_clock(process.pid) * 1000, wall * 1000), memory(process.pid, "VmHWM")
                process.kill()
            return found
        except TimeoutError as error:
            raise Failed(f"{command[0]} did not ask for an event within {TIMEOUT_S} s; its message is above") from error
        finally:
            process.kill()
            process.wait()


def asked(server: socket.socket) -> socket.socket:
    """Returns when the first event has been asked for: the connection that waits for it."""
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
    """The runtime that Lambda starts for Node.js, or none where its native part could not be compiled."""
    package = node / "node_modules" / "aws-lambda-ric"
    return ["node", str(package / "index.mjs"), "handler.handler"] if (package / "rapid-client.node").exists() else None


def zip_size(entries: dict[str, Path]) -> int:
    """Bytes of the zip with these files in it."""
    counter = Counter()
    with zipfile.ZipFile(counter, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in sorted(entries.items()):
            archive.write(path, name)
    return counter.bytes


class Counter:
    """A file that only counts what is written to it."""

    def __init__(self) -> None:
        self.bytes = 0

    def write(self, data: bytes) -> int:
        self.bytes += len(data)
        return len(data)

    def flush(self) -> None:
        pass


def node_entries(node: Path) -> dict[str, Path]:
    """What is deployed of the article's function: its code, and sharp with all that it depends on. The AWS SDK is part of
    Lambda's runtime."""
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
