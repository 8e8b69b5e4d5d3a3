from __future__ import annotations

import pytest

from handlers.dialects.tree import Tree

TREE: Tree[str] = Tree()
for _path in ("/", "/rooms", "/rooms/{room}", "/rooms/stats", "/rooms/{id}/chat", "/{a}/b/{c}"):
    TREE.add(_path, _path)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/", ("/", {})),
        ("/rooms", ("/rooms", {})),
        ("/rooms/7", ("/rooms/{room}", {"room": "7"})),
        ("/rooms/stats", ("/rooms/stats", {})),
        ("/rooms/stats/chat", ("/rooms/{id}/chat", {"id": "stats"})),
        ("/rooms/b/c", ("/{a}/b/{c}", {"a": "rooms", "c": "c"})),
        ("/x/b/y", ("/{a}/b/{c}", {"a": "x", "c": "y"})),
    ],
)
def test_a_path_is_found_by_its_text_before_its_names(
    path: str, found: tuple[str, dict[str, str]]
) -> None:
    assert TREE.find(path) == found


@pytest.mark.parametrize("path", ["", "/rooms/", "//chat", "/rooms/7/chat/", "/rooms//chat", "/x"])
def test_nothing_is_found_where_nothing_is(path: str) -> None:
    assert TREE.find(path) is None
