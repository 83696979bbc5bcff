"""An emulator of AWS on this machine: ministack deploys CloudFormation templates and runs the functions' programs. It ignores IAM."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"


class Emulator:
    """An emulated AWS for the length of a `with` block."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="thumbnails-aws-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        # The functions inherit AWS_ENDPOINT_URL; without it they would call the real AWS.
        self.environment = os.environ | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        server = self.environment | {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",  # It would listen on every interface.
            "AWS_LAMBDA_LOG_FORMAT": "JSON",  # For the functions, because the emulator ignores their LoggingConfig.
            "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.2",  # AWS waits a minute before a retry.
            "STATE_DIR": f"{self.folder.name}/state",
            "S3_DATA_DIR": f"{self.folder.name}/s3",
            "TMPDIR": self.folder.name,
        }
        self.log = open(f"{self.folder.name}/log", "w+")
        self.process = subprocess.Popen(
            [ROOT / ".venv/ministack/bin/ministack"], env=server, stdout=self.log, stderr=self.log, start_new_session=True
        )
        self.wait_for("the emulator to answer", self.answers)
        return self

    def __exit__(self, *_):
        # Its process group includes the functions' programs.
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.log.close()
        self.folder.cleanup()

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the emulator ended:\n{self.tail()}")
        try:
            urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=2)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def tail(self):
        self.log.flush()
        lines = open(self.log.name, errors="replace").read().splitlines()[-40:]
        return "\n".join(line[:400] for line in lines)

    def client(self, service):
        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )

    def wait_for(self, what, probe, seconds=60):
        """Calls `probe` until its answer is true, and returns the answer."""
        deadline = time.monotonic() + seconds
        while not (answer := probe()):
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s in vain for {what}; the emulator's log ends:\n{self.tail()}")
            time.sleep(0.2)
        return answer

    def run(self, *command, **environment):
        """Runs a command against this AWS, and returns its output. If the command fails, the error shows the output."""
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))} failed:\n{done.stdout}")
        return done.stdout


class Throttling:
    """The emulator's API for the length of a `with` block. Invocations with a job for one of the `keys` are answered with 429."""

    def __init__(self, url, keys):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if json.loads(body)["key"] in keys:
                    return self.answer(429, {"X-Amzn-ErrorType": "TooManyRequestsException"}, b'{"Message": "throttled"}')
                request = urllib.request.Request(url + self.path, body, dict(self.headers), method="POST")
                with urllib.request.urlopen(request) as answer:
                    self.answer(answer.status, {}, answer.read())

            def answer(self, status, headers, body):
                self.send_response(status)
                for name, value in (headers | {"Content-Length": str(len(body))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
