"""`python -m workers [--queues commands,recordings,transcripts,uploads]`"""

from __future__ import annotations

import argparse
import sys

from infra.settings import settings
from infra.telemetry.logging import configure
from workers.app import QUEUES, CannotStart, import_owners, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m workers", description="A Parley worker.")
    parser.add_argument(
        "--queues", default=",".join(QUEUES), help="comma-separated (default: %(default)s)"
    )
    chosen = parser.parse_args().queues.split(",")
    here = settings()
    configure(here.log_level, as_json=here.log_json)
    import_owners()
    try:
        run(here, [queue.strip() for queue in chosen])
    except CannotStart as why:
        print(f"worker: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
