"""At which look of which journey is each page seen? One line for each template that is a page."""

from __future__ import annotations

#: (journey, look) -> template; journeys are tests without "test_". A template may be seen at other looks too.
TEMPLATES = {
    ("a_customer", "asked"): "customer.html.j2",
    ("the_pages_of_erasing_can_be_used_by_everybody", "customer-erase"): "customer_erase.html.j2",
    ("inbox", "first"): "inbox.html.j2",
    ("insights", "figures"): "insights.html.j2",
    ("an_operator", "overview"): "operator.html.j2",
    ("the_pages_of_audit_and_rules_can_be_used_by_everybody", "operator-audit"): "operator_audit.html.j2",
    ("the_pages_of_erasing_can_be_used_by_everybody", "operator-erasure"): "operator_erasure.html.j2",
    ("an_operator", "letter"): "operator_letter.html.j2",
    ("an_operator", "letters"): "operator_letters.html.j2",
    ("an_operator", "parked"): "operator_parked.html.j2",
    ("an_operator", "partners"): "operator_partners.html.j2",
    ("an_operator", "refusal"): "operator_refusal.html.j2",
    ("an_operator", "refused"): "operator_refused.html.j2",
    ("an_operator", "request"): "operator_request.html.j2",
    ("the_pages_of_audit_and_rules_can_be_used_by_everybody", "operator-rules"): "operator_rules.html.j2",
    ("not_here", "foreign"): "problem.html.j2",
    ("profile_saved", "wrong"): "profile.html.j2",
    ("profiles", "list"): "profiles.html.j2",
    ("letting_a_program_in", "made"): "programs.html.j2",
    ("answer", "new"): "referral.html.j2",
    ("a_search", "found"): "search.html.j2",
    ("a_search", "filled"): "search_request.html.j2",
    ("a_search", "sent"): "search_sent.html.j2",
    ("sheets", "refused"): "sheets.html.j2",
    ("sign_in", "form"): "sign_in.html.j2",
    ("sign_in", "link"): "sign_in_link.html.j2",
    ("sign_in", "sent"): "sign_in_sent.html.j2",
    ("team", "list"): "team.html.j2",
}
