"""Computes medians, ratios and differences from the results."""

import itertools
import math
import statistics

# Sharp counts as better if its SSIM is higher by more than this, or if our bytes are more than this many times its bytes.
SSIM_MARGIN = 0.001
BYTES_MARGIN = 1.03


def over_rounds(rounds: list[dict], clock: str = "cpu_ms") -> dict:
    """Summarises rounds, each `{name: {figure: value}}`: their number, the median of every figure, and how many times faster ours is by
    `clock`. The speed-up is the median of the rounds' ratios, because a disturbance of a round slows all contestants alike."""
    first = rounds[0]
    medians = {
        name: {figure: round(statistics.median(one[name][figure] for one in rounds), 3) for figure in figures} for name, figures in first.items()
    }
    rivals = [name for name in first if name != "ours" and "ours" in first]
    times = {rival: round(statistics.median(one[rival][clock] / one["ours"][clock] for one in rounds), 4) for rival in rivals}
    return {"rounds": len(rounds), "medians": medians, "times": times}


def ms(measured: dict, name: str, clock: str) -> float:
    """The median `cpu_ms` or `wall_ms` of a picture."""
    return measured["medians"][name][clock]


def cpu_ms(measured: dict, name: str) -> float:
    return ms(measured, name, "cpu_ms")


def times(measured: dict, rival: str) -> float:
    """How many times faster ours is."""
    return measured["times"][rival]


def memory_mib(measured: dict, name: str) -> dict[str, float]:
    """The memory of a process before its first picture (`idle`) and at its peak, for the file with the highest peak."""
    return max((file["memory_mib"][name] for file in measured["files"]), key=lambda memory: memory["peak"])


def peak_mib(measured: dict, name: str) -> float:
    return memory_mib(measured, name)["peak"]


def is_upright(measured: dict, name: str) -> bool:
    return all(size["upright"] for file in measured["files"] for size in file["contestants"][name].values())


def rival(measured: dict) -> str:
    """The contestant whose thumbnails ours are compared with: sharp's, unless it ignores the orientation."""
    return "article" if is_upright(measured, "article") else "tuned"


def bytes_ratio(measured: dict) -> float:
    return measured["bytes"]["ours"] / measured["bytes"][rival(measured)]


def ssim(measured: dict, name: str, what: str) -> float:
    """The mean SSIM over files and sizes: of the encoded `file`, or of the `pixels` before encoding."""
    return statistics.mean(size[what] for file in measured["files"] for size in file["contestants"][name].values())


def ssim_lead(measured: dict, what: str) -> float:
    """SSIM of ours minus SSIM of sharp's, at the size and file where the difference is lowest. Encoded files are compared at sharp's bytes
    if our SSIM at those bytes is known."""
    other = rival(measured)

    def lead(ours: dict, theirs: dict) -> float:
        at_their_bytes = theirs.get("ours_file") if what == "file" else None
        return (ours[what] if at_their_bytes is None else at_their_bytes) - theirs[what]

    return min(
        lead(size, file["contestants"][other][width]) for file in measured["files"] for width, size in file["contestants"]["ours"].items()
    )


def add_equals(contestants: dict) -> None:
    """Adds to each size of a rival our bytes at equal SSIMULACRA2 (`ours_bytes`) and our SSIM at equal bytes (`ours_file`), then drops the
    curves. Formats without a quality setting get no such figures, and neither do thumbnails that ignore the orientation."""
    curves = {width: size.pop("curve") for width, size in contestants["ours"].items()}
    for name, sizes in contestants.items():
        for width, size in sizes.items():
            size.pop("curve", None)
            if name != "ours" and size["upright"]:
                size["ours_bytes"] = between(curves[width], "ssimulacra2", size["ssimulacra2"], "bytes")
                size["ours_file"] = between(curves[width], "bytes", size["bytes"], "file")


def between(curve: list[dict], by: str, value: float, wanted: str) -> float | None:
    """Interpolates `wanted` where `by` equals `value`: linearly between the points of the curve, with bytes on a logarithmic scale. Returns
    None where the value lies outside the curve."""

    def scaled(name: str, number: float) -> float:
        return math.log(number) if name == "bytes" else number

    points = sorted((scaled(by, point[by]), scaled(wanted, point[wanted])) for point in curve)
    for (left, low), (right, high) in itertools.pairwise(points):
        if left < right and left <= scaled(by, value) <= right:
            found = low + (high - low) * (scaled(by, value) - left) / (right - left)
            return round(math.exp(found)) if wanted == "bytes" else round(found, 5)
    return None


def equal_look(measured: dict, name: str, width: str) -> float | None:
    """Our bytes divided by the rival's bytes, at equal SSIMULACRA2 and one width: the geometric mean over files."""
    sizes = [file["contestants"].get(name, {}).get(width, {}) for file in measured["files"]]
    ratios = [size["ours_bytes"] / size["bytes"] for size in sizes if size.get("ours_bytes")]
    return statistics.geometric_mean(ratios) if ratios and len(ratios) == len(sizes) else None


def has_scores(measured: dict) -> bool:
    return all("ssimulacra2" in size for file in measured["files"] for sizes in file["contestants"].values() for size in sizes.values())


def score(measured: dict, name: str) -> float | None:
    """SSIMULACRA2, the mean over files and sizes."""
    found = [size["ssimulacra2"] for file in measured["files"] for size in file["contestants"].get(name, {}).values()]
    return statistics.mean(found) if found else None


def start_ms(results: dict, name: str, clock: str = "wall_ms") -> float | None:
    return results["starts"]["medians"].get(name, {}).get(clock)


def start_mib(results: dict, name: str) -> float | None:
    return results["starts"]["medians"].get(name, {}).get("memory_mib")


def start_times(results: dict) -> float | None:
    """How many times faster ours starts."""
    return results["starts"]["times"].get("node")


def losses(results: dict) -> list[str]:
    """Sentences that name each class where sharp is better than ours."""
    found = []
    for measured in results["classes"]:
        said = []
        for name, what in (("article", "sharp"), ("tuned", "tuned sharp")):
            ratio = times(measured, name)
            if ratio < 1:
                said.append(f"{what} takes {ratio:.2f} of our time")
        for name, what in (("article", "sharp"), ("tuned", "tuned sharp")):
            ratio = peak_mib(measured, name) / peak_mib(measured, "ours")
            if ratio < 1:
                said.append(f"{what} takes {ratio:.2f} of our memory")
        if bytes_ratio(measured) > BYTES_MARGIN:
            said.append(f"our files are {bytes_ratio(measured) * 100 - 100:.0f}% larger")
        if (lead := ssim_lead(measured, "file")) < -SSIM_MARGIN:
            said.append(f"SSIM of our files is up to {-lead:.4f} lower")
        if said:
            found.append(f"{measured['class']}: {'; '.join(said)}.")
    return found
