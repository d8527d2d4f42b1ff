"""One unit of work: a transaction and the stores that live in it.

    with database.work() as work:
        person = work.people.at("telegram", "42")
        ...
Leaving the block commits; an exception rolls everything back.
"""

from functools import cached_property

from sqlalchemy import Connection

from storage.crypto import Keyring
from storage.stores.accounts import AccountStore
from storage.stores.bindings import BindingStore
from storage.stores.conversations import Conversations
from storage.stores.deliveries import Deliveries
from storage.stores.enquiries import EnquiryStore
from storage.stores.orders import OrderStore
from storage.stores.pace import Pace
from storage.stores.people import People
from storage.stores.quarantine import QuarantineStore
from storage.stores.results import ResultStore
from storage.stores.staff import StaffStore
from storage.stores.trail import TrailStore
from storage.stores.verification import VerificationStore
from storage.stores.vouches import VouchStore
from storage.stores.webhooks import WebhookStore
from storage.stores.wechat import WeChatStore


class Work:
    """The stores of one open transaction. Made by Database.work(), never kept beyond its block."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.connection, self.keyring = connection, keyring

    @cached_property
    def people(self) -> People:
        return People(self.connection, self.keyring)

    @cached_property
    def conversations(self) -> Conversations:
        return Conversations(self.connection, self.keyring)

    @cached_property
    def deliveries(self) -> Deliveries:
        return Deliveries(self.connection, self.keyring)

    @cached_property
    def quarantine(self) -> QuarantineStore:
        return QuarantineStore(self.connection, self.keyring)

    @cached_property
    def trail(self) -> TrailStore:
        return TrailStore(self.connection)

    @cached_property
    def pace(self) -> Pace:
        return Pace(self.connection)

    @cached_property
    def wechat(self) -> WeChatStore:
        return WeChatStore(self.connection, self.keyring)

    @cached_property
    def accounts(self) -> AccountStore:
        return AccountStore(self.connection, self.keyring)

    @cached_property
    def staff(self) -> StaffStore:
        return StaffStore(self.connection, self.keyring)

    @cached_property
    def orders(self) -> OrderStore:
        return OrderStore(self.connection, self.keyring)

    @cached_property
    def verification(self) -> VerificationStore:
        return VerificationStore(self.connection, self.keyring)

    @cached_property
    def vouches(self) -> VouchStore:
        return VouchStore(self.connection, self.keyring)

    @cached_property
    def bindings(self) -> BindingStore:
        return BindingStore(self.connection, self.keyring)

    @cached_property
    def enquiries(self) -> EnquiryStore:
        return EnquiryStore(self.connection, self.keyring)

    @cached_property
    def results(self) -> ResultStore:
        return ResultStore(self.connection, self.orders.papers)

    @cached_property
    def webhooks(self) -> WebhookStore:
        return WebhookStore(self.connection, self.keyring, self.orders.papers)
