"""A worker process that knows the tests' own commands and jobs beside the real ones.

`python -m tests.support.worker QUEUES LEASE_S`; settings come from the environment, as always.
"""

from __future__ import annotations

import sys

import tests.support.owners  # noqa: F401 - registers them
from infra.settings import settings
from infra.telemetry.logging import configure
from workers.app import import_owners, run

if __name__ == "__main__":
    configure("INFO")
    import_owners()
    run(settings(), sys.argv[1].split(","), lease_s=float(sys.argv[2]))
