"""The words by which talk about passwords and codes differs from giving one away."""

import re

_TALK = """
a about accepted accessible again all alphanumeric already also always an and any anonymised anonymized anywhere as
asked at available bad been before being both breached broken by cached can case-sensitive changed checked cleared
compromised copied correct could cracked created critical deleted did disabled displayed do does done easy either
email empty encoded encrypted enough entered essential ever expired expiring exposed fine for forgotten from gone
good guessed had hacked handled hard has hash hashed have held here hidden how http https if ignored important in
incorrect insecure invalid is it just kept known lacking leaked like locked long lost made managed mandatory masked
maybe mfa mine missing must my necessary needed never new no none not null obfuscated of off ok okay old on only
open optional or out outdated password plain plaintext please private processed protected public readable really
recorded recoverable refused rejected required requested reset resettable retained retrieved reused revealed right
rotated rsa safe salted same saved secret secure seen sensitive sent set sha shared should shown simple sms so ssl
still stolen stored strong stronger supposed taken thanks that the their there these they this tls to too
transmitted typed unchanged under unknown unsafe unsalted up updated used valid verified very via viewed visible
vulnerable was we weak weaker weakest what when where whether which who whose why will with working would written
wrong yet you your yours aes base64 bcrypt scrypt
"""
TALK = frozenset(_TALK.split())
"""What follows "my password is" when people speak of a password instead of giving it away."""
TECHNICAL = re.compile(
    r"(?:sha|md|aes|des|rsa|ecc|sm|base|utf|iso|iec|pci|tls|ssl|ipv|oauth|argon|pbkdf|hmac|windows|win|ios|android|iphone"
    r"|office|http|web|rfc|nist|gb|gdpr|ccpa|pipl|privacy|article|section|clause|version|v|level|covid)"
    r"[-_/.]{0,2}v?[0-9][\w.:/-]*"
    r"|[0-9]{1,4}-?(?:st|nd|rd|th|[dhms]|-[a-z-]{3,24}|days?|hours?|chars?|characters|bits?)|https?://.*|[0-9]{1,3}password",
    re.IGNORECASE,
)
"""Methods, standards, devices and measures ("8-character", "90days"): they have digits in them and are no secrets."""
USUAL = re.compile(r"qwert\w*|letmein\w*|iloveyou\w*|asdf\w*|zxcv\w*|abcdef\w*", re.IGNORECASE)
"""What people choose when they choose badly: letters alone, and yet no word."""
NO_SECRET_CODE = re.compile(
    r"(?:error|exit|status|postal|post|zip|area|country|civil|criminal|penal|tax|labou?r|source|http|response|return|reason"
    r"|region|city|sort|product|item|colou?r|dress|bar|qr|promo|discount|coupon|order|ticket|invoice|industry|clause)\s$",
    re.IGNORECASE,
)
"""What stands before "code" where its number is no secret."""
COUNTED = (
    r"\s?(?:[年月日号號位次个個条條天秒元分字小万萬千百种種]"
    r"|(?:characters?|chars?|digits?|letters?|days?|times|hours?|minutes?|people|users?|accounts?|bits?)(?![A-Za-z]))"
)
"""What is counted, behind a number that is therefore no secret."""
