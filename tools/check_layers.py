#!/usr/bin/env python3
"""Holds the includes, the CMake declarations and src/layers.txt against each other.

A module is src/FLOOR/NAME, except base and app, which are one module each. A file may include its own
module, lower floors, and same-floor modules that src/layers.txt names. What a module includes is what
its caisson_module(DEPS) names. No public header includes a heavy foreign header, and few files do.
"""

import re
import typing

from source_tree import Tree, main

FLOORS = ("base", "platform", "engines", "lifecycle", "protocols", "app")
SINGLE_MODULE_FLOORS = ("base", "app")
HEAVY = re.compile(r"(boost|grpcpp|spdlog|yaml-cpp|CLI|curl|xgboost)/|(sqlite3|libpq-fe|simdjson)\.h$")
MOST_HEAVY_FILES = 15
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
KEYWORDS = ("NAME", "SOURCES", "TESTS", "RESOURCES", "DEPS", "LIBRARIES", "TEST_DEPS", "TEST_LIBRARIES")


class Include(typing.NamedTuple):
    file: str
    line: int
    path: str
    quoted: bool

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


class Declaration(typing.NamedTuple):
    """One caisson_module() call: where it stands and the words after each keyword."""
    file: str
    line: int
    words: dict[str, list[str]]

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def floor_of(module: str) -> int:
    return FLOORS.index(module.split("/")[0])


def module_of(path: str) -> str | None:
    """The module of a path below src/, or None when it is in no floor."""
    parts = path.split("/")
    if parts[0] in SINGLE_MODULE_FLOORS:
        return parts[0]
    return "/".join(parts[:2]) if parts[0] in FLOORS and len(parts) > 2 else None


def is_test(file: str) -> bool:
    return file.endswith("_test.cc") or "/testing/" in file


def read_includes(tree: Tree) -> list[Include]:
    found = []
    for file in tree.files(".h", ".cc"):
        if not file.startswith("src/"):
            continue
        for number, line in enumerate(tree.text(file).splitlines(), 1):
            match = INCLUDE.match(line)
            if match:
                found.append(Include(file, number, match.group(2), match.group(1) == '"'))
    return found


def read_declarations(tree: Tree) -> dict[str, Declaration]:
    found = {}
    for file in tree.files("CMakeLists.txt"):
        text = re.sub(r"#.*", "", tree.text(file))
        for call in re.finditer(r"\bcaisson_module\s*\(([^)]*)\)", text):
            words: dict[str, list[str]] = {keyword: [] for keyword in KEYWORDS}
            keyword = ""
            for word in call.group(1).split():
                if word in KEYWORDS:
                    keyword = word
                elif keyword:
                    words[keyword].append(word)
            line = text[:call.start()].count("\n") + 1
            for name in words["NAME"]:
                found[name] = Declaration(file, line, words)
    return found


def read_edges(tree: Tree) -> dict[tuple[str, str], int]:
    edges = {}
    for number, line in enumerate(tree.text("src/layers.txt").splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        place = f"src/layers.txt:{number}"
        if len(words) != 3 or words[1] != "->":
            tree.violations.append(f"{place}: write `from -> to`")
        elif words[0].split("/")[0] != words[2].split("/")[0] or words[0].split("/")[0] not in FLOORS:
            tree.violations.append(f"{place}: {words[0]} and {words[2]} are not on one floor: lower floors "
                                   "need no line, higher ones cannot have one")
        else:
            edges[(words[0], words[2])] = number
    return edges


def check_cycles(tree: Tree, edges: dict[tuple[str, str], int]) -> None:
    """Reports each same-floor edge from which its own start can be reached again."""
    for (start, end), number in edges.items():
        reached, pending = set(), [end]
        while pending:
            module = pending.pop()
            if module not in reached:
                reached.add(module)
                pending += [target for source, target in edges if source == module]
        if start in reached:
            tree.violations.append(f"src/layers.txt:{number}: {start} -> {end} closes a circle: publish an "
                                   "event from one of them instead")


def breach(module: str, target: str, edges: dict[tuple[str, str], int]) -> str | None:
    """Why `module` may not use `target`, with the mend; None when it may."""
    if target == module or floor_of(target) < floor_of(module):
        return None
    if floor_of(target) > floor_of(module):
        return (f"{module} may not use {target}, which is on a higher floor: move what both need down, "
                "or publish an event")
    if (module, target) not in edges:
        return (f"{module} may not use {target}: use an event or the lineage graph, or decide on the edge "
                "in docs/adr/ and add it to src/layers.txt")
    return None


def check_includes(tree: Tree, includes: list[Include], declarations: dict[str, Declaration],
                   edges: dict[tuple[str, str], int]) -> None:
    for include in includes:
        if not include.quoted:
            continue
        module = module_of(include.file.removeprefix("src/"))
        target = module_of(include.path)
        if module is None:
            tree.violations.append(f"{include.file}:1: the file is in no module: move it to "
                                   "src/FLOOR/MODULE/")
        elif target is None:
            tree.violations.append(f'{include.place}: "{include.path}" is not a path from src/: write '
                                   '"FLOOR/MODULE/NAME.h", and <> for foreign headers')
        elif target != module:
            why = breach(module, target, edges)
            if why:
                tree.violations.append(f"{include.place}: {why}")
            elif "/internal/" in include.path:
                tree.violations.append(f"{include.place}: {include.path} is internal to {target}: use or "
                                       "extend its public headers")
            elif module in declarations:
                words = declarations[module].words
                if target not in words["DEPS"] + (words["TEST_DEPS"] if is_test(include.file) else []):
                    keyword = "TEST_DEPS" if is_test(include.file) else "DEPS"
                    tree.violations.append(f"{include.place}: add {target} to {keyword} in "
                                           f"{declarations[module].file}")


def check_declarations(tree: Tree, includes: list[Include], declarations: dict[str, Declaration],
                       edges: dict[tuple[str, str], int]) -> None:
    used: dict[tuple[str, bool], set[str]] = {}
    for include in includes:
        module, target = module_of(include.file.removeprefix("src/")), module_of(include.path)
        if module and target and include.quoted:
            used.setdefault((module, is_test(include.file)), set()).add(target)
    for module, declaration in declarations.items():
        for keyword, only_tests in (("DEPS", False), ("TEST_DEPS", True)):
            for target in declaration.words[keyword]:
                why = breach(module, target, edges) if module_of(target + "/x") else "no such module"
                if why:
                    tree.violations.append(f"{declaration.place}: {keyword} {target}: {why}")
                elif target not in used.get((module, only_tests), set()):
                    tree.violations.append(f"{declaration.place}: no file of {module} includes {target}: "
                                           f"remove it from {keyword}")


def check_listed(tree: Tree, declarations: dict[str, Declaration]) -> None:
    """A source that no CMake file names is not built, and a test that none names never fails."""
    for file in tree.files(".cc"):
        module = module_of(file.removeprefix("src/")) if file.startswith("src/") else None
        if module in declarations:
            name = file.removeprefix(f"src/{module}/")
            if not re.search(rf"(?<![\w/]){re.escape(name)}(?!\w)", tree.text(declarations[module].file)):
                tree.violations.append(f"{file}:1: {declarations[module].file} does not name it: add it to "
                                       f"{'TESTS' if is_test(file) else 'SOURCES'}")


def check_heavy(tree: Tree, includes: list[Include]) -> None:
    heavy: dict[str, Include] = {}
    for include in includes:
        if HEAVY.match(include.path):
            heavy.setdefault(include.file, include)
            if include.file.endswith(".h") and "/internal/" not in include.file:
                tree.violations.append(f"{include.place}: a public header may not include {include.path}: "
                                       "hide it behind a pointer to an implementation")
    counted = [file for file in sorted(heavy) if not tree.excepted(file)]
    for file in counted[MOST_HEAVY_FILES:]:
        tree.violations.append(f"{heavy[file].place}: {len(counted)} files include heavy headers and "
                               f"{MOST_HEAVY_FILES} may: go through the module that wraps the library")


def run(tree: Tree) -> None:
    includes, declarations, edges = read_includes(tree), read_declarations(tree), read_edges(tree)
    check_cycles(tree, edges)
    check_includes(tree, includes, declarations, edges)
    check_declarations(tree, includes, declarations, edges)
    check_listed(tree, declarations)
    check_heavy(tree, includes)


if __name__ == "__main__":
    main("layers", __doc__, run)
