"""All tables; importing this package registers them with SQLModel.metadata."""

from storage.tables.conversations import Conversation, Quarantine, Receipt, Seen, Turn
from storage.tables.deliveries import Delivery
from storage.tables.people import Person, PersonKey
from storage.tables.trail import Bucket, Trail
from storage.tables.wechat import WeChatNonce, WeChatToken, WeChatWindow

__all__ = [
    "Bucket",
    "Conversation",
    "Delivery",
    "Person",
    "PersonKey",
    "Quarantine",
    "Receipt",
    "Seen",
    "Trail",
    "Turn",
    "WeChatNonce",
    "WeChatToken",
    "WeChatWindow",
]
