"""The stores: every question asked of the database and every change made to it, one class a subject.

Names that the rest of the program uses:
    Database.open(url, keyring, migrate=True) / .work() / .read() / .facts / .close()      storage.engine
    work.people        at, meet, touch, address, forget, idle_since, count        -> Known
    work.conversations state, save_state, turn_of, mark_seen, add_turn, turns, rate,
                       add_receipt, receipt, forget_before       -> State, Mark, Spoken, Basis, Forgotten
    work.deliveries    add, due, standing, settle, settle_sent, retry, give_back, is_due, next_due, went_passively,
                       history, recent, of_cause, pending, forget_before        -> Due, Standing, Sent
    work.quarantine    put, get, forget_before, count                                       -> Held
    work.trail         add, of_thing, count                                                 -> Entry
    work.pace          take, take_several, take_each, room, halt, forget_before
    storage.errors     Busy (try again), Conflict (another turn came between), AlreadySeen (this message took effect)

Clauses go in as a sequence of ids, ("privacy.1", "privacy.5.3"), and come out as a tuple; never one string.
Every time is aware and passed in. `forget_before` takes away at most `limit` rows a call: call again, each time in a
work of its own, until it returns nothing.
"""
