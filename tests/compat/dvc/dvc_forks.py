"""Runs the real `dvc` many times and imports it once: importing takes longer than most commands.

Reads one JSON object a line: {"words", "folder", "environment", "output"}. For each it forks, and the child
is `dvc WORDS` in that folder with its output in that file. Answers each with the exit code on a line.
"""

import json
import os
import sys

from dvc.cli import main


def become(command: dict) -> int:
    os.chdir(command["folder"])
    os.environ.clear()
    os.environ.update(command["environment"])
    output = os.open(command["output"], os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = ["dvc", *command["words"]]
    return main(command["words"])


def serve():
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 255
            try:
                code = become(json.loads(line))
            finally:
                sys.stdout.flush()
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
