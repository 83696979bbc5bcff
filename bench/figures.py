"""What the measurements come to: medians, ratios, differences. Everything here is computed from the results alone."""

import itertools
import math
import statistics

# SSIM that may be lost, and bytes that may be used, before sharp's thumbnails count as better.
SSIM_MARGIN = 0.001
BYTES_MARGIN = 1.03


def over_rounds(rounds: list[dict], clock: str = "cpu_ms") -> dict:
    """What is kept of rounds, each `{name: {figure: value}}`: their number, every figure's median, and how many times faster ours is by
    `clock`. That is the median of each round's ratio, for what disturbs a round disturbs all of it."""
    first = rounds[0]
    medians = {
        name: {figure: round(statistics.median(one[name][figure] for one in rounds), 3) for figure in figures} for name, figures in first.items()
    }
    rivals = [name for name in first if name != "ours" and "ours" in first]
    times = {rival: round(statistics.median(one[rival][clock] / one["ours"][clock] for one in rounds), 4) for rival in rivals}
    return {"rounds": len(rounds), "medians": medians, "times": times}


def ms(measured: dict, name: str, clock: str) -> float:
    """A picture's `cpu_ms` or `wall_ms`."""
    return measured["medians"][name][clock]


def cpu_ms(measured: dict, name: str) -> float:
    return ms(measured, name, "cpu_ms")


def times(measured: dict, rival: str) -> float:
    """How many times faster ours is."""
    return measured["times"][rival]


def memory_mib(measured: dict, name: str) -> dict[str, float]:
    """Of a process before its first picture (`idle`) and at its peak, for the file that takes most."""
    return max((file["memory_mib"][name] for file in measured["files"]), key=lambda memory: memory["peak"])


def peak_mib(measured: dict, name: str) -> float:
    return memory_mib(measured, name)["peak"]


def is_upright(measured: dict, name: str) -> bool:
    return all(size["upright"] for file in measured["files"] for size in file["contestants"][name].values())


def rival(measured: dict) -> str:
    """Whose thumbnails ours are compared with: the article's, unless they lie on their side."""
    return "article" if is_upright(measured, "article") else "tuned"


def bytes_ratio(measured: dict) -> float:
    return measured["bytes"]["ours"] / measured["bytes"][rival(measured)]


def ssim(measured: dict, name: str, what: str) -> float:
    """The mean over files and sizes, of `file` or of `pixels`, which are the same before encoding."""
    return statistics.mean(size[what] for file in measured["files"] for size in file["contestants"][name].values())


def ssim_lead(measured: dict, what: str) -> float:
    """By how much ours is nearer to the reference than sharp's, at the size and file where it is worst; files at sharp's bytes, where
    it is known what ours show at those."""
    other = rival(measured)

    def lead(ours: dict, theirs: dict) -> float:
        at_their_bytes = theirs.get("ours_file") if what == "file" else None
        return (ours[what] if at_their_bytes is None else at_their_bytes) - theirs[what]

    return min(
        lead(size, file["contestants"][other][width]) for file in measured["files"] for width, size in file["contestants"]["ours"].items()
    )


def add_equals(contestants: dict) -> None:
    """Gives each rival's sizes what ours take at equal SSIMULACRA2 (`ours_bytes`) and show at equal bytes (`ours_file`, SSIM), and drops
    the curves that tell it. A format without a quality has no such figures, and neither has a thumbnail that lies on its side."""
    curves = {width: size.pop("curve") for width, size in contestants["ours"].items()}
    for name, sizes in contestants.items():
        for width, size in sizes.items():
            size.pop("curve", None)
            if name != "ours" and size["upright"]:
                size["ours_bytes"] = between(curves[width], "ssimulacra2", size["ssimulacra2"], "bytes")
                size["ours_file"] = between(curves[width], "bytes", size["bytes"], "file")


def between(curve: list[dict], by: str, value: float, wanted: str) -> float | None:
    """`wanted` where `by` has that value, on straight lines between the curve's points, those of bytes on a logarithmic scale; none where
    the value lies outside the curve."""

    def scaled(name: str, number: float) -> float:
        return math.log(number) if name == "bytes" else number

    points = sorted((scaled(by, point[by]), scaled(wanted, point[wanted])) for point in curve)
    for (left, low), (right, high) in itertools.pairwise(points):
        if left < right and left <= scaled(by, value) <= right:
            found = low + (high - low) * (scaled(by, value) - left) / (right - left)
            return round(math.exp(found)) if wanted == "bytes" else round(found, 5)
    return None


def equal_look(measured: dict, name: str, width: str) -> float | None:
    """Our bytes at that rival's SSIMULACRA2 as a part of its bytes, at one width: the geometric mean over files."""
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
    """Where sharp is ahead of ours, a sentence each."""
    found = []
    for measured in results["classes"]:
        said = []
        for name, what in (("article", "the article's function"), ("tuned", "best-tuned sharp")):
            ratio = times(measured, name)
            if ratio < 1:
                said.append(f"{what} takes {ratio:.2f} of our time")
        for name, what in (("article", "the article's function"), ("tuned", "best-tuned sharp")):
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
