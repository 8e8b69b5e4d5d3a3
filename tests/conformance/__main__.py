"""`make conformance BASE=http://… [OPERATOR_KEY=…]`: every example, against a server that runs."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
from collections.abc import Sequence

import httpx2
from rich.console import Console
from rich.table import Table

from infra.settings import Settings
from tests.conformance.dialects import DIALECTS
from tests.conformance.kit import Shown, play
from tests.conformance.stage import LiveStage

WITHIN_S = 30.0
WIDE = 160
"Columns of a table that goes into a file."


def main() -> None:
    parser = argparse.ArgumentParser(prog="make conformance", description=__doc__)
    parser.add_argument("base", help="where the server answers, such as http://127.0.0.1:8080")
    parser.add_argument("--operator-key", default=os.environ.get("OPERATOR_KEY") or _local_key())
    parser.add_argument("--dialect", choices=[each.name for each in DIALECTS], action="append")
    asked = parser.parse_args()
    if not asked.operator_key:
        parser.error("OPERATOR_KEY is needed: the stories begin with a tenant of their own")
    # Tenants, keys and tokens are made through Chalk, whichever dialects are asked for.
    wanted = {"chalk", *(asked.dialect or [each.name for each in DIALECTS])}
    shown = asyncio.run(_play(asked.base, asked.operator_key, wanted))
    console = Console()
    if not console.is_terminal:
        console.width = WIDE
    sys.exit(report(shown, console))


def _local_key() -> str | None:
    """The operator key of a stack of this machine's, where it keeps its state."""
    path = Settings().home / "keys" / "operator"
    return path.read_text().strip() if path.exists() else None


async def _play(base: str, operator_key: str, wanted: set[str]) -> list[Shown]:
    async with httpx2.AsyncClient(base_url=base, timeout=WITHIN_S, trust_env=False) as http:
        dialects = [each for each in DIALECTS if each.name in wanted]
        return await play(http, LiveStage(http), dialects, operator_key)


def report(shown: Sequence[Shown], console: Console) -> int:
    """Print the table. 1 where anything is not as documented, else 0."""
    table = Table("", "endpoint", "example", "")
    for dialect, examples in itertools.groupby(shown, key=lambda each: each.dialect):
        for endpoint, of_it in _by_endpoint(list(examples)):
            for each in of_it:
                said = "[green]ok[/]" if each.ok else "[red]" + "\n".join(each.wrong) + "[/]"
                table.add_row(dialect, endpoint, each.shows, said)
                dialect = endpoint = ""
        table.add_section()
    console.print(table)
    misses = sum(not each.ok for each in shown)
    console.print(f"{len(shown)} examples, {misses} not as documented")
    return 1 if misses else 0


def _by_endpoint(shown: list[Shown]) -> list[tuple[str, list[Shown]]]:
    """In the order in which endpoints are first met."""
    return [
        (endpoint, [each for each in shown if each.endpoint == endpoint])
        for endpoint in dict.fromkeys(each.endpoint for each in shown)
    ]


if __name__ == "__main__":
    main()
