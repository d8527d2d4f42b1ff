"""First use, from end to end: the real assistant, the real store, a real browser, both languages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bot.app import build
from bot.settings import Settings
from tests.browser.conftest import PHONE, Server, Windows

WORDS = {
    "en": {
        "question": "What happens if my data leaks?",
        "follow_up": "And who do you tell besides me?",
        "clause": "privacy.7.4",
        "silent": "What is your favourite pizza topping?",
    },
    "zh": {
        "question": "如果我的信息泄露了，会怎么办？",
        "follow_up": "你们会把我的信息提供给谁？",
        "clause": "privacy.7.4",
        "silent": "你们公司食堂好吃吗？",
    },
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("assistant")
    app = build(
        Settings(database_url=f"sqlite:///{folder}/clausebot.db", key_file=folder / "keys.toml", knowledge_dir=folder)
    )
    with Server(app.web) as server:
        yield server.url
    app.close()


def say(page: Page, words: str) -> None:
    answers = page.locator(".line.theirs").count()
    page.locator("#text").fill(words)
    page.locator("#text").press("Enter")
    expect(page.locator(".line.theirs").nth(answers)).to_be_visible()
    expect(page.locator("#typing")).to_be_hidden()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_ask_follow_up_open_the_clause_and_rate(
    address: str, window: Windows, language: str, options: dict[str, object]
) -> None:
    words = WORDS[language]
    page = window(locale="zh-CN" if language == "zh" else "en-GB", **options)
    page.goto(address)
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans" if language == "zh" else "en")

    page.get_by_role("button", name=words["question"]).click()
    expect(page.locator(f".source[data-clause='{words['clause']}']")).to_be_visible()
    expect(page.locator(".line.mine .bubble")).to_have_text(words["question"])
    expect(page.locator(".receipt code")).not_to_be_empty()

    page.locator(f".source[data-clause='{words['clause']}']").click()
    expect(page.locator("#panel h2")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()

    page.locator(".rating button").first.click()
    expect(page.locator(".rating button").first).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#typing")).to_be_hidden()

    say(page, words["follow_up"])
    expect(page.locator(".line.mine .bubble").last).to_have_text(words["follow_up"])
    say(page, words["silent"])

    browsing = page.locator("[data-kind=browse]").first
    label = browsing.inner_text()
    answers = page.locator(".line.theirs").count()
    browsing.click()
    expect(page.locator(".line.theirs").nth(answers)).to_be_visible()

    page.reload()
    expect(page.locator(".line.mine .bubble").filter(has_text=words["question"])).to_have_count(1)
    expect(page.locator(".line.mine .bubble").filter(has_text=label)).to_have_count(1)
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_first_questions_are_all_answered_from_a_clause(address: str, window: Windows, language: str) -> None:
    page = window(locale="zh-CN" if language == "zh" else "en-GB")
    page.goto(address)
    for words in page.locator("button.starter").all_inner_texts():
        say(page, words)
        expect(page.locator(".line.theirs").last.locator(".source").first).to_be_visible()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_the_chat_keeps_is_one_press_away(address: str, window: Windows, language: str) -> None:
    page = window(locale="zh-CN" if language == "zh" else "en-GB")
    page.goto(address)
    page.locator("#intro .quiet").click()
    expect(page.locator(".line.theirs")).to_have_count(1)


def test_being_forgotten_is_answered_and_leaves_nothing(address: str, window: Windows) -> None:
    page = window()
    page.goto(address)
    say(page, "What happens if my data leaks?")
    say(page, "/forget")
    for _ in range(3):
        step = page.locator("[data-kind=step]:not([aria-disabled])")
        if not step.count():
            break
        answers = page.locator(".line.theirs").count()
        step.first.click()
        expect(page.locator(".line.theirs").nth(answers)).to_be_visible()
    page.reload()
    expect(page.locator("#intro")).to_be_visible()


def test_a_link_from_the_policy_shows_its_clause(address: str, window: Windows) -> None:
    page = window()
    page.goto(f"{address}/?ask=privacy.5.3")
    expect(page.locator(".source[data-clause='privacy.5.3']").first).to_be_visible()


def test_secrets_are_blanked_out_in_what_is_kept(address: str, window: Windows) -> None:
    page = window()
    page.goto(address)
    say(page, "my card is 4111 1111 1111 1111, is that stored?")
    expect(page.locator(".line.mine .bubble")).not_to_contain_text("4111 1111")
    page.reload()
    expect(page.locator(".line.mine .bubble")).not_to_contain_text("4111 1111")
