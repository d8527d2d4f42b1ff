"""What people do in WeChat: they write, speak, tap, follow, scan, grant. Each becomes a push as WeChat words it."""

from typing import Any

from bot.rehearsal.control import Control, Wrong
from bot.rehearsal.people import Person
from bot.rehearsal.wechat.calls import Calls
from bot.rehearsal.wechat.followers import Data, Follower, Followers
from bot.rehearsal.wechat.pushes import Push, Pushes

MEDIA: dict[str, Data] = {
    "image": {"PicUrl": "http://mmbiz.example/invented.jpg", "MediaId": "REHEARSAL_image"},
    "voice": {"MediaId": "REHEARSAL_voice", "Format": "amr"},
    "video": {"MediaId": "REHEARSAL_video", "ThumbMediaId": "REHEARSAL_thumb"},
    "shortvideo": {"MediaId": "REHEARSAL_short", "ThumbMediaId": "REHEARSAL_thumb"},
    "location": {"Location_X": "48.0", "Location_Y": "8.0", "Scale": 20, "Label": "Example"},
    "link": {"Title": "Example", "Description": "An invented page", "Url": "http://example.com/"},
}


class Hands:
    """The hands of all invented people at once."""

    def __init__(self, control: Control, followers: Followers, calls: Calls, pushes: Pushes) -> None:
        self._control, self._followers, self._calls, self._pushes = control, followers, calls, pushes
        self._messages = 0

    def say(self, who: Person, text: str, *, message_id: int | None = None) -> Push:
        """Writes `text`. Raises Wrong when it is empty, or the person doesn't follow."""
        if not text.strip():
            raise Wrong("the text is empty")
        return self._message(who, text, {"MsgType": "text", "Content": text}, message_id=message_id)

    def speak(self, who: Person, heard: str = "") -> Push:
        """A voice message; `heard` is what WeChat's recognition made of it, when the account has that."""
        more = {"Recognition": heard} if heard else {}
        return self._message(who, f"[voice] {heard}".strip(), {"MsgType": "voice", **MEDIA["voice"], **more})

    def send(self, who: Person, kind: str) -> Push:
        """One of MEDIA. Raises Wrong."""
        if kind not in MEDIA:
            raise Wrong(f"no such kind; there are {', '.join(MEDIA)}")
        return self._message(who, f"[{kind}]", {"MsgType": kind, **MEDIA[kind]})

    def choose(self, who: Person, choice: str, content: str) -> Push:
        """Taps a line of a msgmenu: it arrives as text, but counts as a tap and opens no 48 hours."""
        fields = {"MsgType": "text", "Content": content, "bizmsgmenuid": choice}
        return self._message(who, content, fields, opens="tap")

    def follow(self, who: Person, scene: str = "") -> Push:
        """Follows the account, through a QR code when a `scene` is given."""
        follower = self._followers.meet(who)
        follower.subscribed, follower.subscribed_at = True, self._control.clock()
        more = {"EventKey": f"qrscene_{scene}" if scene else "", **({"Ticket": "REHEARSAL_TICKET"} if scene else {})}
        return self._event(follower, "subscribe", more, opens="tap")

    def unfollow(self, who: Person) -> Push:
        follower = self._followers.meet(who)
        follower.subscribed = False
        follower.windows.clear()
        return self._event(follower, "unsubscribe", {"EventKey": ""})

    def scan(self, who: Person, scene: str) -> Push:
        """Scans a QR code of the account's while following it."""
        follower = self._followers.meet(who)
        return self._event(follower, "SCAN", {"EventKey": scene, "Ticket": "REHEARSAL_TICKET"}, opens="tap")

    def tap(self, who: Person, key: str, name: str = "") -> Push:
        """Taps an entry of the menu bar that sends its key."""
        follower = self._follower(who)
        self._followers.show(follower, "person", name or key, kind="tap")
        return self._event(follower, "CLICK", {"EventKey": key}, opens="tap")

    def view(self, who: Person, url: str) -> Push:
        """Taps an entry of the menu bar that opens a page."""
        return self._event(self._follower(who), "VIEW", {"EventKey": url, "MenuId": 400_000_001})

    def decide(self, who: Person, template: str, *, accept: bool = True, how: str = "popup") -> Push:
        """Answers a request for a one-time message ("popup"), or changes the setting later ("change")."""
        follower = self._followers.meet(who)
        said = "accept" if accept else "reject"
        if accept and how == "popup":
            follower.credits[template] += 1
        elif not accept:
            follower.credits[template] = 0
        item = {"TemplateId": template, "SubscribeStatusString": said}
        if how == "popup":
            fields: Data = {"SubscribeMsgPopupEvent": {"List": {**item, "PopupScene": 2}}}
        elif how == "change":
            fields = {"SubscribeMsgChangeEvent": {"List": item}}
        else:
            raise Wrong('"how" is popup or change')
        return self._event(follower, f"subscribe_msg_{how}_event", fields)

    def change_info(self, who: Person) -> Push:
        """Changes profile data, of which an account must be told."""
        fields = {"OpenID": who.openid, "AppID": "", "RevokeInfo": "1"}
        return self._event(self._followers.meet(who), "user_info_modified", fields)

    def revoke(self, who: Person, what: str = "1") -> Push:
        """Takes back an authorisation; `what` are WeChat's numbers of the data it was for."""
        fields = {"OpenID": who.openid, "AppID": "", "RevokeInfo": what, "PluginID": "", "OpenPID": ""}
        return self._event(self._followers.meet(who), "user_authorization_revoke", fields)

    def fields(self, who: Person, fields: Data) -> Push:
        """Any push at all, signed and encrypted as it must be."""
        self._followers.meet(who)
        return self._pushes.send(who.openid, fields)

    def xml(self, who: Person, xml: str, off: float = 0.0) -> Push:
        """Any inner document at all, also a hostile one; `off` moves the timestamp."""
        self._followers.meet(who)
        return self._pushes.send_xml(who.openid, xml, off=off)

    def _follower(self, who: Person) -> Follower:
        follower = self._followers.meet(who)
        if not follower.subscribed:
            raise Wrong("the person doesn't follow the account")
        return follower

    def _message(
        self, who: Person, shown: str, fields: Data, *, opens: str = "message", message_id: int | None = None
    ) -> Push:
        follower = self._follower(who)
        self._messages += 1
        number = message_id or 24_000_000_000_000_000 + self._messages
        self._followers.contact(follower, opens)
        self._followers.show(follower, "person", shown)
        return self._pushes.send(who.openid, {**fields, "MsgId": number})

    def _event(self, follower: Follower, event: str, fields: Data, opens: str = "") -> Push:
        if opens:
            self._followers.contact(follower, opens)
        body: dict[str, Any] = {"MsgType": "event", "Event": event, **fields}
        return self._pushes.send(follower.openid, body)
