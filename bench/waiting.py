"""Measures how long image-processor waits for S3 in an invocation, with the local S3 server.

A stub of Lambda's Runtime API gives the function one job after another. Waiting is wall-clock time minus processor time.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import contextlib
import json
import queue
import signal
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import coldstart
from contestants import Failed, cpu_clock, pin

BUCKET, KEY = "my-image-bucket", "uploads/source"
# The number of jobs. The first one also opens connections, and is not counted.
JOBS = 21


@contextlib.contextmanager
def s3(local: Path) -> Iterator[str]:
    """Runs the local S3. Yields its endpoint."""
    with tempfile.TemporaryDirectory() as folder:
        command = [local, "s3", "--s3-port", "0", "--data", folder, "--bucket", BUCKET]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            endpoint = process.stdout.readline().split()
            if len(endpoint) != 2:
                raise Failed("the local S3 did not start; its message is above")
            yield endpoint[1]
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Ignores that the function is killed while it waits for its next job."""


class Runtime:
    """A stub of the Runtime API for one function."""

    def __init__(self) -> None:
        jobs, answers = queue.Queue(), queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = json.dumps(jobs.get()).encode()
                deadline = round((time.time() + coldstart.TIMEOUT_S) * 1000)
                names = {"Aws-Request-Id": "r", "Deadline-Ms": deadline, "Invoked-Function-Arn": "arn:aws:lambda:us-east-1:1:function:f"}
                self.answer(200, body, {f"Lambda-Runtime-{name}": str(value) for name, value in names.items()})

            def do_POST(self):
                said = self.body()
                answers.put((self.path, said))
                self.answer(202, b"{}", {})

            def body(self) -> bytes:
                if "Content-Length" in self.headers:
                    return self.rfile.read(int(self.headers["Content-Length"]))
                said = b""
                while length := int(self.rfile.readline(), 16):
                    said += self.rfile.read(length)
                    self.rfile.readline()
                self.rfile.readline()
                return said

            def answer(self, status, body, headers):
                self.send_response(status)
                for name, value in (headers | {"Content-Type": "application/json", "Content-Length": str(len(body))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.jobs, self.answers = jobs, answers
        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def invoke(self, job: dict) -> dict:
        """Sends a job to the function. Returns its result."""
        self.jobs.put(job)
        try:
            path, said = self.answers.get(timeout=coldstart.TIMEOUT_S)
        except queue.Empty:
            raise Failed(f"image-processor did not answer within {coldstart.TIMEOUT_S} s; its message is above") from None
        if not path.endswith("/response"):
            raise Failed(f"image-processor failed: {said.decode()}")
        return json.loads(said)["result"]


def measure(function: Path, local: Path, file: Path) -> dict:
    """Measures all jobs but the first. Returns the median waiting time in milliseconds, the number of jobs and the name of the file."""
    with s3(local) as endpoint:
        runtime = Runtime()
        variables = coldstart.environment(runtime.server.server_port, "bootstrap", function.parent) | {
            "AWS_ENDPOINT_URL_S3": endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        process = subprocess.Popen([function], env=variables, stdout=subprocess.DEVNULL, preexec_fn=pin)
        try:
            request = urllib.request.Request(f"{endpoint}/{BUCKET}/{KEY}", file.read_bytes(), method="PUT")
            urllib.request.urlopen(request).close()
            waits = [one(runtime, process.pid) for _ in range(JOBS)][1:]
        finally:
            process.kill()
            process.wait()
            runtime.server.shutdown()
    return {"local_ms": round(statistics.median(waits), 1), "jobs": len(waits), "file": file.name}


def one(runtime: Runtime, pid: int) -> float:
    """Measures one invocation. Returns the milliseconds that it waits."""
    cpu, wall = cpu_clock(pid), time.perf_counter()
    result = runtime.invoke({"bucket": BUCKET, "key": KEY})
    cpu, wall = cpu_clock(pid) - cpu, time.perf_counter() - wall
    if result["outcome"] != "made":
        raise Failed(f"image-processor made no thumbnails: {result['message']}")
    return (wall - cpu) * 1000
