"""Does every kind of mail say what its reader needs, and nothing that it must not?"""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.codes import Flame, PolicyName, Stage
from services.core.mail import WITH_CONTACT, MailKind
from services.notifier.account_letters import OF_ACCOUNTS
from services.notifier.customer_letters import CUSTOMER_LETTERS
from services.notifier.letter import Matter
from services.notifier.mime import envelope
from services.notifier.partner_letters import PARTNER_LETTERS
from services.notifier.preview import AT, LINKS, SENDER, examples, matter
from services.notifier.render import compose, lay_out, lines, personal, render, shared_by
from services.notifier.words import languages

LANGUAGES = sorted(languages())
EXAMPLES = list(examples())
KINDS = [kind for kind in MailKind if kind not in OF_ACCOUNTS]


class _Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data: str) -> None:
        self.words += data


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_every_kind_has_a_letter() -> None:
    assert set(PARTNER_LETTERS) | set(CUSTOMER_LETTERS) | OF_ACCOUNTS == set(MailKind)


@pytest.mark.parametrize("example", [each for _, each in EXAMPLES], ids=[name for name, _ in EXAMPLES])
def test_text_and_html_say_the_same_with_one_button(example: Matter) -> None:
    letter, own, mail = compose(example), personal(example, LINKS), render(example, LINKS)
    page = _Page(mail.html)
    said = (letter.heading, *letter.paragraphs, letter.button, own.footer, *own.items)
    for words in (*said, *(word for row in letter.facts for word in row)):
        assert squeezed(words) in squeezed(page.words)
        assert squeezed(words) in squeezed(mail.text)
    assert page.links == [own.url]
    assert own.url in mail.text
    assert letter.preheader in page.words
    assert f'<html lang="{example.job.language}">' in mail.html
    assert not {"script", "img", "form", "iframe", "link"} & set(page.tags)


@pytest.mark.parametrize("kind", PARTNER_LETTERS)
def test_the_customers_contact_stands_in_a_mail_if_and_only_if_it_is_written_down_as_shown(kind: MailKind) -> None:
    for visible in (True, False):
        mail = replace(matter(kind, "en"), contact_visible=visible)
        person = mail.rfi.customer.contact
        shown = {word in render(mail, LINKS).text for word in (person.email, person.last_name, person.phone or "")}
        assert shown == {mail.shows_contact}
        assert mail.shows_contact is (visible and kind in WITH_CONTACT)


@pytest.mark.parametrize("kind", KINDS)
def test_languages_differ(kind: MailKind) -> None:
    assert len({render(matter(kind, language), LINKS).subject for language in LANGUAGES}) == len(LANGUAGES)


@pytest.mark.parametrize("example", [each for _, each in EXAMPLES], ids=[name for name, _ in EXAMPLES])
def test_no_subject_names_a_person(example: Matter) -> None:
    subject = render(example, LINKS).subject
    for word in ("Ana", "Peña", "Sara", "Núñez", "@", "+34"):
        assert word not in subject


@pytest.mark.parametrize("example", [each for _, each in EXAMPLES], ids=[name for name, _ in EXAMPLES])
def test_the_envelope_holds_what_a_person_is_shown(example: Matter) -> None:
    own, mail = personal(example, LINKS), render(example, LINKS)
    sent = envelope(example.job, lay_out(example, own), lines(own), SENDER, example.job.at)
    message = message_from_bytes(sent.message, policy=default)
    for subtype, shown in (("plain", mail.text), ("html", mail.html)):
        body = message.get_body((subtype,))
        assert body is not None
        assert body.get_content().replace("\r\n", "\n").rstrip() == shown.rstrip()
    assert str(message["Subject"]) == mail.subject


CHANGES = [
    {"language": "es"},
    {"time_zone": "America/Bogota"},
    {"title": "Something else"},
    {"company": "Somebody else"},
    {"expires_at": None},
    {"flame": Flame.RAISED},
    {"stage": Stage.EVALUATING},
    {"policy": PolicyName.CLASSIC},
    {"why": {}},
    {"picked": True},
    {"contact_visible": False},
    {"version": 2},
    {"partner_id": "another"},
    {"id": "another"},
    {"name": "Somebody else"},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind in PARTNER_LETTERS])
def test_mails_share_a_sheet_only_if_theirs_would_be_the_same(kind: MailKind, change: dict[str, Any]) -> None:
    first = matter(kind, "en")
    assert first.referral is not None
    second = replace(
        first,
        job=replace(first.job, **{k: v for k, v in change.items() if k in {"language", "time_zone", "name"}}),
        referral=replace(first.referral, **{k: v for k, v in change.items() if hasattr(first.referral, k)}),
        contact_visible=change.get("contact_visible", True),
        rfi=replace(first.rfi, version=change.get("version", 1)),
    )
    mine, yours = personal(first, LINKS), personal(second, LINKS)
    if shared_by(first, mine) == shared_by(second, yours):
        assert lay_out(first, mine) == lay_out(second, yours)


def test_partners_of_one_request_share_a_sheet_and_customers_share_none() -> None:
    first = matter(MailKind.NEW_REFERRAL, "en")
    assert first.referral is not None
    second = replace(
        first, referral=replace(first.referral, id="another", partner_id="another", why={"reasons": ["x"]})
    )
    assert shared_by(first, personal(first, LINKS)) == shared_by(second, personal(second, LINKS))
    customer = matter(MailKind.SENT_TO_PARTNERS, "en")
    assert shared_by(customer, personal(customer, LINKS)) is None


def test_a_hidden_contact_appears_nowhere_and_the_mail_says_when_it_will() -> None:
    for kind in PARTNER_LETTERS:
        mail = render(replace(matter(kind, "en"), contact_visible=False), LINKS)
        assert not [word for word in ("Ana", "Peña", "ana.pena", "+34955000100") if word in mail.text + mail.html]
    classic = render(matter(MailKind.NEW_REFERRAL, "en", "classic"), LINKS).text
    assert "shown once you have said that you are interested" in classic


def test_a_visible_contact_is_told_in_a_new_referral() -> None:
    text = render(matter(MailKind.NEW_REFERRAL, "en"), LINKS).text
    assert "Ana Peña" in text
    assert "ana.pena@aceites.example" in text


@pytest.mark.parametrize("kind", [MailKind.EXPIRED, MailKind.WITHDRAWN])
def test_a_closed_referral_names_no_contact(kind: MailKind) -> None:
    assert "ana.pena" not in render(matter(kind, "en"), LINKS).text


def test_the_flame_stands_at_the_top_and_only_when_it_was_raised() -> None:
    flamed = render(matter(MailKind.NEW_REFERRAL, "en", "flame"), LINKS)
    assert flamed.text.startswith("*** The customer asked to be contacted directly. ***")
    assert "***" not in render(matter(MailKind.NEW_REFERRAL, "en"), LINKS).text


def test_the_customer_reads_whom_the_request_went_to_or_that_nobody_fits() -> None:
    sent = render(matter(MailKind.SENT_TO_PARTNERS, "en"), LINKS)
    assert sent.subject.startswith("Your request was sent to 3 partners")
    assert "- Cloudwright Ltd" in sent.text
    none = render(matter(MailKind.SENT_TO_PARTNERS, "en", "no_match"), LINKS)
    assert "We have not found a partner who fits it yet." in none.text


def test_a_partners_decline_reason_is_not_told_to_the_customer() -> None:
    example = matter(MailKind.DECLINED_BY, "en")
    assert example.referral is not None
    details = replace(example.referral.details, reason="conflictOfInterest", reason_notes="we work for a rival")
    mail = render(replace(example, referral=replace(example.referral, details=details)), LINKS)
    assert "rival" not in mail.text + mail.html
    assert "conflict" not in mail.text.lower()


@given(st.text(min_size=1, max_size=200))
def test_no_words_of_a_customer_become_markup_or_control_anything(words: str) -> None:
    plain = matter(MailKind.NEW_REFERRAL, "en")
    assert plain.referral is not None
    need = replace(plain.rfi.need, title=words, description=words, services=(words,))
    odd = replace(plain, rfi=replace(plain.rfi, need=need), referral=replace(plain.referral, title=words))
    mail = render(odd, LINKS)
    page = _Page(mail.html)
    expected = _Page(render(plain, LINKS).html)
    assert [tag for tag in page.tags if tag != "blockquote"] == [tag for tag in expected.tags if tag != "blockquote"]
    assert page.links == expected.links
    assert "\n" not in mail.subject
    assert len(mail.subject) <= 150
    for harmful in "\x00\x07\x1b\r\u202e\u2066\u200b\ud800":
        assert harmful not in mail.subject + mail.text + mail.html


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_withdrawal_says_nothing_of_an_erased_request_though_its_referral_still_does(language: str) -> None:
    known = matter(MailKind.WITHDRAWN, language)
    assert known.referral is not None
    said = [known.referral.company, known.referral.title]
    before, after = (render(each, LINKS) for each in (known, replace(known, rfi=replace(known.rfi, erased_at=AT))))
    assert all(each in before.subject for each in said)
    assert not [each for each in said if each in f"{after.subject} {after.text} {after.html}"]
