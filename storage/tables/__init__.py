"""All tables; importing this package registers them with SQLModel.metadata."""

from storage.tables.accounts import Account, AccountContact, AccountKey
from storage.tables.conversations import Conversation, Quarantine, Receipt, Seen, Turn
from storage.tables.deliveries import Delivery
from storage.tables.orders import (
    SteadyClock,
    WorkOrder,
    WorkOrderAttachment,
    WorkOrderKey,
    WorkOrderRemark,
    WorkOrderStop,
    WorkOrderTick,
)
from storage.tables.people import Person, PersonKey
from storage.tables.results import Result, ResultPart, WebhookCursor, WebhookEvent, WebhookKey
from storage.tables.staff import Staff
from storage.tables.trail import Bucket, Trail
from storage.tables.verification import (
    Binding,
    BindingOffer,
    Enquiry,
    PortalNonce,
    Verification,
    VerificationTally,
    Vouch,
)
from storage.tables.wechat import WeChatNonce, WeChatToken, WeChatWindow

__all__ = [
    "Account",
    "AccountContact",
    "AccountKey",
    "Binding",
    "BindingOffer",
    "Bucket",
    "Conversation",
    "Delivery",
    "Enquiry",
    "Person",
    "PersonKey",
    "PortalNonce",
    "Quarantine",
    "Receipt",
    "Result",
    "ResultPart",
    "Seen",
    "Staff",
    "SteadyClock",
    "Trail",
    "Turn",
    "Verification",
    "VerificationTally",
    "Vouch",
    "WeChatNonce",
    "WeChatToken",
    "WeChatWindow",
    "WebhookCursor",
    "WebhookEvent",
    "WebhookKey",
    "WorkOrder",
    "WorkOrderAttachment",
    "WorkOrderKey",
    "WorkOrderRemark",
    "WorkOrderStop",
    "WorkOrderTick",
]
