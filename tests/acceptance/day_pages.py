"""The pages behind links, as a browser asks for them: a result to fetch, an order to stop, a certificate to check."""

import io
import re
from dataclasses import dataclass, field
from zipfile import ZipFile

import aiohttp
from lxml import html

from tests.acceptance.day_cast import Customer
from tests.acceptance.day_stage import PUBLIC_URL, Company, mails_to

LINK = re.compile(rf"{re.escape(PUBLIC_URL)}/(result|stop)/([A-Za-z0-9_-]{{22}})")
CODE = re.compile(r"(?<![0-9])[0-9]{4} [0-9]{4}(?![0-9])")
OWN = {"Sec-Fetch-Site": "same-origin"}
NOWHERE = "A" * 22
DOWNLOADS_MOST = 3


@dataclass
class Pages:
    """The browser of one customer."""

    on: Company
    who: Customer
    fetched: list[bytes] = field(default_factory=list)
    turned_away: int = 0
    """Fetches that were refused: no downloads left, or the link over."""
    stopped: int = 0
    genuine: int = 0
    forged_refused: int = 0
    papers_refused: int = 0
    """Files that the upload page didn't take."""

    @property
    def result_token(self) -> str:
        """Of the latest mail with a result link; "" where there is none."""
        return self._token("result")

    def _token(self, kind: str) -> str:
        found = [
            match[2]
            for mail in mails_to(self.on, self.who.mail)
            for match in LINK.finditer(mail.text)
            if match[1] == kind
        ]
        return found[-1] if found else ""

    async def _get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(f"{self.on.url}{path}") as answer:
            return answer.status, await answer.text()

    async def _post(self, path: str, **fields: str) -> tuple[int, bytes]:
        self.on.seconds_pass()
        async with (
            aiohttp.ClientSession(headers=OWN) as session,
            session.post(f"{self.on.url}{path}", data=fields) as answer,
        ):
            return answer.status, await answer.read()

    async def fetch(self, times: int, wrong_codes: int, *, over: bool) -> None:
        """Looks, asks for a code, types it, and fetches so often; once more where none is left."""
        path = f"/result/{self.result_token}"
        status, _ = await self._get(path)
        if over:
            assert status == 404, "the link should lead nowhere by now"
            self.turned_away += 1
            return
        assert status == 200
        status, page = await self._post(path, act="send")
        verification = _hidden(page, "verification")
        await self.on.settle()
        for _ in range(wrong_codes):
            status, _ = await self._post(path, act="code", verification=verification, code="0123 4567")
            assert status == 422
        status, page = await self._post(path, act="code", verification=verification, code=self._code())
        assert status == 200, "the code doesn't count"
        ticket = _hidden(page, "ticket")
        for _ in range(times):
            status, package = await self._post(path, act="download", ticket=ticket)
            assert status == 200
            self.fetched.append(package)
        if times == DOWNLOADS_MOST:
            status, _ = await self._post(path, act="download", ticket=ticket)
            assert status == 404, "a fourth download"
            self.turned_away += 1

    def _code(self) -> str:
        return next(
            found[0]
            for one in reversed(self.on.sms.texts)
            if one.to == self.who.phone and (found := CODE.search(one.text))
        )

    async def press_stop(self, number: str) -> None:
        """Opens the link of the latest notice, which only shows, then presses the button."""
        path = f"/stop/{self._token('stop')}"
        status, page = await self._get(path)
        assert status == 200
        assert number in page
        status, after = await self._post(path)
        assert status == 200
        assert b"<form" not in after.split(b"<main")[1], "there is still something to press"
        self.stopped += 1

    async def hand_in(self, token: str, number: str) -> None:
        """Looks, sends a file of a kind that isn't taken, then the papers, as a form of a browser does."""
        path = f"/papers/{token}"
        status, page = await self._get(path)
        assert status == 200, f"the upload link leads nowhere: {status}"
        assert number in page
        status, _ = await self._upload(path, ("program.pdf", b"MZ\x90\x00 invented"))
        assert status == 415
        self.papers_refused += 1
        papers = ("identity.png", b"\x89PNG\r\n\x1a\n invented"), ("register.pdf", b"%PDF-1.7 invented")
        status, page = await self._upload(path, *papers)
        assert status == 200
        assert all(name in page for name, _ in papers)

    async def papers_are_over(self, token: str) -> None:
        """After the check the link leads nowhere."""
        status, _ = await self._get(f"/papers/{token}")
        assert status == 410
        self.papers_refused += 1

    async def _upload(self, path: str, *files: tuple[str, bytes]) -> tuple[int, str]:
        self.on.seconds_pass()
        form = aiohttp.FormData()
        for name, body in files:
            form.add_field("paper", body, filename=name)
        async with aiohttp.ClientSession(headers=OWN) as session, session.post(self.on.url + path, data=form) as answer:
            return answer.status, await answer.text()

    async def certify(self, certificate: str) -> None:
        """The page knows the certificate, and doesn't know one in which a single character differs."""
        status, _ = await self._post("/certificate", certificate=certificate)
        self.genuine += status == 200
        forged = certificate.replace('"executed_at": "2026-', '"executed_at": "2025-')
        assert forged != certificate
        status, _ = await self._post("/certificate", certificate=forged)
        self.forged_refused += status == 422

    async def attack(self, token_of_another: str) -> int:
        """Five tries of somebody who owns nothing; how many were refused."""
        assert token_of_another
        ticket = "1.9999999999." + "0" * 64
        tried = [
            (await self._get(f"/result/{NOWHERE}"))[0] == 404,
            (await self._post(f"/stop/{NOWHERE}"))[0] == 404,
            not (await self._post(f"/result/{token_of_another}", act="download", ticket=ticket))[1].startswith(b"PK"),
            (await self._post(f"/result/{token_of_another}", act="code", verification="1", code="12345678"))[0] != 200,
            (await self._post("/certificate", certificate='{"format": "clausebot-deletion-certificate-1"}'))[0] == 422,
        ]
        return sum(tried)

    def texts(self) -> list[str]:
        """Every text file of the packages fetched."""
        found = []
        for package in self.fetched:
            with ZipFile(io.BytesIO(package)) as archive:
                found.append("\n".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist()))
        return found


def _hidden(page: bytes, name: str) -> str:
    return str(html.document_fromstring(page.decode()).xpath(f"string(//input[@name='{name}']/@value)"))
