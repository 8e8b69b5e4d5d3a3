from __future__ import annotations

import pytest

from infra.cli.npm import builds


@pytest.mark.parametrize(
    ("version", "good"),
    [
        ("v18.20.4", False),
        ("v20.18.3", False),
        ("v20.19.0", True),
        ("v21.7.3", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.1.0\n", True),
        ("", False),
    ],
)
def test_the_page_is_built_by_a_node_that_can(version: str, good: bool) -> None:
    assert builds(version) is good
