"""`python -m infra.clients`: what the client packages need that is made, made where it is old."""

from __future__ import annotations

import sys

from infra.clients.build import build_python, build_typescript, documents

if __name__ == "__main__":
    found = documents()
    build_python(found)
    if "--python" not in sys.argv:
        build_typescript(found)
