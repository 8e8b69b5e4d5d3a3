from __future__ import annotations

import re
from pathlib import Path

import workers
from infra.contract import commands
from infra.contract.messages import Command
from workers.app import OWNING, import_owners
from workers.owners import MOURNERS, OWNERS, PERFORMERS


def test_every_module_that_owns_something_is_imported_by_the_worker() -> None:
    root = Path(workers.__file__).parent
    owning = {
        "workers." + ".".join(path.relative_to(root).with_suffix("").parts)
        for path in root.rglob("*.py")
        if re.search(r"^@(owns(_after)?|performs|mourns|every)\(", path.read_text(), re.MULTILINE)
    }

    assert set(OWNING) == owning


def test_every_command_has_an_owner() -> None:
    import_owners()

    ours = {
        thing.model_fields["kind"].default
        for thing in vars(commands).values()
        if isinstance(thing, type) and issubclass(thing, Command) and "kind" in thing.model_fields
    }

    assert {kind for kind in ours if isinstance(kind, str)} - OWNERS.keys() == set()


def test_every_job_that_may_fail_for_good_has_somebody_to_hear_of_it() -> None:
    import_owners()

    ours = {kind for kind in PERFORMERS if not kind.startswith("test.")}

    assert ours - MOURNERS.keys() == set()
