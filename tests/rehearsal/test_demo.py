"""`clausebot demo` as somebody meets it: started, looked at, and ended with Ctrl-C while pages are open."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from bot.core.contacts import Kind
from bot.rehearsal.demo_company import PHONES, STAFF_MAIL
from bot.rehearsal.portal.customers import CUSTOMERS

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A demo that keeps its files in `folder`: its process, and the address of the phones."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot", "demo", "--port", "0"),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    told = ""
    try:
        async with asyncio.timeout(30):
            while "Ctrl-C ends it" not in told:
                line = await process.stdout.readline()
                assert line, (await process.communicate())[1].decode()
                told += line.decode()
        found = re.search(r"http://127\.0\.0\.1:[0-9]+/phones", told)
        assert found
        yield process, found[0]
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_staff_beside_it_have_a_mailbox_and_who_holds_its_phones_are_customers(tmp_path: Path) -> None:
    numbers = {contact.value for customer in CUSTOMERS for contact in customer.of_kind(Kind.PHONE)}
    assert len(set(PHONES.values()) & numbers) == len(PHONES) == 2
    async with demo(tmp_path):
        exported = (tmp_path / "var" / "demo" / "staff.sh").read_text("utf-8")
    assert f"export CLAUSEBOT_STAFF_MAIL={STAFF_MAIL}\n" in exported


async def test_ctrl_c_ends_it_without_a_word_of_complaint_though_its_pages_are_open(tmp_path: Path) -> None:
    async with demo(tmp_path) as (process, phones), aiohttp.ClientSession() as browser:
        pages = [await browser.get(f"{phones}/events", params={"owner": str(owner)}) for owner in (1, 2)]
        for page in pages:
            assert (await page.content.readline()).startswith(b"data: ")
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 15)
        assert (process.returncode, out.decode().strip(), err.decode()) == (0, "Stopped.", "")
        for page in pages:
            await asyncio.wait_for(page.content.read(), 5)  # The streams came to a proper end.
