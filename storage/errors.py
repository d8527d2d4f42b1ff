"""What can be wrong with the place where things are kept.

StorageError
    CannotOpen      the database can't be opened or written -> shown at start, exit 2
    SchemaTooNew    a newer program has been here -> shown at start, exit 2
    SchemaTooOld    the migrations have not run yet
    KeyMissing      a key that something was sealed with isn't in the key file
    Unreadable      a sealed value was moved or changed
    Busy            somebody else is writing, or the connection broke -> the caller tries again
    Conflict        another turn came between reading and writing -> the caller starts the turn again
    AlreadySeen     the message has taken effect before -> the caller repeats what was said then
"""


class StorageError(Exception):
    """Something about the store, said in one sentence with what to do."""


class CannotOpen(StorageError):
    """The database can't be opened or written."""


class SchemaTooNew(StorageError):
    """The database was made by a newer program."""


class SchemaTooOld(StorageError):
    """The database lacks migrations of this program."""


class KeyMissing(StorageError):
    """A key that something was sealed with isn't in the key file."""


class Unreadable(StorageError):
    """A sealed value doesn't open: it was moved to another row, changed, or its key is gone."""


class Busy(StorageError):
    """The database is held by somebody else, or has just gone away; nothing was written. Trying again may help."""


class Conflict(StorageError):
    """Somebody else changed this between our reading and our writing; nothing of ours may be kept."""


class AlreadySeen(StorageError):
    """The message with this key has taken effect before."""
