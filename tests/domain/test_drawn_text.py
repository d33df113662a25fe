from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.domain.objects import drawn_text
from jx.domain.objects.drawn_text import Mixed

ALPHANUMERIC = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SALTED = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhW{}"
BLOCK = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----"
UUID = "{}-1f3c-4a5b-8c7d-0123456789ab"


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def drawn(*texts: str) -> tuple[str, ...] | None:
    return drawn_text.pattern_of(texts).read(texts[0])


def test_words_that_differ_are_drawn_and_all_else_is_not() -> None:
    texts = [f"user: ann\npassword: {word}\n" for word in ("Ab1", "Cd2", "Ef3")]
    assert drawn(*texts) == ("Ab1",)
    assert drawn_text.pattern_of(texts).fill(["kept"]) == "user: ann\npassword: kept\n"


def test_several_draws_in_one_text_are_told_apart() -> None:
    assert drawn("a=Ab1 b=Cd2", "a=Ef3 b=Gh4", "a=Ij5 b=Kl6") == ("Ab1", "Cd2")


def test_words_in_base64_are_looked_into() -> None:
    texts = [encode(f'{{"auth": "{encode(f"ann:{word}")}"}}') for word in ("Ab1cd", "Ef3gh", "Ij5kl")]
    pattern = drawn_text.pattern_of(texts)
    assert pattern.read(texts[0]) == ("Ab1cd",)
    assert pattern.fill(["kept1"]) == encode(f'{{"auth": "{encode("ann:kept1")}"}}')


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (SALTED, "yzA"),
        (BLOCK, ("TUlJQ1ptQ0NBYz0=", "TUlJQ1ptQ0NBYzEK\nAA==", "TUlJQ1ptQ0NBYzI=")),
        (UUID, ("89abcdef", "01234567", "fedcba98")),
        ("2026-11-27T13:0{}:00Z", "123"),
    ],
)
def test_what_is_one_draw_is_one_word(form: str, words: str) -> None:
    whole = [form.format(word) for word in words]
    assert drawn(*(f"it is {one} here" for one in whole)) == (whole[0],)


def test_signs_of_all_kinds_are_one_draw_within_what_is_around_them() -> None:
    texts = [f'password = "{signs}"' for signs in ("a!b c", "?=)", "x{1}[y]")]
    assert drawn(*texts) == ("a!b c",)


def test_text_within_signs_of_all_kinds_is_refused() -> None:
    with pytest.raises(Mixed):
        drawn_text.pattern_of(["!! listen !", "? listen ??", ") listen )))"])


def test_a_text_with_other_surroundings_has_nothing_to_read() -> None:
    assert drawn_text.pattern_of(["a:x1", "a:x2", "a:x3"]).read("b:x4") is None


_WORDS = st.lists(st.text(ALPHANUMERIC, min_size=12, max_size=24), min_size=6, max_size=6, unique=True)


@given(_WORDS, st.lists(st.sampled_from(["ann", ": ", "\n", "@", ", ", "{", '"', "% x "]), max_size=6))
def test_what_was_read_and_filled_in_again_is_what_it_was(words: list[str], around: list[str]) -> None:
    text = "".join(around)

    def made(one: str, other: str) -> str:
        return f"{text}<{one}>{text}<{encode(f'ann:{other}')}>{text}"

    texts = [made(*pair) for pair in zip(words[::2], words[1::2], strict=True)]
    pattern = drawn_text.pattern_of(texts)
    assert [pattern.read(one) for one in texts] == list(zip(words[::2], words[1::2], strict=True))
    assert [pattern.fill(pattern.read(one) or ()) for one in texts] == texts
