"""Does a caller know a thing as it is? What its If-Match says, compared with the entity tag."""

from __future__ import annotations


def names(if_match: str, tag: str) -> bool:
    """Whether an If-Match header stands for this tag: it is `*`, or a list that has the tag in it.

    Clients send tags with and without quotes, and proxies that compress answers mark them as weak (`W/"1"`): a client
    that sends back what it was given knows the thing.
    """
    known = ('"' + each.strip().removeprefix("W/").strip('"') + '"' for each in if_match.split(","))
    return if_match.strip() == "*" or tag in known
