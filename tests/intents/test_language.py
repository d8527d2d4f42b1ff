"""Which language a message is in, and which script."""

import pytest

from intents.language import detect, is_traditional


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Do you sell my data?", "en"),
        ("你们会卖我的数据吗", "zh"),
        ("怎么关掉 cookie", "zh"),
        ("what does 隐私 mean in your policy", "en"),
        ("QQ登录安全吗", "zh"),
        ("ＤＥＬＥＴＥ my data", "en"),
    ],
)
def test_the_language_is_the_one_with_more_words(text: str, language: str) -> None:
    assert detect(text) == language


@pytest.mark.parametrize("text", ["", "12345", "🙂🙂", "?!", "\u202e\u200b"])
def test_text_without_letters_keeps_the_default(text: str) -> None:
    assert detect(text, default="zh") == "zh"
    assert detect(text, default="en") == "en"


def test_only_the_beginning_of_a_very_long_text_counts() -> None:
    assert detect("数据" * 1_000 + "word " * 50_000) == "zh"


@pytest.mark.parametrize("text", ["你們會賣我的資料嗎", "請問隱私權政策", "個人資訊怎麼刪除"])
def test_traditional_is_seen(text: str) -> None:
    assert is_traditional(text)


@pytest.mark.parametrize("text", ["你们会卖我的数据吗", "隐私政策", "cookie", "", "我的手机号", "后台在哪里"])
def test_simplified_or_neither_is_not_traditional(text: str) -> None:
    assert not is_traditional(text)
