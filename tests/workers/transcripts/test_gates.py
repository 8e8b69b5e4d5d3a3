from __future__ import annotations

import pytest

from workers.transcripts.gates import invented, loops

SOUND = {"avg_logprob": -0.2, "no_speech_prob": 0.01, "compression_ratio": 1.3}


def test_what_the_model_is_sure_of_is_kept() -> None:
    assert invented("good morning alice", **SOUND) is None


def test_a_guess_over_no_speech_is_left_out() -> None:
    figures = SOUND | {"avg_logprob": -1.2, "no_speech_prob": 0.7}

    assert invented("thank you for watching", **figures) == "no_speech"


@pytest.mark.parametrize(
    "figures", [{"avg_logprob": -1.2}, {"no_speech_prob": 0.9}], ids=["unsure", "quiet"]
)
def test_one_doubt_alone_is_not_enough(figures: dict[str, float]) -> None:
    assert invented("see you on monday", **SOUND | figures) is None


def test_text_that_packs_too_well_is_left_out() -> None:
    assert invented("so so so", **SOUND | {"compression_ratio": 2.41}) == "repetitive"


@pytest.mark.parametrize(
    "text",
    ["I think that " * 5, "well " * 8, "First. " + "Bring it here now, please. " * 6],
)
def test_a_phrase_that_keeps_coming_is_a_loop(text: str) -> None:
    assert loops(text)


@pytest.mark.parametrize(
    "text",
    ["no no no no no thank you", "nine nine nine zero zero zero", "we will see if we will see", ""],
)
def test_what_people_do_say_is_not_a_loop(text: str) -> None:
    assert not loops(text)
