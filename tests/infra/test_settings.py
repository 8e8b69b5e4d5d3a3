"""The README's table of settings."""

from __future__ import annotations

from pathlib import Path

from infra.settings import settings_table


def test_the_readme_lists_every_setting_as_the_code_declares_it() -> None:
    readme = Path("README.md").read_text()

    listed = readme.split("<!-- settings -->")[1].split("<!-- /settings -->")[0].strip()

    assert listed == settings_table()
