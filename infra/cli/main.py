"""`parley`: run the stack, hold the sample meeting, or start one program by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Annotated, Any

import typer
from rich.console import Console

from infra.settings import Settings, settings

app = typer.Typer(
    help="Self-hosted meetings. Settings are PARLEY_* variables; unset ones mean this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)


def say(line: str) -> None:
    console.print(line, markup=False, soft_wrap=True)


def _become(*words: str) -> None:
    """This process goes on as that program, so signals and exit codes are its own."""
    os.execv(sys.executable, [sys.executable, "-m", *words])


@app.command()
def api() -> None:
    """The HTTP handlers: the APIs, the page, the sockets."""
    _become("handlers")


@app.command()
def worker(
    queues: Annotated[
        str,
        typer.Option(
            help="Which work: commands, uploads, recordings, transcripts, webhooks, mail."
        ),
    ] = "commands,uploads,recordings,transcripts,webhooks,mail",
) -> None:
    """A worker: carries out commands and jobs, and alone writes the database."""
    _become("workers", "--queues", queues)


@app.command()
def media() -> None:
    """A media pod: holds rooms and forwards their packets."""
    _become("media")


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    _become("infra.db.migrate")


@app.command("run")
def run_stack() -> None:
    """Everything on this machine until Ctrl-C; state is kept in PARLEY_HOME."""
    _finish(_run(settings()))


@app.command()
def demo(
    once: Annotated[bool, typer.Option(help="Exit after printing the transcript.")] = False,
) -> None:
    """A real meeting in a fresh home: held, recorded, stored through S3, transcribed."""
    from infra.cli.demo import hold_demo

    home = settings().home / "demo"
    fresh = Settings.model_validate({**_fields(settings()), "home": home})
    _finish(_with_signals(hold_demo(fresh, say, once=once), stopped=STOPPED if once else 0))


def _fields(chosen: Settings) -> dict[str, object]:
    return {name: getattr(chosen, name) for name in type(chosen).model_fields}


async def _run(chosen: Settings) -> int:
    from infra.cli.stack import running

    async def body() -> int:
        async with running(chosen, say) as stack:
            say(
                f"\nParley is up: {stack.url}   API: {stack.url}/docs   health: {stack.url}/healthz"
            )
            say(f"Operator key: {stack.operator_key}")
            say(f"State: {chosen.home}   Ctrl-C ends it.")
            await asyncio.Event().wait()
        return 0

    return await _with_signals(body())


STOPPED = 130
"Exit code of what was stopped before it was done, as shells have it for Ctrl-C."


async def _with_signals(body: Coroutine[Any, Any, int], *, stopped: int = 0) -> int:
    """Run it; SIGINT and SIGTERM cancel it, so everything it started is ended.

    Returns its exit code, or `stopped` when it was.
    """
    task = asyncio.create_task(body)
    loop = asyncio.get_running_loop()
    told = False

    def stop() -> None:
        nonlocal told
        if not told:
            told = True
            say("\nEnding ...")
            task.cancel()

    for sig in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sig, stop)
    try:
        return await task
    except asyncio.CancelledError:
        return stopped


def _finish(body: Coroutine[Any, Any, int]) -> None:
    from infra.cli.embedded import MissingTool
    from infra.cli.stack import StackFailed

    try:
        code = asyncio.run(body)
    except (StackFailed, MissingTool) as error:
        console.print(f"parley: {error}", markup=False, soft_wrap=True, style="red")
        code = 1
    raise SystemExit(code)


def run() -> None:
    app()
