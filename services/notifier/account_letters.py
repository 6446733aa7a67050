"""What is said to somebody who asked for a link to sign in? A mail that belongs to no request."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.core.mail import MailKind, SendJob
from services.notifier import layout
from services.notifier.layout import Sheet
from services.notifier.letter import Letter, Links, Personal
from services.notifier.words import Words, _, words_of

#: Kinds of mail that belong to no request.
OF_ACCOUNTS = frozenset({MailKind.SIGN_IN_LINK, MailKind.DIGEST})
#: A link that nobody can use any more is not mailed; links live shorter than this.
_WORTH_SENDING = timedelta(hours=1)


def outdated(job: SendJob, now: datetime) -> str | None:
    """Why the mail is not to be sent any more, or None."""
    return "its link can't be used any more" if now - job.at > _WORTH_SENDING else None


def account_sheet(job: SendJob) -> Sheet:
    """The letter of a job, laid out."""
    words = words_of(job.language)
    return layout.lay_out(_sign_in(words), words.language, has_items=False)


def account_lines(job: SendJob, links: Links) -> Personal:
    """What is the recipient's own: the link."""
    footer = words_of(job.language).say(
        _("Sent because somebody asked for it on the sign-in page. If it was not you, do nothing: it changes nothing.")
    )
    return Personal(url=links.sign_in(job.event_id), footer=footer)


def _sign_in(words: Words) -> Letter:
    say = words.say
    return Letter(
        subject=say(_("Your link to sign in")),
        preheader=say(_("It works once, for a short time.")),
        heading=say(_("Sign in")),
        paragraphs=(
            say(_("Open this link and press the button on the page to sign in.")),
            say(_("It works once, for a short time. Do not pass it on.")),
        ),
        button=say(_("Sign in")),
    )
