"""A small matcher that trains in a moment, for tests: four clauses' questions, an article of law, silence, commands."""

from intents.examples import Example
from intents.machine import fit
from intents.model import Model
from intents.training import digest

ASKED = {
    "privacy.6.3": [
        "how do I block cookies", "can I clear cookies in my browser", "turn cookies off", "where do I manage cookies",
        "refusing cookies in the browser settings", "is it possible to delete cookies",
    ],
    "privacy.7.4": [
        "what happens after a data breach", "do you tell me when there was a leak", "how am I told about an incident",
        "is there a notice after a breach", "will I hear of a security incident", "who informs me when data leaked",
    ],
    "privacy.8.1": [
        "may children use the service", "my son is a minor, can he sign up", "do you accept minors",
        "are teenagers allowed to register", "can kids have an account", "is parental consent needed for a child",
    ],
    "privacy.10": [
        "how can I contact you", "what is your hotline number", "is there a phone number for questions",
        "how do I reach customer service", "where can I ask about the policy", "who do I call with a complaint",
    ],
    "pipl.45": [
        "can I move my data to another host", "am I entitled to a machine readable copy", "right to data portability",
        "may I transfer my data elsewhere", "take my data with me to a competitor",
        "export it all for a new host",
    ],
    "_near": [
        "what is the fee for deletion", "name of the data protection officer", "are you certified under ISO 27701",
        "how many days until you reply", "do you pay damages and how much", "which auditor checks you",
    ],
    "_far": [
        "what is the weather like", "tell me a joke", "who won the football match", "recipe for noodle soup",
        "how tall is the tower", "translate this poem",
    ],
    "intent:request_deletion": [
        "delete my data now", "erase everything you hold about me", "please remove my account", "I want my data wiped",
        "close my account today", "get rid of my personal data",
    ],
    "intent:request_human": [
        "let me talk to a person", "get me a human agent", "I want to speak with staff", "connect me to somebody real",
        "human please", "put me through to an employee",
    ],
}  # fmt: skip


def examples() -> list[Example]:
    """The texts above as training data."""
    return [Example(text.lower(), label) for label, texts in sorted(ASKED.items()) for text in sorted(texts)]


def model() -> Model:
    """A matcher trained on them."""
    return fit(examples(), "en", digest(examples(), "en"))
