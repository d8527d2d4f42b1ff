"""Traditional wording: Taiwan's terms, the company's name kept, nothing mangled by the general dictionary."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from intents.traditional import read_terms, traditional
from intents.wording import LANGUAGES_FOLDER
from knowledge.errors import BrokenFile
from knowledge.library import load_policy

WEB_TEXTS = Path(__file__).parents[2] / "bot" / "templates" / "text" / "zh.toml"

FOREIGN = re.compile(
    "釋出|宣告|資訊保安|記憶體|許可權|登出帳|賬|天后|伙伴|渠道|洩露|跟蹤|計算機|型別|繫結|披露|訪問|郵箱|人工客服|“|”"
)
"""What the general dictionary would say, and nobody in Taiwan does."""


def _texts(table: dict[str, Any]) -> Iterator[str]:
    for value in table.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from _texts(value)


def _everything_shown() -> list[str]:
    """Every Chinese text a person can be shown: replies, web pages, clauses, law."""
    files = [*sorted((LANGUAGES_FOLDER / "zh" / "said").glob("*.toml")), WEB_TEXTS]
    shown = [text for file in files for text in _texts(tomllib.loads(file.read_text(encoding="utf-8")))]
    policy = load_policy("kenpai")
    shown += [policy.name["zh"], policy.title["zh"], policy.contact["zh"]]
    shown += [section.title["zh"] for section in policy.sections.values()]
    for thing in (*policy.clauses.values(), *policy.law.values()):
        shown += [thing.citation["zh"], thing.heading["zh"], thing.plain["zh"]]
    return shown


@pytest.mark.parametrize(
    ("simplified", "expected"),
    [
        ("境内存储与出境", "境內儲存與出境"),
        ("您还有权限制别人处理", "您還有權限制別人處理"),
        ("用户信息安全事件", "使用者資訊安全事件"),
        ("《法律声明及隐私政策》", "《法律聲明及隱私政策》"),
        ("满 90 天后清除", "滿 90 天後清除"),
        ("如何注销账号", "如何刪除帳號"),
        ("授权合作伙伴", "授權合作夥伴"),
        ("发布公告", "發布公告"),
        ("计算机病毒", "電腦病毒"),
        ("请发送“人工”。", "請傳送「人工」。"),
        ("《个人信息保护法》第四十五条", "《個人信息保護法》第四十五條"),
        ("小型数据文件", "小型資料檔案"),
        ("制定这份文件", "制定這份文件"),
        ("电子邮箱和手机号码", "電子信箱和手機號碼"),
    ],
)
def test_terms_where_the_general_dictionary_errs(simplified: str, expected: str) -> None:
    assert traditional(simplified) == expected


@pytest.mark.parametrize(
    ("simplified", "expected"),
    [
        ("对您的影响应当最小", "對您的影響應當最小"),
        ("确保存储安全", "確保儲存安全"),
        ("区域名称", "區域名稱"),
        ("接收集中的通知", "接收集中的通知"),
    ],
)
def test_a_short_term_does_not_cut_through_other_words(simplified: str, expected: str) -> None:
    assert traditional(simplified) == expected


def test_the_company_keeps_its_name() -> None:
    assert traditional("成都垦派科技有限公司") == "成都墾派科技有限公司"


@pytest.mark.parametrize("text", ["", "It’s Kenpai’s “privacy” policy: /mydata", "{company} 400-076-9938", "📎"])
def test_text_without_chinese_comes_back_as_it_was(text: str) -> None:
    assert traditional(text) == text


def test_placeholders_survive() -> None:
    assert traditional("请通过{contact}联系{company}，版本 {version}") == "請透過{contact}聯絡{company}，版本 {version}"


def test_converting_twice_changes_nothing_more() -> None:
    converted = [traditional(text) for text in _everything_shown()]
    assert len(converted) > 300
    assert [text for text in converted if traditional(text) != text] == []


def test_nothing_shown_holds_a_foreign_word() -> None:
    shown = [traditional(text) for text in _everything_shown()]
    assert [(found[0], text) for text in shown if (found := FOREIGN.search(text))] == []


@pytest.mark.parametrize(
    "content", ["", "[terms]\n", '[terms]\n"账" = ""\n', '[terms]\n"账" = 1\n', '[terms]\n"" = "帳"\n', "[terms\n"]
)
def test_a_broken_table_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "_traditional.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(BrokenFile, match=r"_traditional\.toml"):
        read_terms(file)
