"""Passwords, one-time codes, keys and tokens that people give away.

Found by their own shape (tokens, key blocks, name and password in an address), or by a word that introduces them:
"password: tulip", "my password is tulip", "密码是tulip" give away whatever follows; "my password hunter2", "密码abc12345",
"hunter2 is my password" only what looks like a secret by itself, because people mostly talk about passwords.
"""

import re
from collections.abc import Callable

from bot.core.password_talk import COUNTED, NO_SECRET_CODE, TALK, TECHNICAL, USUAL
from bot.core.pasted import Look, Pasted, Shelf

_PASSWORDS = (
    r"(?:(?<![A-Za-z\[])(?:password|passwd|passcode|pass[ -]?phrase|pswd?|pwd|pw|pass|otp|totp"
    r"|(?:(?:app|client)[ _-]?)?secret(?:[ _-]?key)?|(?:app|access|api|secret)[ _-]?key(?:[ _-]?(?:id|secret))?|token"
    r"|(?:verification|security|one[ -]time|login|sms)[ _-]code)(?![A-Za-z])"
    r"|密[码碼钥鑰匙]|[金秘][钥鑰]|口令|令牌|[验驗][证證][码碼]|[动動][态態][码碼]|[短简簡][信讯訊][码碼])"
)
_CODES = (
    r"(?:(?<![A-Za-z])(?:pin(?:[ -]?(?:code|number))?|otp|totp|cvv2?|cvc2?|(?:security )?code)(?![A-Za-z])"
    r"|PIN[码碼]|[验驗][证證][码碼]|校[验驗][码碼]|[动動][态態](?:[码碼]|密[码碼]|口令)|[短简簡][信讯訊][码碼]|安全[码碼])"
)
# What stands between the name and the secret. Every repetition is bounded, so the time grows with the text alone.
_SURE = r"[\"'”’]?\s{0,2}(?:is|was|就?是|为|為)?\s{0,2}[:=]\s{0,3}"
_SAID = r"\s{1,3}(?:is|was)\s{1,3}|\s{0,2}(?:就?是|为|為|叫|[设設改换換填用]置?的?(?:成|为|為|是)了?)\s{0,2}"
_AFAR = (
    r"(?:(?:\s[A-Za-z'@.-]{1,24}){0,5}?\s(?:is|was|to|as)\s|[\u3400-\u9fff]{1,10}?(?:是|为|為|成)\s{0,2})"
    r"(?=\S{0,64}[0-9@#$%^*!~])"
)
_QUOTE = r"[\"'“‘「『【《<(`]?"
_QUOTES = "\"'“”‘’「」『』【】《》()<>[]{}`"
_VALUE = r"[^\s\0,;\u2e80-\u9fff\uf900-\ufaff]{1,128}+(?:[,;][!-~]{1,64}+){0,2}+"
_MY = r"(?:\s?(?:my|our|the|your|his|her)\s(?:[A-Za-z]{1,12}\s){0,2}|\s?[\u3400-\u9fff]{0,8}?\s?)"

_OURS = re.compile(r"\[?(?:secret|token|code|private key)\]")
_PLAIN_WORD = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*")
_SENTENCE_ENDS = re.compile(
    r"\s*(?:$|[\n,.;!?)\u3400-\u9fff]|(?:and|but|so|please|pls|thanks|thank|can|could|how|what|do)\b)", re.IGNORECASE
)
_WHOSE = re.compile(r"(?:\bmy|\bthe|user/|login)\s?$", re.IGNORECASE)


def looks_secret(value: str) -> bool:
    """Whether a word looks like a password or code: letters and digits mixed, digits alone, or a sign in its middle."""
    bare = value.strip(_QUOTES + ".,:;!?")
    if len(bare) < 4 or TECHNICAL.fullmatch(bare) or bare.lower() in TALK:
        return False
    if not any(character.isalpha() for character in bare):
        return bool(re.fullmatch(r"[0-9]{4,}|[0-9]+[@#$%^*!+~][0-9@#$%^*!+~]*|[0-9]{3} [0-9]{3}", bare))
    return bool(re.search(r"[0-9]|[A-Za-z][@#$%^*!~]+[A-Za-z]", bare) or USUAL.fullmatch(bare))


def _password(found: re.Match[str]) -> Pasted | None:
    name, value, counted = found["name"].lower(), found["value"], found["counted"]
    bare = value.strip(_QUOTES + ".!?:")
    start, end = found.span("value")
    is_quoted = found.string[start - 1] in _QUOTES
    given = Pasted(start, start + len(value.rstrip(_QUOTES)) if is_quoted else end, "secret")
    if len(bare) < 2 or _OURS.match(value) or bare.lower() in TALK or (bare.isdigit() and counted):
        return None
    if found["sure"] is not None:
        return given
    if found["said"] is not None and not TECHNICAL.fullmatch(bare):
        # "is tulip." gives a password away, "is hard to remember" says something of one.
        return given if not _PLAIN_WORD.fullmatch(bare) or _SENTENCE_ENDS.match(found.string, given.end) else None
    if re.fullmatch("(?:19|20)[0-9]{2}", bare):
        return None
    if re.search("secret|token|key|[钥鑰匙]|令牌", name) and (len(bare) < 8 or bare.isdigit()):
        return None
    if name == "pass" and not _WHOSE.search(found.string, max(0, found.start() - 8), found.start()):
        return None  # "Did you pass ISO27001?"
    return given if looks_secret(value) else None


def _code(found: re.Match[str]) -> Pasted | None:
    name, value = found["name"].lower(), found["value"]
    if name == "code" and NO_SECRET_CODE.search(found.string, max(0, found.start() - 12), found.start()):
        return None
    fewest = 3 if name.startswith(("cv", "security", "安全")) else 4
    is_day = re.fullmatch("(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}", value)
    if is_day or sum(character.isdigit() for character in value) < fewest:
        return None
    return Pasted(*found.span("value"), "code" if name == "code" else "secret")


def _turned(found: re.Match[str]) -> Pasted | None:
    return Pasted(*found.span("value"), "secret") if looks_secret(found["value"]) else None


def _phrase(found: re.Match[str]) -> Pasted | None:
    words = re.findall(r"[\w-]+", found["value"].lower())
    of_talk = sum(word in TALK for word in words)
    is_talk = of_talk > 1 or (of_talk == 1 and len(words) < 3)
    return Pasted(*found.span("value"), "secret") if found["sure"] is not None or not is_talk else None


def _pair(found: re.Match[str]) -> Pasted | None:
    is_given = looks_secret(found["one"]) or looks_secret(found["other"])
    return Pasted(found.start("one"), found.end("other"), "secret") if is_given else None


def _whole(kind: str) -> Callable[[re.Match[str]], Pasted]:
    return lambda found: Pasted(*found.span(), kind)


def _look(pattern: str, judge: Callable[[re.Match[str]], Pasted | None]) -> Look:
    return Look(re.compile(pattern, re.IGNORECASE), judge)


_SHAPES = (
    Look(
        re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"),
        _whole("private key"),
    ),
    Look(
        re.compile(
            r"(?<![A-Za-z0-9])(?:[0-9]{8,10}:[A-Za-z0-9_-]{35}|AKIA[0-9A-Z]{16}|LTAI[0-9A-Za-z]{12,26}|AKID[0-9A-Za-z]{32}"
            r"|gh[pousr]_[A-Za-z0-9]{36,}|glpat-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|AIza[A-Za-z0-9_-]{35}"
            r"|sk-[A-Za-z0-9_-]{20,}|(?<![_-])eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})"
        ),
        _whole("token"),
    ),
    Look(re.compile(r"(?<=://)[^\s/?#@:]{0,64}:[^\s/?#]{1,128}(?=@)"), _whole("secret")),
)
_BY_NAME = (
    _look(
        r"(?:(?<![A-Za-z])(?:pass[ -]?phrase|(?:seed|recovery|secret)\sphrase|mnemonic(?:\sphrase)?)(?![A-Za-z])|助[记記][词詞])"
        rf"(?:(?P<sure>{_SURE})|{_SAID})(?P<value>[^\n\0.,;!?。，]{{3,200}})",
        _phrase,
    ),
    _look(
        r"(?:[账帳帐][号號户戶]|用[户戶]名)[和及与與/、]?密[码碼]\s{0,2}[是:]?\s{0,2}"
        r"(?P<one>[^\s\0,;/|:\u2e80-\u9fff]{2,64})[ /,:|]{1,3}(?P<other>[^\s\0,;/|:\u2e80-\u9fff]{3,64})",
        _pair,
    ),
    _look(
        r"(?<![A-Za-z])(?:user(?:name)?\s?(?:and|&|/|\+)\s?pass(?:word)?|login|credentials)(?:\s(?:is|are)\s|\s?[:=]\s{0,2}|\s)"
        r"(?P<one>[^\s\0,;/|:]{2,64})\s?[ /,:|]\s?(?P<other>[^\s\0,;/|:]{3,64})",
        _pair,
    ),
    # The secret is only looked at ahead, so that the search goes on right behind the name.
    _look(rf"(?P<name>{_CODES})(?=(?:{_SURE}|{_SAID}|{_AFAR}|\s{{0,3}}#?){_QUOTE}"
          rf"(?P<value>[0-9](?:[ -]?[0-9]){{2,7}})(?![0-9A-Za-z])(?!{COUNTED}))", _code),
    _look(
        rf"(?P<name>{_PASSWORDS})(?=(?:(?P<sure>{_SURE})|(?P<said>{_SAID})|{_AFAR}|\s{{0,3}})"
        rf"{_QUOTE}(?P<value>{_VALUE})(?P<counted>{COUNTED})?)",
        _password,
    ),
    _look(rf"(?<![!-~])(?P<value>[!-~]{{4,64}})\s?(?:is|was|是)(?={_MY}(?:{_PASSWORDS}|{_CODES}))", _turned),
)  # fmt: skip

SECRETS = (
    Shelf(re.compile(r"://|[A-Za-z0-9_-]{16}|-----BEGIN|eyJ|sk-"), _SHAPES),
    Shelf(
        re.compile(
            r"pass|p[sw]|secret|token|key|phrase|mnemonic|login|credential|code|pin|otp|cv[cv]|[密秘金][码碼钥鑰匙]|口令|令牌"
            r"|助[记記]|[验驗动動态態信讯訊全][证證态態]?[码碼]",
            re.IGNORECASE,
        ),
        _BY_NAME,
    ),
)
