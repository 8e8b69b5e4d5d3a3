"""The made parts of the client packages. What would come out the same is left as it is."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.clients.generate import python

HERE = Path(__file__).parent
PYTHON = HERE / "python" / "parley_client" / "generated"
TYPESCRIPT = HERE / "typescript"
CLASSES = {"chalk": "ChalkOperations", "kcs": "KcsOperations", "chroom": "ChroomOperations"}

Documents = Mapping[str, Any]
"By the dialect's name."


def documents() -> Documents:
    """What the handlers of this checkout say of themselves."""
    words = [sys.executable, "-m", "handlers", "openapi"]
    said = subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout
    found: Documents = json.loads(said)
    return found


def build_python(found: Documents) -> None:
    for name, document in found.items():
        _write(PYTHON / f"{name}.py", python(document, CLASSES[name]))
    _write(PYTHON / "__init__.py", '"""Made from the documents; not to be edited."""\n')


def build_typescript(found: Documents) -> None:
    """Types from the documents, then what is run. Needs the network when its packages change."""
    for name, document in found.items():
        _write(TYPESCRIPT / "documents" / f"{name}.json", json.dumps(document, indent=1))
    wanted = _digest(
        [
            *TYPESCRIPT.glob("*.json"),
            *TYPESCRIPT.glob("*.yaml"),
            *(TYPESCRIPT / "documents").iterdir(),
            *(TYPESCRIPT / "src").glob("*.ts"),
        ]
    )
    made = TYPESCRIPT / "dist" / ".made-from"
    if made.exists() and made.read_text() == wanted:
        return
    lock, installed = TYPESCRIPT / "package-lock.json", TYPESCRIPT / "node_modules" / ".made-from"
    if not installed.exists() or installed.read_text() != _digest([lock]):
        _npm("ci", "--no-audit", "--no-fund", "--loglevel=error")
        installed.write_text(_digest([lock]))
    _npm("run", "--silent", "types")
    _npm("run", "--silent", "build")
    made.write_text(wanted)


def _npm(*words: str) -> None:
    command = [sys.executable, "-m", "infra.cli.npm", "--prefix", str(TYPESCRIPT), *words]
    subprocess.run(command, check=True, cwd=TYPESCRIPT)


def _digest(paths: list[Path]) -> str:
    whole = hashlib.sha256()
    for path in sorted(paths):
        whole.update(f"{path.name}\0".encode() + path.read_bytes())
    return whole.hexdigest()


def _write(path: Path, text: str) -> None:
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
