"""The flows there are, and that each can say all it says."""

from collections import deque

import pytest

from intents.catalogue import flows, gaps, needed_wording, resolve
from intents.script import Ask, Choose, Cite, Do, Prove, Say, Show, Step
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from knowledge.library import load_policy

PROVEN = ("portal", "contact", "none")
"""How far somebody can have shown who they are."""


@pytest.fixture(scope="module")
def wording() -> Wording:
    return Wording.load()


@pytest.fixture(scope="module")
def policy() -> PolicyVersion:
    return load_policy("kenpai")


OUTCOMES = {
    "language_asked_for": ("", "en", "other"),
    "are_handled": ("yes", "no"),
    "my_orders": ("", "unknown", "KP-1 KP-1 (access)", "KP-1 KP-1 (access)\nKP-2 KP-2 (deletion)"),
    "open_order": ("opened KP-1", "joined KP-1", "waiting KP-1", "papers KP-1", "papers_elsewhere KP-1", "refused"),
    "order_acts": ("", "appeal", "withdraw", "remark withdraw"),
    "appeal_order": ("open", "verifying"),
}
"""What an effect can come to, where the flow looks at it."""


def outcomes(step: Step) -> tuple[str, ...]:
    """What a step can come to; empty for one that only says something."""
    match step:
        case Choose():
            return step.options
        case Prove():
            return PROVEN
        case Ask():
            return ("in own words",)
        case Do():
            return OUTCOMES.get(step.effect, ("done",))
    return ()


def every_path(name: str) -> list[list[Step]]:
    """The steps of a flow, once for each way through it."""
    paths, todo = [], deque([()])
    while todo:
        answers = todo.popleft()
        script, left, steps, outcome = flows()[name](), list(answers), [], None
        try:
            while True:
                step = script.send(outcome)
                outcome = None
                steps.append(step)
                if options := outcomes(step):
                    if not left:
                        todo.extend((*answers, option) for option in options)
                        break
                    outcome = left.pop(0)
        except StopIteration:
            paths.append(steps)
    return paths


def test_there_are_eighteen_flows_and_no_shared_part_among_them():
    assert len(flows()) == 18
    assert not any(name.startswith("_") for name in flows())


@pytest.mark.parametrize("name", sorted(flows()))
def test_every_way_through_a_flow_ends_and_says_something(name: str):
    paths = every_path(name)
    assert paths
    for path in paths:
        *_, last = (step for step in path if not isinstance(step, Do))
        assert isinstance(last, Say | Cite | Show), path  # No answer of the person's is met with silence.


@pytest.mark.parametrize("name", sorted(flows()))
def test_a_flow_names_no_step_twice(name: str):
    for path in every_path(name):
        steps = [step.step for step in path if isinstance(step, Choose | Ask | Prove | Do)]
        assert len(steps) == len(set(steps))


@pytest.mark.parametrize("name", sorted(flows()))
def test_a_flow_cites_only_what_the_policy_and_the_law_hold(name: str, policy: PolicyVersion):
    cited = {key for path in every_path(name) for step in path if isinstance(step, Cite) for key in step.ids}
    assert cited <= policy.clauses.keys() | policy.law.keys()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", sorted(flows()))
def test_a_flow_is_worded_on_every_path(name: str, language: str, wording: Wording):
    for path in every_path(name):
        for step in path:
            if isinstance(step, Say):
                assert ".".join(resolve(name, step.key)) in wording.keys(language)
            elif isinstance(step, Choose):
                place, key = resolve(name, step.step)
                for word in ("ask", *(step.options if not step.labels else ())):
                    assert f"{place}.choose.{key}.{word}" in wording.keys(language)
            elif isinstance(step, Ask):
                place, key = resolve(name, step.step)
                assert f"{place}.choose.{key}.ask" in wording.keys(language)


@pytest.mark.parametrize("name", sorted(flows()))
def test_a_flow_is_played_the_same_each_time(name: str):
    assert every_path(name) == every_path(name)


def test_what_a_flow_needs_is_read_from_its_source():
    assert needed_wording("forget_me") == {
        "forget_me.what_goes", "forget_me.kept", "forget_me.gone", "forget_me.requests_stay", "forget_me.requests_left",
        "forget_me.choose.sure.ask", "forget_me.choose.sure.yes", "forget_me.choose.sure.no",
    }  # fmt: skip
    assert "_whose.choose.whose.hosted" in needed_wording("_whose")


def test_nothing_is_missing(wording: Wording):
    assert gaps(wording) == []


def without(wording: Wording, language: str, *keys: str, **more: str) -> Wording:
    texts = {code: {key: wording.say(*key.split(".", 1), code) for key in wording.keys(code)} for code in ("en", "zh")}
    for key in keys:
        del texts[language][key]
    texts[language].update({key.replace("__", "."): text for key, text in more.items()})
    return Wording(texts, {"en": "English", "zh": "中文"})


def test_a_missing_translation_is_told_with_its_file(wording: Wording):
    assert gaps(without(wording, "zh", "thanks.welcome")) == ["said/thanks.toml (zh) lacks thanks.welcome"]


def test_a_text_no_flow_says_is_told(wording: Wording):
    found = gaps(without(without(wording, "zh", thanks__again="再见"), "en", thanks__again="bye"))
    assert "said/thanks.toml words thanks.again, which no flow says" in found


def test_a_text_that_english_lacks_is_told(wording: Wording):
    assert (
        "(zh) words thanks.again, which English doesn't have" in gaps(without(wording, "zh", thanks__again="再见"))[0]
    )


def test_different_placeholders_are_told(wording: Wording):
    found = gaps(without(wording, "zh", thanks__welcome="{name}"))
    assert found == ["said/thanks.toml (zh) thanks.welcome: its placeholders differ from English"]
