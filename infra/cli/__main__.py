"""`python -m infra.cli` is `parley`."""

from infra.cli.main import run

run()
