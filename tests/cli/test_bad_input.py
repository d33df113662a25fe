"""Wrong words: one clear message each, the right exit code, nothing done."""

from __future__ import annotations

import pytest
from tests.support.platform import Machine

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-shared")]

ASKED = [
    ("add app redsi", 4, ["there is no chart redsi", "did you mean redis?"]),
    ("add app nightly-report --version 9.9.9", 4, ["there is no version 9.9.9 of chart nightly-report", "there are 1.1.0"]),
    ("add app shop --env stagin", 4, ["there is no environment stagin", "did you mean staging?"]),
    ("add app shop --env staging --set a.b.c", 2, ["'a.b.c' sets nothing", "write path=value", "see jx add app --help"]),
    ("add app shop --env staging --values /nope", 2, ["'/nope' does not exist"]),
    ("add app shop --alias Not_A_Name", 2, ["'Not_A_Name' is not a valid name of an app", "lower-case"]),
    ("add app ../etc", 4, ["there is no chart ../etc"]),
    ("add app", 2, ["Missing argument 'NAME'", "jx add app [OPTIONS] NAME"]),
    ("add app redis shop", 2, ["unexpected extra argument (shop)"]),
    ("add app foo --repository http://127.0.0.1:1/charts", 10, ["http://127.0.0.1:1 cannot be reached"]),
    ("add app foo --repository http://user:pass@127.0.0.1:1/charts", None, []),
    ("add app foo --repository ftp://example.com/charts", None, []),
    ("upgrade app redsi", 4, ["app redsi is not installed"]),
    ("upgrade apps redis --all", 2, ["--all means every app"]),
    ("upgrade platform --version 9.9", 4, ["there is no version 9.9 of chart jx-platform", "1.1.0"]),
    ("delete app nope", 4, ["app nope is not installed"]),
    ("edit app jx-platform", 2, ["there is nothing to set", "--set key=value", "--values FILE"]),
    ("edit app jx-platform --values /bin/sh", 2, ["/bin/sh cannot be read as text"]),
    ("edit app nope --set a=b", 4, ["app nope is not installed"]),
    ("pr view 999", 4, ["has no pull request #999", "jx pr list"]),
    ("pr view abc", 2, ["'abc' is neither the number nor the URL"]),
    ("pr merge http://127.0.0.1:1/x/y/pulls/1", 4, ["is no repository of this platform"]),
    ("pr approve 1 --sha xyz", None, []),
    ("get apps --env nope", 4, ["there is no environment nope"]),
    ("--as nobody add app redis", 4, ["this platform's forge has no user 'nobody'", "jx local user add nobody"]),
    ("--platform nope get env", 4, ["nope", "jx install --ng"]),
    ("use nope", 4, ["no embedded platform and no known cluster 'nope'", "there are: local"]),
    ("resume nope", None, []),
    ("step env apply --take-lock", 2, ["--take-lock stops somebody else's apply", "--reason TEXT"]),
    ("local user add Bad_Login", None, []),
    ("local logs nope", 4, ["has no part 'nope'", "forge"]),
    ("local start --name ../x", None, []),
    ("local reset", 3, ["was not deleted", "--yes"]),
    ("step env apply --dir /nope", 4, ["there is no folder /nope"]),
    ("step env apply --allow everything", 2, ["'everything' is not one of", "'empty-render'"]),
    ("step helm version", 2, ["BUILD_NUMBER"]),
    ("install --ng --static-jenkins", 2, ["Incompatible options '--ng' and '--static-jenkins'", "why:"]),
    ("install --ng --timeout soon", 2, ["'soon' is not a valid integer"]),
    ("install --install-only", 3, ["platform local is installed already"]),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "said"), ASKED, ids=[words for words, _, _ in ASKED])
def test_a_wrong_word_gets_one_clear_message(
    platform: Machine, words: str, code: int | None, said: list[str]
) -> None:
    ran = platform.jx(*words.split())
    print(ran)
    assert ran.code not in {0, 70} if code is None else ran.code == code, ran
    ran.ended(ran.code)
    for part in said:
        assert part in ran.told
    assert ran.err.count("error:") == 1
    assert "pass@" not in ran.told


def test_wrong_words_left_nothing_behind(platform: Machine) -> None:
    titles = platform.jx("pr", "list", "--state", "all").ok().out
    assert not any(word in titles for word in ("redsi", "foo", "nope"))
