"""Objects as files below one directory, each with a note of its checksum beside it.

ROOT/<key>              the object
ROOT/<dir>/.<name>.json size, time and checksum of what is there, storage class
ROOT/.tmp/              objects being written; renamed when whole and synced
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urlencode

from infra.contract.ids import new_id
from infra.storage.port import Checkpoint, ObjectUnknown, StoredObject, StoreUnavailable
from infra.storage.spool import sha256_of, sync_directory

ARCHIVE_CLASS = "ARCHIVE"
"Files have nowhere colder to go: the class is noted, the bytes stay."
COPY_BYTES = 8 * 1024 * 1024
STALE_S = 86_400
"Seconds after which what a dead writer left in `.tmp` is removed."

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


class LinkRefused(Exception):
    """The link was not made by this store, was changed, or has expired."""


@dataclass(frozen=True, slots=True)
class _Note:
    size_bytes: int
    mtime_ns: int
    sha256: str
    storage_class: str = "STANDARD"


class DiskStore:
    provider = "disk"

    def __init__(
        self,
        root: Path,
        base_url: str,
        secret: bytes,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`secret` signs links; `clock` gives seconds since 1970."""
        self._root = root
        self._base_url = base_url.rstrip("/")
        self._secret = secret
        self._clock = clock
        self._tmp = root / ".tmp"
        self._tmp.mkdir(parents=True, exist_ok=True)

    def put(
        self,
        key: str,
        path: Path,
        *,
        content_type: str,
        resume: Checkpoint | None = None,
        beat: Callable[[Checkpoint], None] = lambda _: None,
    ) -> StoredObject:
        target = self._path(key)
        digest = sha256_of(path)
        there = self._find(key)
        if there is not None and there.sha256 == digest:
            return there
        draft = self._tmp / str(new_id())
        try:
            copied = self._copy(path, draft, beat)
            if copied != digest:
                raise StoreUnavailable(f"{path} changed while it was being stored")
            target.parent.mkdir(parents=True, exist_ok=True)
            self._note(target, _note_of(draft, digest))
            draft.rename(target)
            sync_directory(target.parent)
        finally:
            draft.unlink(missing_ok=True)
        return self.head(key)

    def head(self, key: str) -> StoredObject:
        there = self._find(key)
        if there is None:
            raise ObjectUnknown(key)
        return there

    def open(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except (FileNotFoundError, IsADirectoryError) as error:
            raise ObjectUnknown(key) from error

    def fetch(self, key: str, path: Path) -> None:
        try:
            shutil.copyfile(self._path(key), path)
        except (FileNotFoundError, IsADirectoryError) as error:
            raise ObjectUnknown(key) from error

    def list(self, prefix: str) -> Iterator[StoredObject]:
        # A prefix need not end at a directory; the part that does narrows the search.
        folder = prefix.rpartition("/")[0]
        base = self._path(folder) if folder else self._root
        for path in sorted(base.rglob("*")):
            key = path.relative_to(self._root).as_posix()
            if key.startswith(prefix) and _KEY.fullmatch(key) and path.is_file():
                there = self._find(key)
                if there is not None:
                    yield there

    def folders(self, prefix: str) -> Iterator[str]:
        base = self._path(prefix.rstrip("/"))
        if base.is_dir():
            yield from sorted(path.name for path in base.iterdir() if path.is_dir())

    def delete(self, key: str) -> None:
        target = self._path(key)
        target.unlink(missing_ok=True)
        _note_path(target).unlink(missing_ok=True)
        for folder in target.parents:
            if folder == self._root:
                break
            try:
                folder.rmdir()
            except OSError:
                break  # something else is in it, or it is gone

    def archive(self, key: str) -> StoredObject:
        there = self.head(key)
        target = self._path(key)
        self._note(target, _note_of(target, there.sha256 or sha256_of(target), ARCHIVE_CLASS))
        return self.head(key)

    def link(self, key: str, *, filename: str, content_type: str, expires_s: int) -> str:
        self._path(key)
        expires = str(int(self._clock()) + expires_s)
        query = {
            "expires": expires,
            "filename": safe_filename(filename),
            "type": content_type,
        }
        query["signature"] = self._sign(key, query)
        return f"{self._base_url}/files/{quote(key)}?{urlencode(query)}"

    def verify(self, key: str, query: Mapping[str, str]) -> Path:
        """The file a link leads to. Raises LinkRefused, and ObjectUnknown when it is gone."""
        signature = query.get("signature", "")
        if not hmac.compare_digest(self._sign(key, query).encode(), signature.encode()):
            raise LinkRefused("not a link of this store")
        if int(query["expires"]) < self._clock():
            raise LinkRefused("expired")
        path = self._path(key)
        if not path.is_file():
            raise ObjectUnknown(key)
        return path

    def check(self) -> None:
        probe = self._tmp / f"check-{new_id()}"
        try:
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise StoreUnavailable(f"{self._root}: {error.strerror}") from error

    def tidy(self) -> int:
        """Remove what writers that died left behind; how many."""
        oldest = self._clock() - STALE_S
        stale = [path for path in self._tmp.iterdir() if path.stat().st_mtime < oldest]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)

    def _path(self, key: str) -> Path:
        # Names that begin with a dot are this store's own, so ".." is no key either.
        if not _KEY.fullmatch(key) or len(key) > 900:
            raise ObjectUnknown(key)
        return self._root / key

    def _find(self, key: str) -> StoredObject | None:
        path = self._path(key)
        try:
            stat = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not path.is_file():
            return None
        note = _read_note(path)
        if note is None or (note.size_bytes, note.mtime_ns) != (stat.st_size, stat.st_mtime_ns):
            # Restored from somewhere, or a writer died between note and file.
            note = _note_of(path, sha256_of(path))
            self._note(path, note)
        return StoredObject(key, note.size_bytes, note.sha256, note.storage_class)

    def _copy(self, source: Path, draft: Path, beat: Callable[[Checkpoint], None]) -> str:
        digest = hashlib.sha256()
        try:
            with source.open("rb") as reader, draft.open("xb") as writer:
                while piece := reader.read(COPY_BYTES):
                    digest.update(piece)
                    writer.write(piece)
                    beat({})
                writer.flush()
                os.fsync(writer.fileno())
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreUnavailable(f"{self._root}: {error.strerror}") from error
        return digest.hexdigest()

    def _note(self, target: Path, note: _Note) -> None:
        draft = self._tmp / str(new_id())
        draft.write_text(json.dumps(asdict(note)))
        draft.rename(_note_path(target))

    def _sign(self, key: str, query: Mapping[str, str]) -> str:
        parts = (key, query.get("expires", ""), query.get("filename", ""), query.get("type", ""))
        text = json.dumps(parts).encode()
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()


def safe_filename(name: str) -> str:
    """A name any file system takes, and that ends no header line (RFC 6266)."""
    kept = re.sub(r"[^A-Za-z0-9._ ()-]+", "_", name).strip(" .")[:120]
    return kept or "download"


def _note_path(target: Path) -> Path:
    return target.with_name(f".{target.name}.json")


def _note_of(path: Path, sha256: str, storage_class: str = "STANDARD") -> _Note:
    stat = path.stat()
    return _Note(stat.st_size, stat.st_mtime_ns, sha256, storage_class)


def _read_note(target: Path) -> _Note | None:
    try:
        return _Note(**json.loads(_note_path(target).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
