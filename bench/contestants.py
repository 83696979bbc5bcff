"""Starts the contestants on one core, sends them commands, and measures them from outside.

Processor time is the kernel's CPU clock of the process, which counts all threads and works for every language.
https://man7.org/linux/man-pages/man3/clock_getcpuclockid.3.html
"""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

NAMES = ["article", "tuned", "ours"]
# The quality of its JPEGs is measured, but not its speed.
MOZJPEG = "mozjpeg"


class Failed(Exception):
    """A program could not do its work. The message says which and why."""


@dataclass(frozen=True)
class Cost:
    """Processor time and wall-clock time in milliseconds."""

    cpu_ms: float
    wall_ms: float


@dataclass(frozen=True)
class Programs:
    """The contestants' files: our program, and the folder with the Node packages. With `keep`, ours makes animated thumbnails."""

    ours: Path
    node: Path
    keep: bool = False

    def prepare(self) -> None:
        """Puts the scripts beside the packages that they import."""
        for script in sorted((Path(__file__).parent / "node").glob("*.mjs")):
            shutil.copy(script, self.node)

    def command(self, name: str) -> list[str]:
        if name == "ours":
            return [str(self.ours), *(["keep"] if self.keep else [])]
        return ["node", str(self.node / "contestant.mjs"), name]


def measured_core() -> int:
    """The last available core, because most machines handle interrupts on the first."""
    return max(os.sched_getaffinity(0))


def pin() -> None:
    os.sched_setaffinity(0, {measured_core()})


def cpu_clock(pid: int) -> float:
    """The processor time of all threads of a process, in seconds."""
    per_process_scheduler = 2
    return time.clock_gettime((~pid << 3) | per_process_scheduler)


def peak_mib(pid: int) -> float:
    """The peak of a process's resident memory in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


class Contestant:
    """A running contestant. Use it as a context manager."""

    def __init__(self, programs: Programs, name: str) -> None:
        self.name = name
        self.process = subprocess.Popen(
            programs.command(name), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=pin
        )

    def __enter__(self) -> "Contestant":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def make(self, file: Path, count: int) -> tuple[Cost, int]:
        """Makes the thumbnails `count` times. Returns the mean cost, and the bytes of all sizes together."""
        cpu, wall = cpu_clock(self.process.pid), time.perf_counter()
        answer = self._ask(f"make {count} {file}")
        cpu, wall = cpu_clock(self.process.pid) - cpu, time.perf_counter() - wall
        return Cost(cpu * 1000 / count, wall * 1000 / count), int(answer)

    def ready(self) -> None:
        """Returns when the contestant has loaded its libraries."""
        self._ask("make 0 /dev/null")

    def dump(self, file: Path, folder: Path) -> None:
        """Writes the thumbnails into a folder, as files and as pixels before encoding."""
        folder.mkdir(parents=True, exist_ok=True)
        self._ask(f"dump {folder} {file}")

    def curve(self, file: Path, folder: Path) -> None:
        """Writes the thumbnails at several qualities into a folder. Only ours supports this."""
        self._ask(f"curve {folder} {file}")

    def peak_mib(self) -> float:
        return peak_mib(self.process.pid)

    def _ask(self, command: str) -> str:
        try:
            print(command, file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            status = self.process.wait()
            if status == -signal.SIGILL:
                raise Failed(f"{self.name} is built for another processor than that of this machine")
            raise Failed(f"{self.name} gave up on {command!r} with status {status}; its message is above")
        return answer


def first_time(programs: Programs, name: str, file: Path, folder: Path) -> dict[str, float]:
    """Makes the thumbnails of `file` in a fresh process, and writes them into `folder`. Returns its memory in MiB: before the picture (`idle`)
    and at the peak (`peak`)."""
    with Contestant(programs, name) as contestant:
        contestant.ready()
        idle = contestant.peak_mib()
        contestant.make(file, 1)
        peak = contestant.peak_mib()
        contestant.dump(file, folder)
    return {"idle": round(idle, 1), "peak": round(peak, 1)}
