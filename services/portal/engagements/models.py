"""What does a referral look like on the wire of the contract? Names, and spelling mistakes, are the contract's."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from schemas.base import Told


class Contract(Told):
    """Base of these models, which are made by the names of Python and told by those of the wire."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)


class AddressV1(Contract):
    """Where the customer is; nobody here knows streets."""

    city: str | None = None
    state: str | None = None
    #: ISO 3166-2.
    postal_code: str | None = None
    country: str
    #: ISO 3166-1 alpha-2.


class ContactPreferenceV1(Contract):
    """How to write to somebody."""

    locale: str
    disable_notifications: bool = False


class PersonV1(Contract):
    """Somebody of the customer or of the partner."""

    first_name: str
    last_name: str
    email: str
    phone_number: str | None = None
    contact_preference: ContactPreferenceV1 | None = None


class CustomerProfileV1(Contract):
    """Who asks. `team` is absent while the partner may not see the contact."""

    name: str
    address: AddressV1
    size: str | None = None
    ids: list[str] = Field(default_factory=list)
    team: list[PersonV1] | None = None


class CodeV1(Contract):
    """One industry, product, service or solution."""

    id: str


class RequirementsV1(Contract):
    """What is asked for."""

    industries: list[CodeV1] = Field(default_factory=list)
    products: list[CodeV1] = Field(default_factory=list)
    services: list[CodeV1] = Field(default_factory=list)
    solutions: list[CodeV1] = Field(default_factory=list)
    offers: list[CodeV1] = Field(default_factory=list)


class DetailsV1(Contract):
    """The deal: the partner's words where it has said something, else the customer's."""

    notes: str | None = None
    deal_value: float | None = None
    currency: str | None = None
    closing_date_time: datetime | None = None
    customer_action: str | None = None
    customer_requested_contact: bool
    requirements: RequirementsV1


class ConsentV1(Contract):
    """What the customer agreed to."""

    consent_to_contact: bool
    consent_to_to_share_info_with_others: bool
    consent_to_share_referral_with_microsoft_sellers: bool


class InvitedByV1(Contract):
    """From whom it came."""

    organization_id: str | None = None
    organization_name: str | None = None


class InviteContextV1(Contract):
    """The customer's own words."""

    notes: str
    invited_by: InvitedByV1 | None = None
    assistance_request_code: str | None = None


class LinkV1(Contract):
    """Where to find something."""

    uri: str
    method: Literal["GET"] = "GET"


class LinksV1(Contract):
    """The referral itself, and the others of its engagement that the caller may see."""

    related_referrals: LinkV1
    self: LinkV1


class ReferralV1(Contract):
    """One referral of the caller's organisation."""

    id: str
    engagement_id: str
    organization_id: str
    organization_name: str
    name: str
    external_reference_id: str | None = None
    campaign_id: str | None = None
    referral_program: str | None = None
    type: Literal["Independent", "Shared"] = "Independent"
    qualification: Literal["None", "Direct", "MarketingQualified", "SalesQualified"]
    status: Literal["New", "Active", "Closed"]
    substatus: Literal["Pending", "Received", "Accepted", "Won", "Lost", "Declined", "Expired", "Error"]
    status_reason: str | None = None
    sales_stage: Literal["Qualify", "Develop", "Propose", "Close"] | None = None
    created_date_time: datetime
    updated_date_time: datetime
    expiration_date_time: datetime | None = None
    accepted_date_time: datetime | None = None
    closed_date_time: datetime | None = None
    direction: Literal["Incoming", "Outgoing"] = "Incoming"
    quality: Literal["High", "Medium", "Low"]
    is_spam: bool = False
    tags: list[str] = Field(default_factory=list)
    favorite: bool = False
    call_to_action: str | None = None
    referral_source: str | None = None
    e_tag: str
    consent: ConsentV1
    customer_profile: CustomerProfileV1
    details: DetailsV1
    team: list[PersonV1] = Field(default_factory=list)
    invite_context: InviteContextV1
    links: LinksV1


class ReferralListV1(Contract):
    """A page of referrals; `@odata.nextLink` is absent on the last one."""

    context: Annotated[str, Field(alias="@odata.context")]
    next_link: Annotated[str | None, Field(alias="@odata.nextLink")] = None
    value: list[ReferralV1]


class ErrorDetailV1(Contract):
    """One problem: a JSON pointer or the name of a parameter, the rule, and what to do about it."""

    code: str
    message: Annotated[str, Field(max_length=1024)]
    target: str


class ErrorBodyV1(Contract):
    """What went wrong; `details` lists every problem."""

    code: str
    message: Annotated[str, Field(max_length=1024)]
    target: str | None = None
    details: list[ErrorDetailV1]
    inner_error: dict[str, str | None] | None = None
    #: Of a lost race: status, substatus and since when.


class ErrorV1(Contract):
    """Every error of this API."""

    error: ErrorBodyV1
