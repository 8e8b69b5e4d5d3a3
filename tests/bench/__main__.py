"""`make bench [ARGS=name …]`: every figure, or those named."""

from __future__ import annotations

import asyncio
import importlib
import sys

BENCHES = ("forwarding", "commands", "reads")


def main() -> None:
    for name in sys.argv[1:] or BENCHES:
        module = importlib.import_module(f"tests.bench.{name}")
        print(f"{name}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
        asyncio.run(module.bench())


main()
