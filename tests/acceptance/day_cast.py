"""Who plays what: fifty invented customers, so that every right is used on Telegram, on WeChat and on the web."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.acceptance.day_script import (
    ACCESS,
    AGAIN,
    BY_CODE,
    BY_PORTAL,
    CLOSURE,
    CORRECTION,
    EXPLANATION,
    GUARDIAN,
    INFRINGEMENT,
    KIN,
    LOOK,
    MAILS,
    NO_LOGIN,
    NOTHING,
    OTHER_USE,
    PORTABILITY,
    SECURITY,
    STATUS,
    TAKE,
    WITHOUT,
    AskForOrder,
    Certify,
    Connect,
    Ends,
    Fetch,
    HandInPapers,
    Later,
    NameAccount,
    Pick,
    PressStop,
    Say,
    Staff,
    Story,
    TryPages,
    TypeCode,
    UseForeignLink,
    deletion,
    delivered,
    sent_in,
    signed,
)

START = datetime(2026, 3, 2, 1, 10, tzinfo=UTC)
"""A Monday in Shanghai. Until 3 April no holiday falls on a working day there, so 15 working days are three weeks."""
LASTS = timedelta(days=30)
CHANNELS, LANGUAGES = ("telegram", "wechat", "web"), ("en", "zh")

_COPY = (*ACCESS, *BY_PORTAL, Ends("opened", "access"), Later(20))
_TOO_EARLY = Staff("ben", "answer", barred=True)
_DELETED = (Later(24), *signed(), Later(60), _TOO_EARLY, Later(20), Staff("ben", "answer"), Certify(), *LOOK)
_REFUSED: Story = (
    *deletion("purpose_achieved"), *BY_PORTAL, Ends("opened", "deletion"), Later(20), TAKE,
    Staff("ann", "refuse", "Your contract is still running.", "not_covered"), Later(148), *STATUS,
    Pick("request_status.act.appeal"), Say("in_writing"), Later(24),
)  # fmt: skip

PORTAL: dict[str, Story] = {
    "copy": (*_COPY, *sent_in(), Later(2), Fetch(), *LOOK),
    "copy, wrong codes": (
        *ACCESS, Connect("portal"), Connect(), TypeCode("wrong"), TypeCode("wrong"), TypeCode(), Ends("opened", "access"), Later(30),
        *delivered(), Later(3), Fetch(wrong_codes=1), *LOOK,
    ),
    "copy, a question between": (
        *ACCESS, Connect(), Say("question"), TypeCode(), Ends("opened", "access"), *STATUS, NOTHING, Later(20),
        *delivered(), Later(5), Fetch(times=3), *LOOK,
    ),
    "copy, a code too late": (
        *ACCESS, Connect(), Later(0.2), TypeCode("late"), AGAIN, Connect(), TypeCode(), Ends("opened", "access"), Later(20),
        *delivered(), Later(80), Fetch(over=True), *LOOK,
    ),
    "copy, slow staff": (*_COPY, Later(13 * 24), *delivered(), Later(2), Fetch(), *LOOK),
    "moved, paused and extended": (
        *PORTABILITY, *BY_PORTAL, Ends("opened", "portability"), Later(20), TAKE,
        Staff("ann", "pause", "Which address at Example Cloud should it go to?"), Later(26), *STATUS,
        Pick("request_status.act.remark"), Say("to_whom"), Later(24), Staff("ann", "resume"), Later(24),
        Staff("ann", "extend", "Two of our systems are still being searched."), Later(18 * 24), *delivered()[1:],
        Later(2), Fetch(), *LOOK,
    ),
    "deleted": (*deletion("breach"), *BY_PORTAL, Ends("opened", "deletion"), *_DELETED),
    "stopped by the owner": (
        *deletion("service_ended"), *BY_PORTAL, Ends("opened", "deletion"), Later(24), *signed(), Later(30),
        PressStop(), *LOOK,
    ),
    "refused, then granted": (
        *_REFUSED, *signed(first="ben", second="cem"), Later(80), Staff("cem", "answer"), Certify(), *LOOK,
    ),
    "refused twice": (
        *_REFUSED, Staff("ben", "take"),
        Staff("ben", "refuse", "We still have to keep the invoices, for as long as tax law says.", "other"), *LOOK,
    ),
    "withdrawn while on hold": (
        *deletion("consent_withdrawn"), *BY_PORTAL, Ends("opened", "deletion"), Later(24), *signed(), Later(20),
        Say("withdraw"), Pick("cancel_request.sure.yes"), *LOOK,
    ),
    "deleted, a contact is new": (
        *deletion("against_law"), *BY_PORTAL, Ends("opened", "deletion"), Later(24), *signed(), Later(172),
        Staff("ben", "answer"), Certify(), *LOOK,
    ),
    "closed": (*CLOSURE, *BY_PORTAL, Ends("opened", "closure"), *_DELETED),
    "closing, can't log in": (*CLOSURE, NO_LOGIN, Ends("waiting", "closure"), Later(8 * 24), *STATUS),
    "real name corrected": (
        *CORRECTION, Connect("chat"), Connect(), TypeCode(), Ends("opened", "correction"), Later(22), TAKE,
        Staff("ann", "remark", "Please bring the business licence to the Management Center."), *signed()[1:], Later(24),
        Staff("ben", "answer"), *LOOK,
    ),
    "profile corrected by oneself": (Say("correction"), Pick("request_correction.what.profile")),
    "no more mails": (*MAILS, *BY_CODE, Ends("opened", "withdraw_consent"), Later(5), TAKE,
                      Staff("ann", "answer", "You are off the list."), *LOOK),
    "no more comparing": (*OTHER_USE, *BY_CODE, Ends("opened", "withdraw_consent"), Later(30), TAKE,
                          Staff("ann", "answer", "It has stopped."), *LOOK),
    "consent, unknown account": (*MAILS, NameAccount("none"), TypeCode("wrong"), WITHOUT,
                                 Ends("waiting", "withdraw_consent"), Later(8 * 24), *STATUS),
    "consent, asked twice": (*OTHER_USE, *BY_CODE, Ends("opened", "withdraw_consent"), Later(3), *OTHER_USE, *BY_CODE,
                             Ends("joined", "withdraw_consent"), Later(24), TAKE,
                             Staff("ann", "answer", "It has stopped."), *LOOK),
    "explained": (*EXPLANATION, Later(20), TAKE, Staff("ann", "answer", "See clause 2.2.3."), *LOOK),
    "explanation withdrawn": (*EXPLANATION, Later(2), Say("withdraw"), Pick("cancel_request.sure.yes"), *LOOK),
    "infringement": (*INFRINGEMENT, Later(40), TAKE, Staff("ann", "answer", "The photo was taken down."), *LOOK),
    "infringement, too late": (*INFRINGEMENT, Later(24 * 24), TAKE,
                               Staff("ann", "answer", "We are sorry for the delay."), *LOOK),
    "hacked": (*SECURITY, Later(0.5), TAKE, Staff("ann", "remark", "We called you. Please pick up."), Later(2),
               Staff("ann", "answer", "All sessions were ended and the password was reset."), *LOOK),
    "guardian, no account": (*GUARDIAN, Later(40), HandInPapers(), Staff("cem", "check"), TAKE,
                             Staff("ann", "refuse", "There is no account with your daughter's name.", "no_match"),
                             Later(1), *STATUS, NOTHING),
    "guardian without papers": (*GUARDIAN, Later(8 * 24), *STATUS),
    "guardian": (*GUARDIAN, Later(40), HandInPapers(), Staff("cem", "check"), Later(20), TAKE,
                 Staff("ann", "answer", "A deletion was begun as an order of its own."), *LOOK),
    "relative": (*KIN, Later(60), HandInPapers(), Staff("cem", "check"), Later(24), TAKE,
                 Staff("ann", "answer", "The records come by post."), *LOOK),
    "relative without papers": (*KIN, Later(8 * 24), *STATUS),
    "impostor guesses codes": (*MAILS, NameAccount("victim"), *([TypeCode("wrong")] * 5), WITHOUT,
                               Ends("waiting", "withdraw_consent"), Later(8 * 24), *STATUS),
    "impostor at the pages": (TryPages(),),
    "impostor with a forwarded link": (*deletion("breach"), UseForeignLink(), NO_LOGIN, Ends("waiting", "deletion"),
                                       Later(8 * 24), *STATUS),
    "impostor with a number": (AskForOrder(),),
    "impostor with another's code": (*MAILS, NameAccount("victim"), TypeCode("victim"), WITHOUT,
                                     Ends("waiting", "withdraw_consent"), Later(8 * 24), *STATUS),
}  # fmt: skip
"""With a company whose portal is connected."""

CONTACT: dict[str, Story] = {
    "copy": (*ACCESS, *BY_CODE, Ends("opened", "access"), Later(20), *delivered(check=True), Later(2), Fetch(), *LOOK),
    "moved": (*PORTABILITY, *BY_CODE, Ends("opened", "portability"), Later(20), *delivered(check=True), Later(2),
              Fetch(times=2), *LOOK),
    "deleted": (*deletion("service_ended"), *BY_CODE, Ends("opened", "deletion"), Later(24), *signed(check=True),
                Later(80), Staff("ben", "answer"), Certify(), *LOOK),
    "stopped by the owner": (*deletion("without_consent"), *BY_CODE, Ends("opened", "deletion"), Later(24),
                             *signed(check=True), Later(60), PressStop(), *LOOK),
    "closed": (*CLOSURE, *BY_CODE, Ends("opened", "closure"), Later(24), *signed(check=True), Later(80),
               Staff("ben", "answer"), Certify(), *LOOK),
    "real name corrected": (*CORRECTION, *BY_CODE, Ends("opened", "correction"),
                            Later(22), *signed(check=True), Later(24), Staff("ben", "answer"), *LOOK),
    "no more mails": (*MAILS, *BY_CODE, Ends("opened", "withdraw_consent"), Later(5), TAKE,
                      Staff("ann", "answer", "You are off the list."), *LOOK),
}  # fmt: skip
"""With a company that has no portal: a code, and a third member of staff who checks who asks."""


@dataclass(frozen=True, slots=True)
class Customer:
    """One invented person. `number` names everything of theirs; `victim` is whose account an impostor is after."""

    number: int
    story: str
    has_portal: bool
    """With which of the two companies."""
    channel: str
    language: str
    victim: int = 1

    @property
    def acts(self) -> Story:
        return (PORTAL if self.has_portal else CONTACT)[self.story]

    @property
    def account(self) -> str:
        return f"K-5{self.number:05}"

    @property
    def phone(self) -> str:
        return f"+861380000{self.number:04}"

    @property
    def mail(self) -> str:
        return f"customer{self.number}@mail.example.com"

    @property
    def phone_is_new(self) -> bool:
        """Whether the phone number was put on file ten days ago."""
        return self.story == "deleted, a contact is new"

    @property
    def is_impostor(self) -> bool:
        return self.story.startswith("impostor")

    @property
    def canary(self) -> str:
        """Stands in the file that staff attach for this person, and may stand nowhere else that people can see."""
        return f"CANARY-{self.number:03}-{self.number * 7919 % 10007:05}"

    @property
    def begins(self) -> datetime:
        """Monday to Friday, ten a day, from 9 in the morning in Shanghai. Impostors come last."""
        place = self.number - 1
        return START + timedelta(days=place % 5, minutes=40 * (place // 5))


_ALL = (
    *((story, True) for story in PORTAL if not story.startswith("impostor")),
    *((story, True) for story in ("explained", "infringement", "hacked", "hacked", "relative without papers")),
    *((story, False) for story in CONTACT),
    *((story, False) for story in ("copy", "deleted", "moved")),
    *((story, True) for story in PORTAL if story.startswith("impostor")),
)
_FEW = (
    ("copy, wrong codes", True), ("moved, paused and extended", True), ("deleted", True), ("stopped by the owner", True),
    ("closed", True), ("real name corrected", True), ("consent, asked twice", True), ("explained", True),
    ("infringement, too late", True), ("hacked", True), ("guardian", True), ("relative without papers", True),
    ("copy", False), ("impostor with another's code", True),
)  # fmt: skip


def cast(*, small: bool = False) -> list[Customer]:
    """Fifty customers, or a dozen and two for a quick look. Those of one right take the channels and languages in turn."""
    found, turn = list[Customer](), dict[str, int]()
    for number, (story, has_portal) in enumerate(_FEW if small else _ALL, 1):
        kind = right_of((PORTAL if has_portal else CONTACT)[story])
        place = turn[kind] = turn.get(kind, -1) + 1
        shift = sorted(RIGHTS).index(kind) if kind in RIGHTS else 0
        channel, language = CHANNELS[(place + shift) % 3], LANGUAGES[(place + shift + place // 6) % 2]
        found.append(Customer(number, story, has_portal, channel, language))
    return found


RIGHTS = frozenset(
    {"access", "portability", "correction", "deletion", "closure", "withdraw_consent", "explanation", "infringement",
     "security", "guardian", "next_of_kin"}
)  # fmt: skip
"""All that the issue names. Both kinds of correction are one here; the basic profile opens no order."""


def right_of(story: Story) -> str:
    """The right that a story is about; "" where it opens no order."""
    if Say("correction") in story:
        return "correction"
    return next((act.right for act in story if isinstance(act, Ends)), "")
