"""Numbers told twice, by whoever: in messages, and in the turns of a transcript."""

import time

import pytest

from callward.cards.text import mask_document, mask_texts
from callward.speech.engine import Word
from callward.speech.masking import mask_cards
from callward.speech.merge import Turn
from callward.speech.transcript import Transcript


@pytest.mark.parametrize(
    ("texts", "masked"),
    [
        (["4539", "4539?", "1488", "1488?", "0343", "0343?", "6467", "6467?"],
         ["4539", "4539?", "14••", "••••?", "••••", "••••?", "6467", "6467?"]),
        (["4111", "4111?", "1111", "1111?", "1111", "1111?", "1111", "1111?"],
         ["4111", "4111?", "11••", "••••?", "••••", "••••?", "1111", "1111?"]),
        (["4539", "yes", "1488", "could you repeat that", "1488", "0343", "6467"],
         ["4539", "yes", "14••", "could you repeat that", "••••", "••••", "6467"]),
        (["4539", "hold on", "1488", "it is a long one, is it not", "0343", "6467"],
         ["4539", "hold on", "14••", "it is a long one, is it not", "••••", "6467"]),
        (["4539", "1488", "so 4539 1488", "0343", "6467"],
         ["4539", "14••", "so •••• ••••", "••••", "6467"]),
    ],
)  # fmt: skip
def test_groups_read_back(texts: list[str], masked: list[str]) -> None:
    """What is said again neither hides a number nor survives it."""
    assert mask_texts(texts) == (masked, 1)


def test_each_speaker_alone() -> None:
    """Digits of another kind in between do not hide what one person says."""
    texts = [
        {"from": who, "text": text}
        for who, text in zip(
            "cacacaca",
            ["4539", "that is 1 of 4", "1488", "2 of 4", "0343", "3 of 4", "6467", "12"],
            strict=True,
        )
    ]
    masked, count = mask_document({"texts": texts})
    assert count == 1
    assert [item["text"] for item in masked["texts"]] == [
        "4539", "that is 1 of 4", "14••", "2 of 4", "••••", "3 of 4", "6467", "12",
    ]  # fmt: skip
    assert [item["from"] for item in masked["texts"]] == list("cacacaca")


def test_a_word_that_goes_on_in_the_next_message() -> None:
    """Neither the multiple nor its digit can be read."""
    texts = ["four double", "one", *["one"] * 4, "double", "one", *["one"] * 7]
    masked, count = mask_texts(texts)
    assert count == 1
    assert masked[6:8] == ["••", "•"]


def _transcript(turns: list[tuple[str, str]]) -> Transcript:
    return Transcript(
        "test",
        "en-GB",
        60.0,
        tuple(
            Turn(who, tuple(
                Word(text=word, start=at + place / 10, end=at + (place + 1) / 10, confidence=1.0)
                for place, word in enumerate(said.split())
            ))
            for at, (who, said) in enumerate(turns)
        ),
    )  # fmt: skip


def test_turns_read_back() -> None:
    """Groups that the other speaker repeats are found, and so are the repeats."""
    groups = ["four five three nine", "one four eight eight", "oh three four three",
              "six four six seven"]  # fmt: skip
    turns = [turn for group in groups for turn in (("c", group), ("a", f"{group} okay"))]
    masked = mask_cards(_transcript(turns))
    left = " ".join(turn.text for turn in masked.transcript.turns).split()
    assert set(left) <= {"*", "okay"}
    assert masked.numbers >= 1


def test_turns_with_other_digits_between() -> None:
    """Each speaker's words are read alone."""
    turns = [("c", "four five three nine"), ("a", "that was one of four"),
             ("c", "one four eight eight"), ("a", "two"), ("c", "oh three four three"),
             ("a", "three"), ("c", "six four six seven")]  # fmt: skip
    masked = mask_cards(_transcript(turns)).transcript.turns
    assert {word.text for turn in masked if turn.speaker == "c" for word in turn.words} == {"*"}
    assert masked[1].text == "that was one of four"


@pytest.mark.parametrize("unit", [["1"], ["4111"], ["4539", "4539?"], ["12" * 20], ["one", "ok"]])
def test_many_messages_take_time_in_proportion(unit: list[str]) -> None:
    """Ten thousand messages of three or of hundreds of speakers."""
    texts = unit * (10_000 // len(unit))
    start = time.process_time()
    mask_texts(texts, [place % 3 for place in range(10_000)])
    mask_texts(texts, [place % 700 for place in range(10_000)])
    assert time.process_time() - start < 4
