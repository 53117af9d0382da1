"""How many circles of imports there are, among the files of a package and among its top folders: `python -m tools.circles
[PACKAGE ...]` (core, channels and bot without any). Imports for type checking alone count too. Exits 1 if there is one."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import grimp


def circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Groups of nodes that reach each other, the largest first."""
    reached = {node: _reach(graph, node) for node in graph}
    groups = {
        frozenset(other for other in reached[node] if node in reached.get(other, ()))
        for node in graph
        if node in reached[node]
    }
    return sorted((sorted(group) for group in groups), key=lambda group: (-len(group), group))


def _reach(graph: Mapping[str, Iterable[str]], start: str) -> set[str]:
    found: set[str] = set()
    ahead = list(graph[start])
    while ahead:
        node = ahead.pop()
        if node not in found:
            found.add(node)
            ahead += graph.get(node, ())
    return found


def imports_of(package: str) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """(file -> files that it imports, top folder or file -> those that it imports)."""
    known = grimp.build_graph(package, include_external_packages=False, exclude_type_checking_imports=False)
    files = {one: set(known.find_modules_directly_imported_by(one)) for one in known.modules}
    folders: dict[str, set[str]] = {}
    for file, targets in files.items():
        home = _folder(file)
        if home != package:
            folders.setdefault(home, set()).update({_folder(one) for one in targets} - {home, package})
    return files, folders


def _folder(module: str) -> str:
    return ".".join(module.split(".")[:2])


def unseen(package: str) -> list[str]:
    """Folders with code that no import checker looks into, because they are no packages."""
    folders = {one.parent for one in Path(package).rglob("*.py")}
    return sorted(str(one) for one in folders if not (one / "__init__.py").exists())


def main(packages: list[str]) -> int:
    found = 0
    for package in packages:
        for folder in unseen(package):
            print(f"   {folder} has no __init__.py: nobody looks into it")
            found += 1
        files, folders = imports_of(package)
        of_files, of_folders = circles(files), circles(folders)
        for group in (*of_files, *of_folders):
            print("  ", ", ".join(group))
        print(
            f"{package}: {len(files)} files, circles of files {len(of_files)}, of folders {len(of_folders)}"
        )
        found += len(of_files) + len(of_folders)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["core", "channels", "bot"]))
