"""`python -m media`: a media pod."""

from __future__ import annotations

import asyncio
import sys

from infra.settings import settings
from infra.telemetry.logging import configure
from media.app import CannotStart, run


def main() -> int:
    here = settings()
    configure(here.log_level, as_json=here.log_json)
    try:
        asyncio.run(run(here))
    except CannotStart as why:
        print(f"media: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
