"""A worker process that knows the tests' own commands and jobs.

`python -m tests.support.worker QUEUES LEASE_S`; settings come from the environment, as always.
"""

from __future__ import annotations

import sys

from infra.settings import settings
from infra.telemetry.logging import configure
from tests.support import owners
from workers.app import run
from workers.outbox import relay, sweeper

REGISTERED = (owners, relay, sweeper)
"Modules that say what they own by being imported."

if __name__ == "__main__":
    configure("WARNING")
    run(settings(), sys.argv[1].split(","), lease_s=float(sys.argv[2]))
