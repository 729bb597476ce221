"""Draw the rooms of the library and their imports into CONTRIBUTING.md.

    python -m tools.rooms

A room is a folder of `precision_lib`; an arrow leads from a room to one that it
imports. The floors are those that import-linter holds to, in pyproject.toml.
"""

from __future__ import annotations

import re
import tomllib

import grimp

from tools.steps import ROOT

LIBRARY = "precision_lib"
PAGE = ROOT / "CONTRIBUTING.md"
MARKS = "<!-- rooms: drawn by python -m tools.rooms -->", "<!-- end of rooms -->"
GROUND = {"errors", "paths"}  # single files that every room may stand on


def main() -> None:
    """Write the picture anew."""
    PAGE.write_text(redrawn(PAGE.read_text("utf-8")), "utf-8")


def redrawn(page: str) -> str:
    """The page with the picture as the code is now."""
    begin, end = MARKS
    between = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    return between.sub(lambda _: f"{begin}\n{picture()}\n{end}", page)


def picture() -> str:
    """Floors and arrows as a Mermaid flowchart, then each room with all it imports."""
    arrows, levels = imports(), floors()
    lines = ["```mermaid", "flowchart TD"]
    for number, floor in levels:
        lines += [f'  subgraph f{number}[" "]', f"    {' & '.join(floor)}", "  end"]
    lines += [
        f"  {room} --> {' & '.join(sorted(near))}"
        for _, floor in levels
        for room in floor
        if (near := arrows[room] - beyond(arrows, room))
    ]
    lines += ["```", "", "Left out above: arrows that a longer way implies. All:", ""]
    lines += ["| floor | room | imports |", "|--:|---|---|"]
    lines += [
        f"| {n} | `{room}` | {', '.join(sorted(arrows[room])) or '–'} |"
        for n, floor in levels
        for room in floor
    ]
    return "\n".join(lines)


def floors() -> list[tuple[int, list[str]]]:
    """Rooms by floor, the highest first; the lowest is 0."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    rooms = [re.split(r"\s*\|\s*", layer) for layer in layers if layer not in GROUND]
    return list(zip(range(len(rooms) - 1, -1, -1), rooms, strict=True))


def imports() -> dict[str, set[str]]:
    """The rooms that each room imports, as the code has it."""
    graph = grimp.build_graph(LIBRARY, exclude_type_checking_imports=True)
    found: dict[str, set[str]] = {}
    for module in graph.modules - {LIBRARY, f"{LIBRARY}.__main__"}:
        room = module.split(".")[1]
        names = graph.find_modules_directly_imported_by(module)
        others = {name.split(".")[1] for name in names if "." in name}
        found.setdefault(room, set()).update(others - {room} - GROUND)
    return {room: far for room, far in found.items() if room not in GROUND}


def beyond(arrows: dict[str, set[str]], room: str) -> set[str]:
    """Rooms that are reached from a room over another one."""
    seen: set[str] = set()
    waiting = [far for near in arrows[room] for far in arrows[near]]
    while waiting:
        far = waiting.pop()
        if far not in seen:
            seen.add(far)
            waiting += arrows[far]
    return seen


if __name__ == "__main__":
    main()
