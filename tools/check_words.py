#!/usr/bin/env python3
"""Finds words that have no place in the repository.

The repository speaks of the product alone: no paths of somebody's machine, no host names of package
registries (their clients know them), no reminders to finish something, no numbers of tickets.
"""

import re

from source_tree import Tree, main

# Written in pieces so that this file passes its own check.
REGISTRIES = [("registry", "npmjs"), ("files", "pythonhosted"), ("pypi", "org"), ("crates", "io"),
              ("proxy", "golang"), ("repo1", "maven"), ("repo", "maven"), ("deb", "debian")]
RULES = [
    (re.compile(r"(?<![\w.~$}/-])/(?:work|root|tmp|home/\w+)/\w"),
     "a path of one machine; use a relative path, a flag or mktemp"),
    (re.compile("|".join(r"\b" + r"\.".join(host) + r"\b" for host in REGISTRIES)),
     "the host of a package registry; name the package and let its client find it"),
    (re.compile("|".join(rf"\b{word}\b" for word in ("TO" + "DO", "FIX" + "ME", "X" * 3))),
     "unfinished work; finish it, or state the limit as a fact"),
    (re.compile(r"\b[Ii]ssue #?\d+\b"),
     "the number of a ticket; say what it was about"),
]


def run(tree: Tree) -> None:
    for name in tree.files():
        if b"\0" in (tree.root / name).read_bytes()[:8192]:
            continue
        for number, line in enumerate(tree.text(name).splitlines(), 1):
            for pattern, mend in RULES:
                found = pattern.search(line)
                if found and not tree.excepted(name):
                    tree.violations.append(f"{name}:{number}: `{found.group().strip()}` is {mend}")


if __name__ == "__main__":
    main("words", __doc__, run)
