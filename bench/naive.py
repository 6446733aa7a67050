"""The stack a newcomer would write from the same packages: one message, one insert, one SMTP connection at a time.

It does the same job on the same engines (five partners, five referrals, six mails for each RFI), with FastStream's own
models and decorators, motor's insert_one and EmailMessage. It promises nothing about crashes.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import aiosmtplib
from faststream import FastStream
from faststream.kafka import KafkaBroker
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import BaseModel

from schemas.rfi import RfiSubmittedV1

PREFIX = os.environ.get("BENCH_PREFIX", "")
broker = KafkaBroker(os.environ.get("REFERRALS_KAFKA", "127.0.0.1:9092"), logger=None)


class Accepted(BaseModel):
    """An RFI that was stored."""

    rfi_id: str


class Created(BaseModel):
    """A referral that was stored."""

    referral_id: str


def database() -> Any:
    """The database of this run."""
    client: Any = AsyncIOMotorClient(os.environ["REFERRALS_MONGO"], w="majority", journal=True)
    return client[os.environ["REFERRALS_MONGO_DATABASE"]]


def intake(db: Any) -> None:
    """Store each RFI and tell the router."""

    @broker.subscriber(f"{PREFIX}rfi.submitted", group_id="naive-intake", auto_offset_reset="earliest")
    async def on_rfi(rfi: RfiSubmittedV1) -> None:
        document = rfi.model_dump(mode="json")
        document["_id"] = str(uuid4())
        await db.rfis.insert_one(document)
        await broker.publish(Accepted(rfi_id=document["_id"]), f"{PREFIX}rfi.accepted", key=document["_id"].encode())


def router(db: Any) -> None:
    """Find five partners, store a referral for each, tell the notifier."""

    @broker.subscriber(f"{PREFIX}rfi.accepted", group_id="naive-router", auto_offset_reset="earliest")
    async def on_accepted(message: Accepted) -> None:
        rfi = await db.rfis.find_one({"_id": message.rfi_id})
        need = rfi["need"]
        country = (need["place"] or rfi["customer"]["place"])["country"]
        found = db.profiles.find({"country": country, "keywords": {"$in": need["keywords"]}, "active": True})
        scored = [(len(set(p["keywords"]) & set(need["keywords"])), p) async for p in found]
        scored.sort(key=lambda pair: -pair[0])
        for score, profile in scored[:5]:
            referral = {
                "_id": str(uuid4()),
                "rfi_id": rfi["_id"],
                "partner": profile["partner_id"],
                "contact": profile["locations"][0]["contact"],
                "status": "New",
                "title": need["title"],
                "score": score,
                "created_at": datetime.now(UTC),
            }
            await db.referrals.insert_one(referral)
            body = Created(referral_id=referral["_id"])
            await broker.publish(body, f"{PREFIX}referral.events", key=referral["_id"].encode())
        await broker.publish(message, f"{PREFIX}engagement.events", key=rfi["_id"].encode())


def notifier(db: Any) -> None:
    """Mail each partner, and the customer."""

    @broker.subscriber(f"{PREFIX}referral.events", group_id="naive-notifier", auto_offset_reset="earliest")
    async def on_created(message: Created) -> None:
        referral = await db.referrals.find_one({"_id": message.referral_id})
        rfi = await db.rfis.find_one({"_id": referral["rfi_id"]})
        await send(referral["contact"]["email"], f"New referral: {referral['title']}", rfi)
        await db.referrals.update_one({"_id": referral["_id"]}, {"$set": {"mailed_at": datetime.now(UTC)}})

    @broker.subscriber(f"{PREFIX}engagement.events", group_id="naive-customer", auto_offset_reset="earliest")
    async def on_routed(message: Accepted) -> None:
        rfi = await db.rfis.find_one({"_id": message.rfi_id})
        await send(rfi["customer"]["contact"]["email"], "We sent your request to partners", rfi)
        await db.rfis.update_one({"_id": rfi["_id"]}, {"$set": {"mailed_at": datetime.now(UTC)}})


async def send(to: str, subject: str, rfi: dict[str, Any]) -> None:
    """Build one mail, open a connection, send it, close."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "referrals@exchange.example", to, subject
    need = rfi["need"]
    text = f"{need['title']}\n\n{need['description']}\n\n{rfi['customer']['company']}\n"
    mail.set_content(text)
    paragraphs = "".join(f"<p>{part}</p>" for part in text.split("\n") if part)
    mail.add_alternative(f"<html><body>{paragraphs}</body></html>", subtype="html")
    host, _, port = os.environ["REFERRALS_SMTP"].partition(":")
    await aiosmtplib.send(mail, hostname=host, port=int(port))


async def main(process: str) -> None:
    """Run one of the three processes until killed."""
    {"intake": intake, "router": router, "notifier": notifier}[process](database())
    await FastStream(broker, logger=None).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
