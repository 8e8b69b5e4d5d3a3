"""What is said, in what order, and what an outage does to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from infra.contract.refusals import Reason, refuse
from media.io.news import News


class Ear:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.deaf = False

    def saying(self, words: str) -> Callable[[], Awaitable[None]]:
        async def say() -> None:
            await asyncio.sleep(0)
            if self.deaf:
                raise refuse(Reason.UNAVAILABLE)
            self.heard.append(words)

        return say


async def test_news_is_said_in_its_order() -> None:
    news, ear = News(), Ear()
    news.say("a", ear.saying("first"))
    news.say("b", ear.saying("second"))

    assert await news.flush()

    assert ear.heard == ["first", "second"]


async def test_only_the_latest_of_one_subject_is_said_after_an_outage() -> None:
    news, ear = News(), Ear()
    ear.deaf = True
    for n in range(1_000):
        news.say("tracks", ear.saying(str(n)))
        await news.flush()
    ear.deaf = False

    assert await news.flush()

    assert ear.heard == ["999"]


async def test_what_changes_while_it_is_being_said_is_said_again() -> None:
    news, ear = News(), Ear()
    news.say("tracks", ear.saying("old"))

    flushing = asyncio.create_task(news.flush())
    await asyncio.sleep(0)
    news.say("tracks", ear.saying("new"))
    await flushing

    assert ear.heard == ["old", "new"]
    assert len(news) == 0
