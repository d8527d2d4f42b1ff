"""Short codes that can be read out: eight characters of Crockford's base 32 (40 bits), in two groups."""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_code() -> str:
    """A fresh code such as "7QK2-M9FX"."""
    letters = [secrets.choice(ALPHABET) for _ in range(8)]
    return "".join(letters[:4]) + "-" + "".join(letters[4:])
