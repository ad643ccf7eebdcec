"""Draw docs/architecture.svg from the imports of the code: `python docs/draw_architecture.py`."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("architecture.svg")
PACKAGES = {  # package -> the files that it reads
    "colorizer": "photographs",
    "study_server": "stimuli, manifest.csv",
    "analysis": "responses.csv, participants.csv, design.json",
}
RESULT = "report"

WIDTH, MARGIN, GAP = 920, 16, 8  # px
BOX_HEIGHT, TITLE_HEIGHT, LINK_HEIGHT = 28, 34, 46
CHARACTER = 7.4  # px, of 13 px sans-serif

STYLE = """
  text { font: 13px sans-serif; fill: #222; text-anchor: middle; dominant-baseline: central; }
  .title { font-weight: bold; font-size: 15px; text-anchor: start; }
  .package { fill: #f6f6f4; stroke: #999; }
  .folder { fill: #dfe9f5; stroke: #5b7ea6; }
  .module { fill: #fff; stroke: #bbb; }
  .arrow { stroke: #555; stroke-width: 2; fill: none; marker-end: url(#tip); }
"""


def list_modules(package: str) -> dict[str, Path]:
    """Return the file of every module of a package, by dotted name."""
    modules = {}
    files = (ROOT / package).rglob("*.py")
    for file in sorted(file for file in files if file.name != "__main__.py"):
        parts = file.relative_to(ROOT).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return modules


def list_imports(file: Path) -> Iterator[str]:
    """Yield what a file imports; `from a import b` yields `a.b`, whether or not it is a module."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def part_of(module: str) -> str:
    """`colorizer.color.bins` -> `color`: the subpackage, or the module beside subpackages."""
    return module.split(".")[1]


def find_dependencies(package: str) -> dict[str, set[str]]:
    """Return, for every part of a package, the other parts that it imports."""
    modules = list_modules(package)
    graph: dict[str, set[str]] = {part_of(name): set() for name in modules if "." in name}
    for module, file in modules.items():
        if "." not in module:
            continue
        for name in list_imports(file):
            target = name if name in modules else name.rpartition(".")[0]
            if target in modules and "." in target:
                graph[part_of(module)].add(part_of(target))
    return {part: targets - {part} for part, targets in graph.items()}


def sort_into_layers(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the parts from the top layer down; each part imports from lower layers only."""
    level: dict[str, int] = {}
    for part in TopologicalSorter(graph).static_order():
        level[part] = 1 + max((level[target] for target in graph[part]), default=-1)
    heights = sorted(set(level.values()), reverse=True)
    return [sorted(part for part in level if level[part] == height) for height in heights]


def box_width(part: str) -> float:
    """Return the width of a part's box, in px."""
    return CHARACTER * len(part) + 20


def break_into_rows(layer: list[str]) -> list[list[str]]:
    """Break a layer that is wider than the page into several rows."""
    rows: list[list[str]] = [[]]
    for part in layer:
        taken = sum(box_width(other) + GAP for other in rows[-1])
        if rows[-1] and taken + box_width(part) > WIDTH - 4 * MARGIN:
            rows.append([])
        rows[-1].append(part)
    return rows


def draw_row(package: str, parts: list[str], y: float) -> Iterator[str]:
    """Yield the boxes of one row, centered."""
    x = (WIDTH - sum(box_width(part) + GAP for part in parts) + GAP) / 2
    for part in parts:
        kind = "folder" if (ROOT / package / part).is_dir() else "module"
        width = box_width(part)
        yield (
            f'<rect class="{kind}" x="{x:.1f}" y="{y}" width="{width:.1f}" '
            f'height="{BOX_HEIGHT}" rx="4"/>'
        )
        yield f'<text x="{x + width / 2:.1f}" y="{y + BOX_HEIGHT / 2}">{escape(part)}</text>'
        x += width + GAP


def draw_package(package: str, top: float) -> tuple[list[str], float]:
    """Return the drawing of a package and the y coordinate of its lower edge."""
    y = top + TITLE_HEIGHT
    boxes: list[str] = []
    for layer in sort_into_layers(find_dependencies(package)):
        for row in break_into_rows(layer):
            boxes += draw_row(package, row, y)
            y += BOX_HEIGHT + GAP
        y += GAP
    frame = (
        f'<rect class="package" x="{MARGIN}" y="{top}" width="{WIDTH - 2 * MARGIN}" '
        f'height="{y - top}" rx="8"/>'
    )
    title = f'<text class="title" x="{2 * MARGIN}" y="{top + 20}">{package}</text>'
    return [frame, title, *boxes], y


def draw_link(files: str, top: float) -> tuple[list[str], float]:
    """Return an arrow with the names of the files that pass, and the y coordinate of its tip."""
    y = top + LINK_HEIGHT
    line = f'<path class="arrow" d="M{WIDTH / 2:.0f} {top + 22} V{y - 4}"/>'
    label = f'<text x="{WIDTH / 2:.0f}" y="{top + 12}">{escape(files)}</text>'
    return [label, line], y


def render() -> str:
    """Return the diagram as SVG."""
    parts, y = [], 0.0
    for package, files in PACKAGES.items():
        link, y = draw_link(files, y)
        drawing, y = draw_package(package, y)
        parts += [*link, *drawing]
    parts.append(f'<text x="{WIDTH / 2:.0f}" y="{y + 16}">{RESULT}</text>')
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 32:.0f}">',
            f"<style>{STYLE}</style>",
            '<defs><marker id="tip" orient="auto" markerWidth="8" markerHeight="8" refX="4" '
            'refY="4" markerUnits="userSpaceOnUse"><path d="M0 0 L8 4 L0 8 z"/></marker></defs>',
            f'<rect width="{WIDTH}" height="{y + 32:.0f}" fill="#fff"/>',
            *parts,
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
