#!/usr/bin/env python3
"""Finds files and functions that have grown past one idea and one screen.

About 600 lines a file and 60 a function: past that is a warning, a quarter past it a violation. C++ is
read by matching braces, which suffices for formatted code; Python by its own parser.
"""

import ast
import re
import typing

from source_tree import Tree, main

FILE_LINES, FUNCTION_LINES = 600, 60
SLACK = 1.25

# Comments, raw strings, strings and characters; a digit separator as in 1'000 is not a character.
TOKENS = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
                    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.DOTALL)
SCOPE = re.compile(r"\b(namespace|class|struct|enum|union|extern)\b")
LABELS = re.compile(r"\s*(?:(?:public|private|protected)\s*:\s*)*")
BEFORE_BODY = re.compile(r"\s*[,{)]")
FUNCTION_NAME = re.compile(r"([\w:~]+|operator\S+)\s*\(")


class Function(typing.NamedTuple):
    name: str
    line: int
    lines: int


def blank(text: str) -> str:
    """The text with comments, strings and preprocessor lines replaced by spaces, line for line."""
    text = TOKENS.sub(lambda token: re.sub(r"[^\n]", " ", token.group()), text)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",
                  lambda directive: re.sub(r"[^\n]", " ", directive.group()), text, flags=re.MULTILINE)


def is_function(header: str) -> bool:
    """Whether the text before a brace at namespace or class scope begins a function's body."""
    return "(" in header and not SCOPE.search(header.split("(")[0]) \
        and not re.search(r"(?<![=!<>])=\s*$", header.rstrip("{ "))


def cpp_functions(text: str) -> list[Function]:
    text = blank(text)
    found: list[Function] = []
    open_function: tuple[str, int] | None = None  # its header and where that starts
    depth = 0  # braces open inside that function
    header_start = 0
    for brace in re.finditer(r"[{};]", text):
        if open_function:
            depth += {"{": 1, "}": -1}.get(brace.group(), 0)
            if depth:
                continue
            header, start = open_function
            open_function = None
            # `: member_{value} {` opens a brace before the body does: go on with the same header.
            if BEFORE_BODY.match(text, brace.end()):
                header_start = start
                continue
            name = FUNCTION_NAME.search(header)
            first = text.count("\n", 0, start) + 1
            last = text.count("\n", 0, brace.start()) + 1
            found.append(Function(name.group(1) if name else "?", first, last - first + 1))
        elif brace.group() == "{":
            header = text[header_start:brace.start()]
            if is_function(header):
                open_function, depth = (header, LABELS.match(text, header_start).end()), 1
                continue
        header_start = brace.end()
    return found


def python_functions(text: str) -> list[Function]:
    return [Function(node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1)
            for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def judge(tree: Tree, place: str, exception: str, what: str, lines: int, limit: int) -> None:
    if lines <= limit:
        return
    if lines > limit * SLACK:
        if not tree.excepted(exception):
            tree.violations.append(f"{place}: {what} has {lines} lines, {limit} is the measure: split it by "
                                   f"idea, or say why not in tools/check_exceptions.txt as `{exception}`")
    else:
        tree.warnings.append(f"{place}: {what} has {lines} lines, {limit} is the measure")


def run(tree: Tree) -> None:
    for name in tree.files(".h", ".cc", ".py"):
        text = tree.text(name)
        judge(tree, f"{name}:1", name, "the file", text.count("\n"), FILE_LINES)
        for function in python_functions(text) if name.endswith(".py") else cpp_functions(text):
            judge(tree, f"{name}:{function.line}", f"{name}:{function.name}", function.name,
                  function.lines, FUNCTION_LINES)


if __name__ == "__main__":
    main("sizes", __doc__, run)
