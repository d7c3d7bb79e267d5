"""Countries by ISO 3166-1 alpha-2, and on which side of a border each lies for us."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator

_EU: Final = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
_EFTA: Final = " IS LI NO"
_ASSIGNED: Final = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ "
    "BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM "
    "DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS "
    "GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN "
    "KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ "
    "MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM "
    "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV "
    "SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI "
    "VN VU WF WS YE YT ZA ZM ZW"
)


class Region(StrEnum):
    """Where data may go without more (UK, EEA), and where that is a transfer (promise N9)."""

    UK = "UK"
    EEA = "EEA"
    THIRD = "third country"


UK: Final = frozenset({"GB"})
"""Great Britain and Northern Ireland (Interpretation Act 1978, Sch 1). Gibraltar (GI) and the
Crown dependencies (GG, IM, JE) are not part of it: UK GDPR does not apply there of itself."""

EEA: Final = frozenset((_EU + _EFTA).split())
"""The 27 member states (TEU Art 52) and the three EFTA states of the EEA Agreement (Art 2(b)).
Territories with a code of their own (GF, RE, AX, SJ, …) are not looked into: third countries."""

COUNTRIES: Final = frozenset(_ASSIGNED.split())
"""Every code assigned in ISO 3166-1 (249). "UK" and "EU" are reserved there, not assigned."""


def region_of(country: str) -> Region:
    """Where a country lies; whatever is no code of the UK or the EEA is a third country.

    A country with adequacy regulations (UK GDPR Art 45) is one too: what N9 promises is more.
    """
    if country in UK:
        return Region.UK
    return Region.EEA if country in EEA else Region.THIRD


def _assigned(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError("not a country's code")
    return code


Country = Annotated[str, AfterValidator(_assigned)]
"""An assigned code of ISO 3166-1 alpha-2."""
