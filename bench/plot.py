"""Draws the results as a plot: the time and the memory of each contestant, by class."""

from xml.sax.saxutils import escape

import figures

COLOURS = {"article": "#9aa4b2", "tuned": "#5b8def", "ours": "#e8590c"}
TITLES = {"article": "sharp, the function that this replaces", "tuned": "tuned sharp", "ours": "ours"}
INK, FAINT = "#24292f", "#d8dee4"

LABELS, PANEL, GAP, BAR, SPACE, TOP = 230, 330, 90, 11, 14, 76


def svg(results: dict) -> str:
    """An SVG with a row for each class. The left panel shows time relative to sharp's, the right panel memory."""
    classes = results["classes"]
    step = 3 * BAR + SPACE
    width, height = LABELS + 2 * PANEL + 2 * GAP, TOP + step * len(classes) + 14
    most_time = max(figures.cpu_ms(m, n) / figures.cpu_ms(m, "article") for m in classes for n in COLOURS)
    most_memory = max(figures.peak_mib(m, n) for m in classes for n in COLOURS)
    left, right = LABELS, LABELS + PANEL + GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>',
        text(left, 52, "processor time for a picture, sharp = 1", weight="bold"),
        text(right, 52, "peak memory, MiB", weight="bold"),
        *legend(left),
    ]
    unit = PANEL / most_time
    lines.append(f'<line x1="{left + unit:.1f}" x2="{left + unit:.1f}" y1="60" y2="{height - 12}" stroke="{FAINT}"/>')
    for number, measured in enumerate(classes):
        y = TOP + number * step
        lines.append(text(left - 10, y + 1.5 * BAR + 4, measured["class"], anchor="end"))
        for line, name in enumerate(COLOURS):
            part = figures.cpu_ms(measured, name) / figures.cpu_ms(measured, "article")
            said = f"{figures.cpu_ms(measured, name):.0f} ms" + (
                f", {figures.times(measured, 'article'):.1f}× faster" if name == "ours" else ""
            )
            lines += bar(left, y + line * BAR, part * unit, name, said)
            memory = figures.peak_mib(measured, name)
            lines += bar(right, y + line * BAR, memory * PANEL / most_memory, name, f"{memory:.0f}")
    return "\n".join([*lines, "</svg>"]) + "\n"


def legend(x: float) -> list[str]:
    lines = []
    for name, title in TITLES.items():
        lines.append(f'<rect x="{x}" y="16" width="12" height="12" rx="2" fill="{COLOURS[name]}"/>')
        lines.append(text(x + 18, 26, title))
        x += 40 + 6.4 * len(title)
    return lines


def bar(x: float, y: float, length: float, name: str, said: str) -> list[str]:
    return [
        f'<rect x="{x}" y="{y + 1}" width="{max(length, 1):.1f}" height="{BAR - 2}" rx="1" fill="{COLOURS[name]}"/>',
        text(x + max(length, 1) + 5, y + BAR - 2, said, size=10),
    ]


def text(x: float, y: float, said: str, anchor: str = "start", weight: str = "normal", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" font-size="{size}" fill="{INK}">{escape(said)}</text>'
    )
