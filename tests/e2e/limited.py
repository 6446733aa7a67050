"""One exchange, real engines and processes: an RFI says who is not to be asked, however well it fits.

test_operating.py collects these tests and has their exchange.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

from services.core.ids import partner_id
from tests.e2e.exchange import Exchange, eventually, good_rfi
from tests.e2e.whole_exchange import referrals_of, rfi_of, submit

COLUMNS = "partner_id,partner_name,admin_email,country,location_city,location_latitude,location_longitude,keywords"
CONTACT = "contact_first_name,contact_last_name,contact_email"
#: All offer the same and serve the whole country, where nobody else does.
PARTNERS = {
    "near": ("Kópavogur,64.1112,-21.9131", "sagas"),
    "far": ("Akureyri,65.6835,-18.0878", "sagas"),
    "unplaced": ("Akureyri,,", "sagas"),
    "reseller": ("Reykjavík,64.1466,-21.9426", "sagas;resale"),
    "unloved": ("Reykjavík,64.1466,-21.9426", "sagas"),
}


def partners(folder: Path) -> Path:
    """The network as a file."""
    rows = [
        f"{name},{name.title()} ehf,{name}@partner.example,IS,{place},{words},Anna,Jónsdóttir,{name}@partner.example"
        for name, (place, words) in PARTNERS.items()
    ]
    file = folder / "iceland.csv"
    file.write_text("\n".join([f"{COLUMNS},{CONTACT}", *rows]), "utf-8")
    return file


def test_who_is_too_far_away_or_not_wanted_is_not_asked_and_the_command_line_says_why(
    exchange: Exchange, tmp_path: Path
) -> None:
    exchange.cli("import", "partners", str(partners(tmp_path)))
    place = {"country": "IS", "city": "Reykjavík", "latitude": 64.1466, "longitude": -21.9426}
    asked: set[str] = set()
    numbers = count()

    def routed() -> bool:
        # A router hears of partners by and by.
        name = f"limited-{next(numbers)}"
        limits = {"keywords": ["sagas"], "mustNotOffer": ["Resale"], "withinKm": 25, "place": place}
        submit(exchange, good_rfi(name, **limits) | {"excludedPartners": [partner_id("csv", "unloved")]})
        rfi = rfi_of(exchange, name)
        asked.clear()
        asked.update(each.partner_id for each in referrals_of(exchange, rfi))
        return asked >= {partner_id("csv", "near"), partner_id("csv", "unplaced")}

    eventually(routed, "those who are near, or may be, are asked")
    assert asked == {partner_id("csv", "near"), partner_id("csv", "unplaced")}
    rfi = rfi_of(exchange, f"limited-{next(numbers) - 1}")
    for name, said in {
        "far": "have a location within 25 km: 249 km away, asked within 25",
        "reseller": "no longer offer Resale",
    }.items():
        told = exchange.cli("match", "explain", rfi.id, "--partner", partner_id("csv", name))
        assert " ".join(said.split()) in " ".join(told.split()), told
