"""What happens on the day, as data: the acts of people and staff, and the stories that are made of them.

Nothing here knows how an act is played (day_people, day_staff) nor what comes of it (day_expected).
"""

from dataclasses import dataclass

WORDS = {
    "access": ("I want a copy of my data", "我想要一份我的数据副本"),
    "deletion": ("please delete my data", "帮我删除我的信息"),
    "closure": ("I want to close my account", "我要注销账号"),
    "correction": ("my real-name information is wrong, please correct it", "我要更正实名信息"),
    "consent": ("I withdraw my consent", "我要撤回同意"),
    "infringement": ("my photo is used on your website without permission", "你们网站盗用了我的图片"),
    "security": ("someone hacked my account", "我的账号被盗了"),
    "guardian": ("I am a parent and want my child's data deleted", "我是孩子的家长，想删除孩子的信息"),
    "withdraw": ("I want to withdraw my request", "我想撤回我的申请"),
    "question": ("how long is my data kept?", "我的信息会保存多久？"),
    "where_to": ("To my new provider, Example Cloud. All of it please.", "请转移到“示例云”，全部都要。"),
    "to_whom": ("To privacy at Example Cloud, they know about it.", "交给“示例云”的隐私部门，他们知道这件事。"),
    "which_logs": ("Which of my log data do you keep, and what for?", "你们保存我的哪些日志，用来做什么？"),
    "leaving": ("I don't use it any more.", "我不再使用了，信息也请一并删除。"),
    "typo": ("My name has one letter too many.", "名字里有一个字打错了。"),
    "no_profiles": ("No more comparing of customers.", "不要再用我的信息做客户对比分析。"),
    "bridge": ("A photo of a bridge, on your partner page.", "合作伙伴页面上有我拍的一张大桥照片，从周一就有了。"),
    "logins": ("Since this morning somebody else logs in. I got three messages about it.",
               "今天早上开始有别人登录，我收到了三条提醒。"),
    "daughter": ("My daughter is nine and opened an account without asking me.", "女儿九岁，没问过我就注册了账号。"),
    "father": ("My father died in January. I need his domain records.", "我父亲一月份去世了，我需要他的域名资料。"),
    "in_writing": ("My contract ended in January, I have it in writing.", "合同一月份就到期了，我有书面证明。"),
    "status": ("/status", "/status"),
}  # fmt: skip
"""What people say, in English and in Chinese."""


@dataclass(frozen=True, slots=True)
class Say:
    """Writes one of WORDS."""

    words: str


@dataclass(frozen=True, slots=True)
class Pick:
    """Presses the button of a flow's step: "request_access.what.copy"; "_shared.prove_again" for one of no flow."""

    label: str


@dataclass(frozen=True, slots=True)
class Connect:
    """Connects the chat from the portal, a number each way. `wrong` is typed by mistake, in the "portal" or the "chat"."""

    wrong: str = ""
    asks_code: bool = True
    """Whether a request waits for it, so that a code follows at once."""


@dataclass(frozen=True, slots=True)
class NameAccount:
    """Types the name of an account: one's "own", the "victim"'s, or one that there is "none" of."""

    whose: str = "own"


@dataclass(frozen=True, slots=True)
class TypeCode:
    """Types a code: the "right" one, a "wrong" one, one that is too "late", or one that the "victim" got for a wish of
    their own."""

    which: str = "right"


@dataclass(frozen=True, slots=True)
class Ends:
    """A request was written down: "opened", "waiting", "papers" or "joined". Its number is known from here on."""

    how: str
    right: str


@dataclass(frozen=True, slots=True)
class Later:
    """So much later."""

    hours: float


@dataclass(frozen=True, slots=True)
class Staff:
    """A command of `clausebot orders`, on the person's latest order. `words` for the person, `reason` of a refusal.

    `barred`: the program must not let that member do it now.
    """

    who: str
    what: str
    words: str = ""
    reason: str = ""
    barred: bool = False


@dataclass(frozen=True, slots=True)
class SystemSends:
    """The company's system sends the file for the package in, by a signed call."""


@dataclass(frozen=True, slots=True)
class HandInPapers:
    """Papers that show a guardian or a relative are handed in by the link that the chat gave."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Opens the secure link of the mail and fetches the package so often. `over`: the link leads nowhere any more."""

    times: int = 1
    wrong_codes: int = 0
    over: bool = False


@dataclass(frozen=True, slots=True)
class PressStop:
    """Follows the latest stop link that a contact got, looks, and presses."""


@dataclass(frozen=True, slots=True)
class Certify:
    """Staff make the certificate; the person has the page check it, and a changed one as well."""


@dataclass(frozen=True, slots=True)
class AskForOrder:
    """Asks where the victim's request is, by its number."""


@dataclass(frozen=True, slots=True)
class UseForeignLink:
    """Opens a portal link of the victim's account in one's own chat, and guesses both numbers."""


@dataclass(frozen=True, slots=True)
class TryPages:
    """Tries result and stop links that don't exist, the victim's link with a wrong ticket, and a forged certificate."""


Act = (
    Say | Pick | Connect | NameAccount | TypeCode | Ends | Later | Staff | SystemSends | HandInPapers | Fetch | PressStop | Certify
    | AskForOrder | UseForeignLink | TryPages
)  # fmt: skip
Story = tuple[Act, ...]

AGAIN, WITHOUT, NO_LOGIN = (Pick(f"_shared.{key}") for key in ("prove_again", "prove_without", "prove_no_login"))
_MINE = Pick("_whose.whose.account")
ACCESS: Story = (Say("access"), _MINE, Pick("request_access.what.copy"))
PORTABILITY: Story = (Say("access"), _MINE, Pick("request_access.what.transfer"), Say("where_to"))
EXPLANATION: Story = (Say("access"), _MINE, Pick("request_access.what.explanation"), Say("which_logs"),
                      Pick("_shared.write_down"), Ends("opened", "explanation"))  # fmt: skip
KIN: Story = (Say("access"), _MINE, Pick("request_access.what.relative"), Say("father"), Ends("papers", "next_of_kin"))
GUARDIAN: Story = (Say("guardian"), Pick("minor_guardian.what.deletion"), Say("daughter"), Ends("papers", "guardian"))
CLOSURE: Story = (Say("closure"), _MINE, Pick("request_deletion.what.account"), Pick("request_deletion.sure.yes"),
                  Say("leaving"))  # fmt: skip
CORRECTION: Story = (Say("correction"), Pick("request_correction.what.real_name"),
                     Pick("request_correction.ground.inaccurate"), Say("typo"))  # fmt: skip
MAILS: Story = (Say("consent"), Pick("withdraw_consent.what.mail"))
OTHER_USE: Story = (Say("consent"), Pick("withdraw_consent.what.other"), Say("no_profiles"))
INFRINGEMENT: Story = (Say("infringement"), Pick("complaint_ip.follow.yes"), Say("bridge"),
                       Ends("opened", "infringement"))  # fmt: skip
SECURITY: Story = (Say("security"), Pick("report_incident.what.account"), Pick("report_incident.report.yes"),
                   Ends("opened", "security"), Pick("report_incident.more.add"), Say("logins"))  # fmt: skip
BY_PORTAL: Story = (Connect(), TypeCode())
BY_CODE: Story = (NameAccount(), TypeCode())
STATUS: Story = (Say("status"),)
NOTHING = Pick("request_status.act.nothing")
LOOK: Story = (Later(1), *STATUS)
"""Looks in when everything is over. On WeChat that is when news come that found no window."""
TAKE = Staff("ann", "take")


def deletion(ground: str) -> Story:
    """Asks for deletion on this ground."""
    return (
        Say("deletion"), _MINE, Pick("request_deletion.what.information"), Pick(f"request_deletion.ground.{ground}"),
        Pick("request_deletion.sure.yes"),
    )  # fmt: skip


def signed(*, check: bool = False, attach: bool = False, first: str = "ann", second: str = "ben") -> Story:
    """Staff take it, one proposes, another approves; where no portal is connected a third one checks first. Each time
    whoever proposed tries to approve as well, whoever checked to take part, and somebody to end it before its time."""
    checked: Story = (Staff("cem", "check"), Staff("cem", "approve", barred=True)) if check else ()
    attached: Story = (Staff(first, "attach"),) if attach else ()
    return (
        Staff(first, "take"), *checked, *attached, Staff(first, "approve"), Staff(first, "approve", barred=True),
        Staff(first, "answer", barred=True), Staff(second, "approve"),
    )  # fmt: skip


def delivered(*, check: bool = False) -> Story:
    """Two staff sign, and the package is released."""
    return (*signed(check=check, attach=True), Staff("ann", "answer"))


def sent_in() -> Story:
    """As delivered; but the file comes from the company's system."""
    take, *rest = signed()
    return (take, SystemSends(), *rest, Staff("ann", "answer"))
