"""An invented company's policy, for the tests: Example Cloud, its clauses in plain words, its texts in texts/."""

from datetime import date
from pathlib import Path

import tomli_w

from knowledge.publishing import lock

TEXTS = Path(__file__).parent / "texts"
ENGLISH = TEXTS / "example_cloud.txt"
CHINESE = TEXTS / "example_cloud_zh.txt"
DAY = date(2026, 3, 1)

SECTIONS = {
    "pre": "Introduction",
    "def": "Definitions",
    "legal": "Legal Statement",
    "privacy": "Privacy Policy",
    "privacy.3": "Who receives it",
    "privacy.4": "Your choices",
    "privacy.5": "Reaching us",
}
CLAUSES = {
    "pre.version": ("Version date", "This version of the Example Cloud policy is dated 1 March 2026."),
    "pre": (
        "Using means accepting",
        "Read the pages before ordering; using our servers accepts them. A sentence is unclear? Ask by ticket.",
    ),
    "def.portal": ("What the portal is", "The portal is the pages at portal.example.com where customers sign in."),
    "def.content": ("What customer content is", "Customer content means files that customers upload to servers."),
    "legal.1.1": (
        "Our trademarks",
        "Example Cloud and the blue kite are trademarks; printing them needs a letter from us.",
    ),
    "legal.1.2": ("The portal's source code", "The portal's source code belongs to us or to those who licensed it."),
    "legal.2": (
        "Complaints about copies",
        "Was your photograph or text copied onto our page? Write to copies@example.com.",
    ),
    "privacy.intro": (
        "What this policy is for",
        "We treat account details with care; the policy describes what happens.",
    ),
    "privacy.1.1": ("What it covers", "It applies to the portal and every server rented through it."),
    "privacy.1.2": ("Shops of others", "Shops that other people run on our servers have their own policies."),
    "privacy.2.1.1": ("Opening an account", "You type a name, postal address and e-mail address to open an account."),
    "privacy.2.1.2": ("Reading the price list", "The price list can be read without an account."),
    "privacy.2.2.1": ("Company register", "Where the law asks, you hand over a copy of the company register."),
    "privacy.2.2.2": ("Hardware readings", "We note temperature and serial numbers of disks, as hardware readings."),
    "privacy.2.2.3": ("Sign-in times", "We note the times of sign-in and the network address."),
    "privacy.2.3": ("What details are used for", "We use these details only for what follows."),
    "privacy.2.3.1": ("Invoices", "Sending invoices and reminders."),
    "privacy.2.3.2": ("Broken disks", "Finding broken disks before they fail."),
    "privacy.3.1": ("Passing on", "Nobody outside the company receives your details, save in some cases."),
    "privacy.3.1.1": ("When you ask", "You asked in writing to pass your details on."),
    "privacy.3.1.2": ("Court orders", "A court may order it."),
    "privacy.3.1.carriers": ("Carriers", "Carriers delivering hardware sign an agreement to keep addresses secret."),
    "privacy.3.2": ("Sale of the company", "Details move to a buyer of the company only under a condition."),
    "privacy.3.2.1": ("The buyer's duty", "The buyer keeps to this policy."),
    "privacy.4": ("Your choices", "Choices differ from orders and are treated as follows."),
    "privacy.4.1.1": ("Looking and mending", "You see and mend your entries under Profile."),
    "privacy.4.2": ("Erasing an account", "You may have an account erased in some cases."),
    "privacy.4.2.1": ("Broken law", "We broke the law with it."),
    "privacy.4.2.2": ("No agreement", "We never had your agreement."),
    "privacy.4.verify": ("Calling back", "Before erasing we may call you back to make sure who you are."),
    "privacy.5": ("How to reach us", "Ring 000-0000-0000 on weekdays or open a ticket in the portal."),
}
BY_WORDING = {
    "pre.version",
    "pre",
    "def.portal",
    "def.content",
    "legal.2",
    "privacy.intro",
    "privacy.3.1.carriers",
    "privacy.4.verify",
    "privacy.5",
}
LEADS = {"privacy.2.3", "privacy.3.1", "privacy.3.2", "privacy.4", "privacy.4.2"}


def write_policy(
    root: Path,
    *,
    day: date = DAY,
    clauses: dict[str, tuple[str, str]] | None = None,
    tags: dict[str, list[str]] | None = None,
) -> Path:
    """Example Cloud's policy, published, as a folder below `root`; the Chinese words are the English ones after 示例."""
    folder = root / "example-cloud" / str(day)
    wording = CLAUSES if clauses is None else clauses
    text = tomli_w.dumps({"company": "example-cloud", "date": day, "authoritative_language": "en", "laws": []})
    text += '[name]\nen = "Example Cloud"\nzh = "示例云"\n[title]\nen = "Policy"\nzh = "政策"\n'
    opened = set()
    for key in wording:
        for section in (key.split(".")[0], ".".join(key.split(".")[:2])):
            if section in SECTIONS and section not in opened:
                opened.add(section)
                parent = f'parent = "{section.split(".")[0]}"\n' if "." in section else ""
                text += (
                    f'[[node]]\nsection = "{section}"\ntitle = {{ en = "{SECTIONS[section]}", zh = "示例" }}\n{parent}'
                )
        lead = "lead = true\n" if key in LEADS else ""
        text += f'[[node]]\nclause = "{key}"\n{lead}tags = {(tags or {}).get(key, [])}\nrelated = []\n'
    written = {"policy.toml": text}
    for language, before in (("en", ""), ("zh", "示例：")):
        tables = {
            key: {"heading": before + heading[:10], "plain": before + plain}
            for key, (heading, plain) in wording.items()
        }
        written[f"{language}/all.toml"] = tomli_w.dumps(tables)
        written[f"phrasings/{language}/all.toml"] = tomli_w.dumps({key: [f"{before}{key} asked"] for key in wording})
    for name, content in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    lock(folder, day)
    return folder
