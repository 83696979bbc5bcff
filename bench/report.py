#!/usr/bin/env python3
"""Renders the results of run.py: as Markdown, as a plot, and as parts of the README and docs/operations.md.

`report.py RESULTS.json README.md` writes these files. With `--check` it only compares them with the results.
"""

import argparse
import json
import sys
from pathlib import Path

import cost
import decoders
import figures
import plot
from contestants import MOZJPEG

FILES = ["results.json", "results.md", "results.svg"]
BEGIN, END = "<!-- made by `make bench`: begin -->", "<!-- made by `make bench`: end -->"
BACKFILL = "   <!-- backfill by `make bench`: begin -->", "   <!-- backfill by `make bench`: end -->"

# The page with the costs, relative to the README.
OPERATIONS = "docs/operations.md"

# The order of the columns.
ORDER = ("article", "tuned", "ours")

# The classes that the README shows.
SUMMARY = (
    "JPEG, 12 MP",
    "JPEG, 12 MP, progressive",
    "JPEG, 2 MP",
    "JPEG, 0.3 MP",
    "JPEG, 6 photos from cameras",
    "PNG, photo, 6 MP",
    "WebP, lossy, 12 MP",
    "GIF, photo, 1.2 MP",
    "AVIF, 12 MP",
)

# The widths of the thumbnails, in the order of the report.
WIDTHS = ("500", "300", "100")


def markdown(results: dict) -> str:
    """The content of results.md."""
    parts = [conditions(results), speed(results), quality(results), look(results), scaled(results), starts(results), cost.markdown(results), behind(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def conditions(results: dict) -> str:
    machine, versions = results["machine"], results["versions"]
    rounds = results["classes"][0]["rounds"]
    quick = " A quick run: expect noise." if results["quick"] else ""
    return (
        f"{machine['date']}, {machine['processor']}, {machine['architecture']}, one core of {machine['cores']}, {machine['system']}; "
        f"sharp {versions['sharp']} (libvips {versions['libvips']}) on Node.js {versions['node']}, rustc {versions['rustc']}. "
        f"Medians of {rounds} alternating rounds.{quick}"
    )


def speed(results: dict) -> str:
    head = (
        "| source → 100, 300, 500 px | sharp, ms | tuned, ms | ours, ms | × sharp | × tuned | sharp, MiB | tuned, MiB | ours, MiB |\n"
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    )
    rows = []
    for measured in results["classes"]:
        took = [f"{figures.cpu_ms(measured, name):.1f} ({figures.ms(measured, name, 'wall_ms'):.0f})" for name in ORDER]
        ratios = [f"**{figures.times(measured, 'article'):.1f}**", f"{figures.times(measured, 'tuned'):.1f}"]
        memory = [f"{figures.peak_mib(measured, name):.0f}" for name in ORDER]
        rows.append(table_row(measured["class"], *took, *ratios, *memory))
    notes = (
        "\n\n*Sharp* is the Node.js function that this project replaces, *tuned* the fastest way to use sharp that we know. ms: processor time of all threads for all three sizes, with the elapsed time in brackets. "
        "×: their time ÷ ours. MiB: peak of a fresh process."
    )
    return head + "\n".join(rows) + notes


def quality(results: dict) -> str:
    head = (
        "| thumbnails | sharp, bytes | tuned, bytes | ours, bytes | ours ÷ sharp | sharp, SSIM | tuned, SSIM | ours, SSIM | lead "
        "| ours before encoding | lead |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    )
    rows = []
    for measured in results["classes"]:
        mark = "" if figures.rival(measured) == "article" else " ¹"
        sizes = [f"{measured['bytes'][name]:,}" for name in ORDER]
        files = [f"{figures.ssim(measured, name, 'file'):.4f}" for name in ORDER]
        leads = [f"{figures.ssim_lead(measured, what):+.4f}" for what in ("file", "pixels")]
        before = f"{figures.ssim(measured, 'ours', 'pixels'):.4f}"
        ratio = f"{figures.bytes_ratio(measured):.2f}"
        rows.append(table_row(measured["class"] + mark, *sizes, ratio, *files, leads[0], before, leads[1]))
    notes = (
        "\n\nSSIM compares each thumbnail with the fully decoded source, resized by Lanczos3; the columns show the mean of the three sizes. "
        "Lead: our SSIM minus sharp's, at the size where the difference is smallest. The first lead compares files of equal bytes, the second pixels before encoding."
    )
    if any(figures.rival(measured) == "tuned" for measured in results["classes"]):
        notes += " ¹ Sharp's thumbnails are not upright, so ours are compared with the tuned ones."
    return head + "\n".join(rows) + notes


def look(results: dict) -> str:
    """The table of bytes at equal SSIMULACRA2. Empty for results without SSIMULACRA2."""
    rivals = {"article": "sharp", "tuned": "tuned", MOZJPEG: "mozjpeg"}
    rows = []
    for measured in results["classes"]:
        scores = [figures.score(measured, name) for name in (*rivals, "ours")] if figures.has_scores(measured) else []
        parts = [[figures.equal_look(measured, name, width) for width in WIDTHS] for name in rivals]
        if any(part is not None for sizes in parts for part in sizes):
            cells = [" / ".join("–" if part is None else f"{part:.2f}" for part in sizes) if any(sizes) else "" for sizes in parts]
            rows.append(table_row(measured["class"], *("" if one is None else f"{one:.1f}" for one in scores), *cells))
    if not rows:
        return ""
    heads = [f"{name}, SSIMULACRA2" for name in (*rivals.values(), "ours")] + [f"bytes at equal SSIMULACRA2, ours ÷ {name}" for name in rivals.values()]
    notes = (
        f"\n\nBytes at equal SSIMULACRA2, at {' / '.join(WIDTHS)} px: ours are interpolated between nine qualities. *Mozjpeg* is the tuned function "
        "with sharp's `mozjpeg: true`. Formats without a quality setting are left out, and so are thumbnails that are not upright."
    )
    return table_row("thumbnails", *heads) + "\n|---" + "|--:" * len(heads) + "|\n" + "\n".join(rows) + notes


def scaled(results: dict) -> str:
    """The table of scaled-jpeg and libjpeg-turbo. Empty if libjpeg-turbo was not built."""
    rows = []
    for eighths in decoders.scales(results):
        cells = []
        for coding in decoders.CODINGS:
            found = decoders.at(results, coding, eighths)
            times = sorted(decoders.times(one) for one in found)
            both = times if round(times[0], 1) != round(times[-1], 1) else times[:1]
            # libjpeg-turbo has no bounded decoding, so its time is the same as for "progressive".
            whose = ("ours",) if coding == "progressive, bounded" else ("ours", "turbo")
            cells += [f"{decoders.mean_ms(found, name):.1f}" for name in whose]
            cells.append(f"**{'–'.join(f'{time:.1f}' for time in (both[0], both[-1])[: len(both)])}**")
        rows.append(table_row(f"{eighths}/8", *cells))
    if not rows:
        return ""
    count = len({one["file"] for one in results["decoders"]})
    files = "one file" if count == 1 else f"{count} files"
    head = (
        "| JPEG decoded to | baseline: ours, ms | libjpeg-turbo, ms | × | progressive: ours, ms | libjpeg-turbo, ms | × "
        "| without the last refinement, ms | × |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    )
    notes = (
        f"\n\n`scaled-jpeg` against libjpeg-turbo with its assembly. ms: the mean of {files}. ×: libjpeg-turbo's time ÷ ours, for the file with "
        "the lowest ratio and the file with the highest. Instead of 3/8, libjpeg-turbo decodes to 4/8, for which it has assembly."
    )
    return head + "\n".join(rows) + notes


def table_row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def starts(results: dict) -> str:
    names = {"node": f"Node.js, aws-lambda-ric {results['versions']['aws-lambda-ric']}, sharp", "ours": "ours"}
    rows = []
    for name, title in names.items():
        wall = figures.start_ms(results, name)
        size = results["zip_bytes"].get(name)
        started = "not measured |  | " if wall is None else (
            f"{wall:.1f} | {figures.start_ms(results, name, 'cpu_ms'):.1f} | {figures.start_mib(results, name):.0f}"
        )
        rows.append(f"| {title} | {started} | {'' if size is None else f'{size / 1e6:.1f}'} |")
    times = figures.start_times(results)
    said = "" if times is None else f"\n\nOurs starts {times:.0f} times faster."
    head = "| from the start of the process to its first request for an event | ms | CPU ms | MiB then | zip, MB |\n|---|--:|--:|--:|--:|\n"
    return head + "\n".join(rows) + said


def behind(results: dict) -> str:
    found = figures.losses(results)
    if not found:
        return "Where sharp is ahead: nowhere in this run."
    return "Where sharp is ahead:\n\n" + "\n".join(f"- {sentence}" for sentence in found)


def one_line(measured: dict) -> str:
    costs = ", ".join(f"{name} {figures.cpu_ms(measured, name):.1f}" for name in ("article", "tuned", "ours"))
    return f"{costs} ms of CPU; ours {figures.times(measured, 'article'):.1f} and {figures.times(measured, 'tuned'):.1f} times faster"


def start_line(results: dict) -> str:
    return ", ".join(f"{name} {figures.start_ms(results, name):.1f} ms" for name in results["starts"]["medians"]) or "not measured"


def goals(results: dict) -> list[str]:
    """A line for each goal, which says whether the results meet it."""
    said = []

    def goal(text: str, value: float, bound: float, at_least: bool = True) -> None:
        met = value >= bound if at_least else value <= bound
        said.append(f"{'met   ' if met else 'missed'}  {text}: {value:.4g} (goal: {'≥' if at_least else '≤'} {bound:g})")

    speeds = {"PNG": 4, "GIF": 2.5, "WebP, lossy": 1.5, "JPEG": 1.7}
    for measured in results["classes"]:
        title = measured["class"]
        if bound := next((bound for start, bound in speeds.items() if title.startswith(start)), None):
            goal(f"{title}: times sharp's speed", figures.times(measured, "article"), bound)
        if title.startswith("JPEG"):
            least = min(figures.peak_mib(measured, name) for name in ("article", "tuned"))
            goal(f"{title}: part of sharp's memory", figures.peak_mib(measured, "ours") / least, 0.25, at_least=False)
        goal(f"{title}: lead in SSIM", figures.ssim_lead(measured, "file"), -figures.SSIM_MARGIN)
        goal(f"{title}: part of sharp's bytes", figures.bytes_ratio(measured), figures.BYTES_MARGIN, at_least=False)
        for name, bound in (("tuned", 0.88), (MOZJPEG, 1.0)) if "cameras" in title else ():
            for width in WIDTHS:
                if (part := figures.equal_look(measured, name, width)) is not None:
                    goal(f"{title}: part of {name}'s bytes at equal look, {width} px", part, bound, at_least=False)
    for (coding, eighths), bound in decoders.GOALS.items():
        if found := decoders.at(results, coding, eighths):
            goal(f"scaled-jpeg, {coding}, {eighths}/8: times libjpeg-turbo", min(map(decoders.times, found)), bound)
    if (times := figures.start_times(results)) is not None:
        goal("cold start: times Node.js", times, 15)
    return said


def readme_part(results: dict, picture: str) -> str:
    return f"{BEGIN}\n![Time and memory, ours beside sharp's]({picture})\n\n{summary(results)}\n{END}"


def operations_page(page: str, results: dict) -> str:
    """The page docs/operations.md with both tables of costs."""
    begin, end = BACKFILL
    page = with_part(page, f"{BEGIN}\n{cost.operations(results)}\n{END}")
    return with_part(page, f"{begin}\n{cost.backfill(results)}\n{end}", BACKFILL)


def summary(results: dict) -> str:
    """The README's table: speed, memory and bytes of the most common classes."""
    head = (
        "| source → 100, 300, 500 px | sharp, ms | tuned, ms | ours, ms | × sharp | × tuned | sharp, MiB | ours, MiB | bytes, ours ÷ sharp |\n"
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    )
    rows = []
    for measured in results["classes"]:
        if measured["class"] in SUMMARY:
            took = [f"{figures.cpu_ms(measured, name):.1f}" for name in ORDER]
            ratios = [f"**{figures.times(measured, 'article'):.1f}**", f"{figures.times(measured, 'tuned'):.1f}"]
            memory = [f"{figures.peak_mib(measured, name):.0f}" for name in ("article", "ours")]
            rows.append(table_row(measured["class"], *took, *ratios, *memory, f"{figures.bytes_ratio(measured):.2f}"))
    notes = (
        "*Sharp* is the Node.js function that this project replaces, *tuned* the fastest way to use sharp that we know. ms: processor time for all "
        "three sizes. "
        "×: their time ÷ ours. MiB: peak of a fresh process."
    )
    return f"{conditions(results)}\n\n{head}" + "\n".join(rows) + f"\n\n{notes}\n\n{cost.sentence(results)}".rstrip()


def with_part(readme: str, part: str, marks: tuple[str, str] = (BEGIN, END)) -> str:
    """Replaces the part of a page between the lines `marks`.

    Raises ValueError if the page does not have these lines."""
    begin, end = marks
    before, found, rest = readme.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"the page has no lines {begin} and {end}")
    return before + part + after


def as_json(results: dict) -> str:
    """The results as JSON, with a line for each class and for each scale of the decoder, so that differences are readable."""

    def value(found: object) -> str:
        if isinstance(found, list):
            return "[\n" + ",\n".join(f"  {value(one)}" for one in found) + "\n ]" if found else "[]"
        return json.dumps(rounded(found), ensure_ascii=False)

    return "{\n" + ",\n".join(f" {json.dumps(name)}: {value(found)}" for name, found in results.items()) + "\n}\n"


def rounded(found: object) -> object:
    """Rounds all numbers to more digits than any page shows."""
    if isinstance(found, dict):
        return {name: rounded(one) for name, one in found.items()}
    if isinstance(found, list):
        return [rounded(one) for one in found]
    return round(found, 6) if isinstance(found, float) else found


def pages(results: dict, out: Path, readme: Path | None) -> dict[Path, str]:
    """The content of each file that shows the results."""
    found = {out / FILES[1]: markdown(results), out / FILES[2]: plot.svg(results)}
    if readme:
        picture = (out / FILES[2]).resolve().relative_to(readme.resolve().parent).as_posix()
        operations = readme.parent / OPERATIONS
        found[readme] = with_part(readme.read_text(), readme_part(results, picture))
        found[operations] = operations_page(operations.read_text(), results)
    return found


def write(results: dict, out: Path, readme: Path | None) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for path, content in {out / FILES[0]: as_json(results), **pages(results, out, readme)}.items():
        path.write_text(content)


def stale(results: dict, out: Path, readme: Path) -> list[str]:
    """Names the files that do not show these results."""
    return [str(path) for path, content in pages(results, out, readme).items() if not path.exists() or path.read_text() != content]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file does not show the results")
    parser.add_argument("results", type=Path)
    parser.add_argument("readme", type=Path)
    arguments = parser.parse_args()
    results = json.loads(arguments.results.read_text())
    if not arguments.check:
        write(results, arguments.results.parent, arguments.readme)
    elif wrong := stale(results, arguments.results.parent, arguments.readme):
        sys.exit(f"these files do not show {arguments.results}: {', '.join(wrong)}. Update them: python3 bench/report.py {arguments.results} {arguments.readme}")


if __name__ == "__main__":
    main()
