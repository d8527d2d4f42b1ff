"""Everything that is kept of somebody who was verified, for tests of what is shown and what is erased."""

from datetime import datetime

from bot.core.binding import Bindings, Offered, Shown
from bot.core.codes import Codes
from bot.core.verification import Verification
from storage.stores.people import Known
from storage.work import Work


def full_verification(work: Work, known: Known, now: datetime) -> None:
    """Connects the person's chat, asks for a code and tries one: at least a row in every table of these."""
    codes = Codes.of(work.keyring)
    bindings = Bindings(work, codes, now)
    offer = bindings.offer("K-100001", now)
    assert isinstance(offer, Offered)
    shown = bindings.start(offer.token, known, is_private=True)
    assert isinstance(shown, Shown)
    back = bindings.confirm(offer.id, shown.digits)
    assert isinstance(back, Shown)
    bindings.finish(known, back.digits)
    verification = Verification(work, codes, now)
    started = verification.begin(known, "", "order:1")
    assert started.verification_id is not None
    assert not verification.check(known, started.verification_id, "00000000").ok
