"""What does a mail say, before it has a layout? The text and the HTML part are made from the same letter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from services.core.account_stores import CUSTOMER_LINK, SIGN_IN_LINK
from services.core.mail import WITH_CONTACT, SendJob
from services.core.partner import Partner
from services.core.referral import Referral
from services.core.rfi import Rfi

#: The part of the customer's page where one more partner is chosen.
CHOOSE = "another"


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What a mail is about: the job, and the documents as they stand now."""

    job: SendJob
    rfi: Rfi
    referral: Referral | None = None
    #: None for mails about the RFI as a whole.
    partners: Mapping[str, Partner] = field(default_factory=dict)
    #: Those the mail may name, by id.
    contact_visible: bool = False
    #: Whether the partner may see the customer's contact.

    @property
    def shows_contact(self) -> bool:
        """Whether the customer's contact stands in the mail; what shows it is written down in the job."""
        return self.contact_visible and self.job.kind in WITH_CONTACT and self.rfi.erased_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """The words of a mail in one language, nothing escaped, nothing encoded."""

    subject: str
    preheader: str
    #: What an inbox shows after the subject.
    heading: str
    alert: str | None = None
    #: Stands at the top and is set off.
    paragraphs: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    quote: str | None = None
    #: Somebody else's words, set off as such.
    list_title: str = ""
    #: Stands above the items.
    button: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """What differs between recipients who get the same letter."""

    url: str
    items: tuple[str, ...] = ()
    footer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A rendered mail as a person sees it."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Links:
    """Where the buttons lead: always to a page, never to an action, because scanners follow links."""

    base_url: str
    #: Without a slash at the end.
    sign: Callable[[str, str], str]
    #: (purpose, text) -> the text with our signature, which the page asks for.

    def referral(self, referral_id: str) -> str:
        """The partner's page of a referral."""
        return f"{self.base_url}/referrals/{referral_id}"

    def engagement(self, rfi_id: str, *, choose: bool = False) -> str:
        """The customer's own page of an RFI, or the part of it where one more partner is chosen.

        Who has the link is the customer.
        """
        page = f"{self.base_url}/requests/{self.sign(CUSTOMER_LINK, rfi_id)}"
        return f"{page}#{CHOOSE}" if choose else page

    def inbox(self) -> str:
        """A partner's list of new referrals."""
        return f"{self.base_url}/inbox"

    def settings(self) -> str:
        """Where people of partners say what they are mailed."""
        return f"{self.base_url}/team#own"

    def sign_in(self, link_id: str) -> str:
        """The page with the button that signs in."""
        return f"{self.base_url}/sign-in/link/{self.sign(SIGN_IN_LINK, link_id)}"
