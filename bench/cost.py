"""What a million pictures cost on Lambda.

Prices are list prices of us-east-1 in US dollars, without free tier. https://aws.amazon.com/lambda/pricing/
"""

from dataclasses import dataclass

import figures

GB_SECOND = {"x86_64": 0.0000166667, "aarch64": 0.0000133334}
MILLION_REQUESTS = 0.20
# A function with so much memory has one whole processor, and one with less has that part of it.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
ONE_PROCESSOR_MIB = 1769
LEAST_MIB, STEP_MIB, MOST_MIB = 128, 64, 10240
# Assumed for both: waiting for S3 to deliver the source and to take the thumbnails.
WAIT_MS = 60


@dataclass(frozen=True)
class Bill:
    """Of one function for a million pictures."""

    cpu_ms: float
    needed_mib: float
    memory_mib: int
    billed_ms: float
    dollars: float


def needed_mib(results: dict, measured: dict, name: str, start: str) -> float | None:
    """What the function holds before its first event, and what a picture adds at its peak."""
    before = figures.start_mib(results, start)
    memory = figures.memory_mib(measured, name)
    return None if before is None else before + memory["peak"] - memory["idle"]


def bill(results: dict, measured: dict, name: str, start: str) -> Bill | None:
    """At the memory that costs least of those that are enough."""
    needed = needed_mib(results, measured, name, start)
    if needed is None:
        return None
    cpu_ms = figures.cpu_ms(measured, name)
    price = GB_SECOND[results["machine"]["architecture"]]

    def at(memory_mib: int) -> Bill:
        billed_ms = cpu_ms * max(1, ONE_PROCESSOR_MIB / memory_mib) + WAIT_MS
        dollars = 1e6 * billed_ms / 1000 * memory_mib / 1024 * price + MILLION_REQUESTS
        return Bill(cpu_ms, needed, memory_mib, billed_ms, dollars)

    return min((at(memory) for memory in range(LEAST_MIB, MOST_MIB + 1, STEP_MIB) if memory >= needed), key=lambda bill: bill.dollars)
