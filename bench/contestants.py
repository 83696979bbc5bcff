"""The programs that are measured: started on one core, told what to make, and observed from outside.

The kernel's clock of a process counts all its threads, and is read in the same way for every contestant, whatever language it
is written in. https://man7.org/linux/man-pages/man3/clock_getcpuclockid.3.html
"""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

NAMES = ["article", "tuned", "ours"]
# Judged by its JPEGs, and not timed.
MOZJPEG = "mozjpeg"


class Failed(Exception):
    """A contestant could not do its work; the message says which and why."""


@dataclass(frozen=True)
class Cost:
    """What something took: milliseconds of the processor and of the clock on the wall."""

    cpu_ms: float
    wall_ms: float


@dataclass(frozen=True)
class Programs:
    """Where the contestants are: our program, and the folder where the Node packages are installed. With `keep`, ours makes thumbnails
    that move."""

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
    """The last core that we may use: the first one is where most machines handle their interrupts."""
    return max(os.sched_getaffinity(0))


def pin() -> None:
    os.sched_setaffinity(0, {measured_core()})


def cpu_clock(pid: int) -> float:
    """Seconds that all threads of a process have run so far."""
    per_process_scheduler = 2
    return time.clock_gettime((~pid << 3) | per_process_scheduler)


def memory(pid: int, field: str) -> float:
    """MiB of resident memory: `VmHWM` is the peak so far, `VmRSS` what it is now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) / 1024
    raise Failed(f"process {pid} has no {field}")


class Contestant:
    """One process of a contestant. Use it as a context manager."""

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
        """Makes the thumbnails `count` times: what one time took on average, and the bytes of all sizes together."""
        cpu, wall = cpu_clock(self.process.pid), time.perf_counter()
        answer = self._ask(f"make {count} {file}")
        cpu, wall = cpu_clock(self.process.pid) - cpu, time.perf_counter() - wall
        return Cost(cpu * 1000 / count, wall * 1000 / count), int(answer)

    def ready(self) -> None:
        """Returns as soon as it has started and its libraries are loaded."""
        self._ask("make 0 /dev/null")

    def dump(self, file: Path, folder: Path) -> None:
        """Writes the thumbnails, encoded and not, into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self._ask(f"dump {folder} {file}")

    def curve(self, file: Path, folder: Path) -> None:
        """Writes the thumbnails at several qualities into a folder. Ours alone can."""
        self._ask(f"curve {folder} {file}")

    def memory(self, field: str) -> float:
        return memory(self.process.pid, field)

    def _ask(self, command: str) -> str:
        try:
            print(command, file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            status = self.process.wait()
            if status == -signal.SIGILL:
                raise Failed(f"{self.name} is built for a processor that this machine does not have")
            raise Failed(f"{self.name} gave up on {command!r} with status {status}; its message is above")
        return answer


def first_time(programs: Programs, name: str, file: Path, folder: Path) -> dict[str, float]:
    """Memory of a fresh process in MiB: before its first picture, and at the peak of making that one's thumbnails; which it
    writes into a folder then."""
    with Contestant(programs, name) as contestant:
        contestant.ready()
        idle = contestant.memory("VmHWM")
        contestant.make(file, 1)
        peak = contestant.memory("VmHWM")
        contestant.dump(file, folder)
    return {"idle": round(idle, 1), "peak": round(peak, 1)}
