"""Checks the style of imports, which stable rustfmt cannot check. In each block of `use` items, the standard library comes first, then
other crates, then this crate, with a blank line between them. Each crate is named once for each visibility."""

import re
import subprocess
import sys
from pathlib import Path

USE = re.compile(r"(?P<indent> *)(?P<visibility>pub(\([^)]*\))? )?use (::)?(?P<root>\w+)")
GROUPS = ["the standard library", "other crates", "this crate"]


def group(root: str, modules: set[str]) -> int:
    if root in ("std", "core", "alloc"):
        return 0
    return 2 if root in ("crate", "self", "super") or root in modules else 1


def problems(text: str) -> list[tuple[int, str]]:
    """Returns the numbers of the lines that break the style, each with the reason."""
    modules = set(re.findall(r"^\s*(?:pub(?:\([^)]*\))? )?mod (\w+)", text, re.MULTILINE))
    found = []
    seen, last, indent, is_open, is_blank, has_attribute = set(), 0, None, False, False, False
    for number, line in enumerate(text.splitlines(), 1):
        use = USE.match(line)
        if is_open:
            is_open = not line.rstrip().endswith(";")
        elif use:
            if use["indent"] != indent:
                seen, last, indent = set(), 0, use["indent"]
            this, name = group(use["root"], modules), (use["visibility"], use["root"])
            if name in seen and not has_attribute:
                found.append((number, f"`{use['root']}` is imported twice: join the items in braces"))
            if this < last:
                found.append((number, f"{GROUPS[this]} comes before {GROUPS[last]}"))
            elif this > last and seen and not is_blank:
                found.append((number, f"a blank line belongs before {GROUPS[this]}"))
            seen.add(name)
            last, is_open, is_blank, has_attribute = this, not line.rstrip().endswith(";"), False, False
        elif not line.strip():
            is_blank = True
        elif line.strip().startswith("#["):
            has_attribute = True
        elif not line.strip().startswith("//"):
            seen, last, indent, has_attribute = set(), 0, None, False
    return found


def main() -> int:
    files = subprocess.run(["git", "ls-files", "*.rs"], stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")
    found = [f"{file}:{number}: {why}" for file in filter(None, files) for number, why in problems(Path(file).read_text())]
    print("\n".join(found), end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
