"""Countries: which there are, and which are the UK, the EEA, or neither."""

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callward.regions import COUNTRIES, EEA, UK, Region, region_of


def test_the_codes_are_those_assigned() -> None:
    """All 249, as the time zone database lists them; what is only reserved is not there."""
    text = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text(encoding="utf-8")
    listed = {line.split("\t")[0] for line in text.splitlines() if not line.startswith("#")}
    assert listed == COUNTRIES
    assert len(COUNTRIES) == 249
    assert not {"UK", "EU", "XX", "gb", ""} & COUNTRIES


def test_the_eea_has_thirty_states() -> None:
    """The Union's 27, and the three of the EFTA; nothing is in it that is in the UK."""
    assert len(EEA) == 30
    assert {"IS", "LI", "NO"} < EEA < COUNTRIES
    assert not EEA & UK


@pytest.mark.parametrize(
    ("country", "region"),
    [
        *(("GB", Region.UK), ("IE", Region.EEA), ("DE", Region.EEA), ("GR", Region.EEA)),
        *(("IS", Region.EEA), ("LI", Region.EEA), ("NO", Region.EEA), ("HR", Region.EEA)),
        # Near the UK, of the Crown, but not of it.
        *(("GI", Region.THIRD), ("GG", Region.THIRD), ("JE", Region.THIRD), ("IM", Region.THIRD)),
        # In the EFTA, but not in the EEA; with territories, but not the state itself.
        *(("CH", Region.THIRD), ("SJ", Region.THIRD), ("GF", Region.THIRD), ("GL", Region.THIRD)),
        # Adequate, yet a transfer.
        *(("US", Region.THIRD), ("JP", Region.THIRD), ("UA", Region.THIRD), ("TR", Region.THIRD)),
        # No codes at all.
        *(("UK", Region.THIRD), ("EL", Region.THIRD), ("EU", Region.THIRD), ("", Region.THIRD)),
    ],
)
def test_where_a_country_lies(country: str, region: Region) -> None:
    """Only what is certainly the UK or the EEA is either."""
    assert region_of(country) is region


@given(st.text(max_size=3))
def test_whatever_is_unknown_is_a_third_country(text: str) -> None:
    """In doubt it is a transfer."""
    assert (region_of(text) is Region.THIRD) == (text not in EEA | UK)
