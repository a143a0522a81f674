"""What the check scripts share: the files of the repository, the listed exceptions, the way to report."""

import argparse
import pathlib
import subprocess
import sys

EXCEPTIONS = "tools/check_exceptions.txt"


class Tree:
    """The files under `root` that git tracks or would track, and what is wrong with them.

    An exception is a line `CHECK PLACE REASON` in tools/check_exceptions.txt. One that nothing needs any
    more is itself reported, so the list cannot rot.
    """

    def __init__(self, root: pathlib.Path, check: str) -> None:
        self.root = root
        self.check = check
        self.violations: list[str] = []
        self.warnings: list[str] = []
        self._exceptions: dict[str, int] = {}
        file = root / EXCEPTIONS
        for number, line in enumerate(file.read_text().splitlines() if file.exists() else [], 1):
            words = line.split(maxsplit=2)
            if not words or words[0].startswith("#") or words[0] != check:
                continue
            if len(words) < 3:
                self.violations.append(f"{EXCEPTIONS}:{number}: write `{check} PLACE REASON`")
            else:
                self._exceptions[words[1]] = number
        self._used: set[str] = set()

    def files(self, *suffixes: str) -> list[str]:
        """Paths relative to the root, sorted, with one of the suffixes; all files without any."""
        listing = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                 cwd=self.root, capture_output=True, check=True).stdout.decode()
        return sorted(name for name in set(listing.split("\0"))
                      if name and name.endswith(suffixes or ("",)) and (self.root / name).is_file())

    def text(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8", errors="replace")

    def excepted(self, place: str) -> bool:
        if place in self._exceptions:
            self._used.add(place)
        return place in self._exceptions

    def finish(self) -> int:
        """Prints what was found and returns the exit status."""
        for place in sorted(self._exceptions.keys() - self._used):
            self.violations.append(f"{EXCEPTIONS}:{self._exceptions[place]}: nothing needs the exception "
                                   f"for {place} any more: remove the line")
        for warning in self.warnings:
            print(f"warning: {warning}")
        for violation in self.violations:
            print(violation)
        print(f"check_{self.check}: {len(self.violations)} violations, {len(self.warnings)} warnings")
        return 1 if self.violations else 0


def main(check: str, description: str, run) -> None:
    """The command line of a check script: run(tree) adds to the tree's violations."""
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent,
                        help="the checkout to look at (default: this one)")
    tree = Tree(parser.parse_args().root, check)
    run(tree)
    sys.exit(tree.finish())
