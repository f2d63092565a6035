"""What the people of the sample company know, want and write down."""

from __future__ import annotations

import io

import pandas as pd

# true_pct is what the sales really show (or will); effect_pct is what the team said beforehand
PROMOTIONS = """
insight|family|product|region|start|end|effect|true|confidence|author|note
P01|Machines||DACH|2024-05|2024-05|15|14|0.8|Clara Costa|Mother's Day offer with the large retailers
P02|Grinders||FRANCE|2024-09|2024-09|20|24|0.7|Clara Costa|Back to the office campaign
P03||10010||2024-11|2024-11|18|16|0.8|Clara Costa|Black week on Lento One
P04|Accessories||IBERIA|2025-01|2025-01|20|19|0.8|Ines Ibarra|January clearance
P05||10020|DACH|2025-03|2025-03|25|30|0.7|Clara Costa|Spring bundle with grinder
P06|Machines||FRANCE|2025-05|2025-05|15|17|0.8|Clara Costa|Mother's Day offer
P07|Grinders||NORDICS|2025-08|2025-08|15|12|0.6|Nils Olsen|Bean festival in Oslo
P08||10010||2025-11|2025-11|20|22|0.9|Clara Costa|Black week on Lento One
P09||10030|IBERIA|2025-12|2025-12|15|14|0.8|Ines Ibarra|Christmas price on Piccolo
P10|Accessories|||2026-02|2026-02|12|10|0.8|Clara Costa|Winter care weeks
P11|Grinders||DACH|2026-04|2026-04|20|23|0.8|Clara Costa|Trade fair offer
P12|Machines||FRANCE|2026-05|2026-05|15|16|0.8|Clara Costa|Mother's Day offer
P13||10040|NORDICS|2026-06|2026-06|25|21|0.7|Nils Olsen|Midsummer edition
P14||10010||2026-11|2026-11|20|20|0.9|Clara Costa|Black week on Lento One
P15|Grinders||FRANCE|2026-11|2026-11|15|15|0.7|Clara Costa|Grinder for every Lento
P16|Accessories||DACH|2026-12|2026-12|12|12|0.7|Clara Costa|Gift sets
P17|Machines||FRANCE|2027-05|2027-05|15|15|0.6|Clara Costa|Mother's Day offer
"""

INSIGHTS = """
insight|function|kind|family|product|region|start|end|effect_pct|effect_units|confidence|expires|author|note|raised
I01|product|launch||10080||2026-11|2027-04||0|0.9|2027-05|Felix Fuchs|Lento Mini starts in November in all regions; listed at 180 shops so far|2026-07-14
I02|product|phase_out||10090||2026-10|2026-12|-20||0.8|2027-01|Felix Fuchs|Classic 98 ends in December; retailers run down stock|2026-08-05
I03|sales|strike||10020|FRANCE|2026-08|2026-08|-50||0.9|2026-09|Hugo Duval|Warehouse strike at our largest French customer; no orders for three weeks|2026-08-19
I04|sales|customer||10020|FRANCE|2026-10|2026-10|18||0.6|2026-12|Hugo Duval|The French customer wants to catch up after the strike|2026-09-10
I05|sales|customer|Machines||NORDICS|2027-01|2027-03|6||0.5|2027-02|Greta Holm|A new electronics chain signs for 60 shops if the trial is good|2026-09-03
I06|marketing|leads|Grinders||DACH|2026-10|2026-12|5||0.5|2027-01|Clara Costa|Leads from the web shop are up a quarter since August|2026-09-15
I07|finance|price|Machines|||2027-04|2027-09|-2||0.6|2027-10|Karin Keller|List prices rise 3 % in April|2026-09-08
I08|supply|other||03020||2026-11|2026-12|0||0.7|2027-01|Lukas Lund|Aquapure asks for four months instead of three over the turn of the year|2026-09-17
I13|supply|strike|Grinders|||2026-11|2026-12||0|0.9|2027-01|Marta Lopez|Strike at Elektra Brno: November's motors, half of December's come late|2026-09-28
I09|marketing|competitor|Machines||IBERIA|2026-10|2027-03|-5||0.6|2027-04|Ines Ibarra|A rival cut its entry machine by 15 % in Spain|2026-09-12
I10|sales|campaign|Spare parts||DACH|2026-10|2026-11|8||0.5|2026-12|Ben Maier|Service partners are invited to stock up before Christmas|2026-09-16
I11|product|other||02060||2026-06|2026-12|10||0.6|2027-01|Felix Fuchs|Mill Office was tested well in two magazines|2026-06-10
I12|marketing|competitor|Machines||DACH|2026-05|2026-12|-4||0.5|2026-10|Clara Costa|Discounter sells an own-brand machine; look again in October|2026-04-14
"""

TARGETS = """
kpi|target|amber|red|benchmark|benchmark_source
WMAPE|0.10|0.12|0.16|0.25|own estimate for consumer appliances
forecast accuracy|0.90|0.88|0.84|0.75|own estimate for consumer appliances
bias|0|0.03|0.08|0.05|own estimate
tracking signal|0|3|4||
FVA|2|1|0|3|own estimate
fill rate|0.97|0.96|0.93|0.95|own estimate
OTIF|0.94|0.93|0.90|0.90|own estimate
inventory turns|18|17|15|8|own estimate
DIO|20|22|26|45|own estimate
days of cover|10|12|16||
DSO|45|48|55|50|own estimate
DPO|42|40|35|45|own estimate
CCC|25|27|32|45|own estimate
capacity load|0.95|1.0|1.1||
schedule attainment|0.97|0.95|0.93|0.95|own estimate
plan adherence|0.95|0.90|0.83|0.9|own estimate
revenue vs plan|0|-0.02|-0.06||
gross margin|0.54|0.53|0.50|0.42|own estimate
quota attainment|1|0.95|0.85|0.9|own estimate
reps at quota|0.55|0.5|0.35|0.45|own estimate
over-assignment|1.05|1.12|1.2|1.1|own estimate
ramped rep equivalents|22.5|22|20||
bookings capacity|1650000|1550000|1400000||
pipeline coverage|2.4|2.0|1.6||
stage-weighted pipeline|5000000|4500000|4000000||
win rate|0.25|0.24|0.20|0.22|own estimate
sales cycle|95|100|115|90|own estimate
sales velocity|35000|32000|28000||
territory balance|0.7|0.6|0.4||
cost of sales plan|0.026|0.029|0.034||
"""

ROSTER = """
function,person,email,role,mandatory,delegate,delegate_email
general management,Elena Weber,elena.weber@example.com,chairs the meeting and decides,yes,Karin Keller,karin.keller@example.com
sales,Hugo Duval,hugo.duval@example.com,answers for the sales forecast and the pipeline,yes,Ben Maier,ben.maier@example.com
marketing,Clara Costa,clara.costa@example.com,answers for promotions and market insight,yes,Ines Ibarra,ines.ibarra@example.com
product,Felix Fuchs,felix.fuchs@example.com,answers for launches and phase-outs,yes,Tilda Nyberg,tilda.nyberg@example.com
finance,Karin Keller,karin.keller@example.com,values the plan and holds the budget,yes,Paul Steiner,paul.steiner@example.com
supply,Lukas Lund,lukas.lund@example.com,answers for the supply plan and stock,yes,Marta Lopez,marta.lopez@example.com
production,Rosa Auer,rosa.auer@example.com,answers for capacity in Linz and Lyon,yes,Simon Zeller,simon.zeller@example.com
purchasing,Marta Lopez,marta.lopez@example.com,answers for suppliers,no,Lukas Lund,lukas.lund@example.com
demand planning,Jonas Jansen,jonas.jansen@example.com,prepares the month and writes the minutes,yes,Wanda Vidal,wanda.vidal@example.com
"""


def _read(text: str, sep: str = "|") -> pd.DataFrame:
    codes = ["family", "product", "region"]
    table = pd.read_csv(io.StringIO(text.strip()), sep=sep, dtype=dict.fromkeys(codes, "str"), quoting=3)
    return table.astype({k: "str" for k in codes if k in table})


def _months(table: pd.DataFrame) -> pd.DataFrame:
    for column in ("start", "end", "expires"):
        if column in table:
            table[column] = pd.to_datetime(table[column], format="%Y-%m").astype("datetime64[us]")
    return table.rename(columns={"start": "start_month", "end": "end_month", "expires": "expires_month"})


def promotions() -> pd.DataFrame:
    """Return the promotions with what was said of them (effect_pct) and what they do (true_pct)."""
    return _months(_read(PROMOTIONS)).rename(columns={"effect": "effect_pct", "true": "true_pct"})


def insights() -> pd.DataFrame:
    """Return all insights: promotions, written down ten weeks ahead, and what else the teams know."""
    past = promotions().drop(columns="true_pct").assign(function="marketing", kind="promotion", effect_units=float("nan"))
    past["raised_on"] = (
        (past["start_month"] - pd.Timedelta(days=70)).where(past["start_month"] < "2026-12-01", pd.Timestamp("2026-09-09")).astype("datetime64[us]")
    )
    past["expires_month"] = (past["end_month"] + pd.DateOffset(months=1)).astype("datetime64[us]")
    other = _months(_read(INSIGHTS)).rename(columns={"raised": "raised_on"})
    other["raised_on"] = pd.to_datetime(other["raised_on"]).astype("datetime64[us]")
    order = [
        "insight",
        "function",
        "kind",
        "family",
        "product",
        "region",
        "start_month",
        "end_month",
        "effect_pct",
        "effect_units",
        "confidence",
        "expires_month",
        "author",
        "note",
        "raised_on",
    ]
    return pd.concat([past[order], other[order]], ignore_index=True)


def kpi_targets() -> pd.DataFrame:
    """Return target, limits and benchmark by KPI."""
    return _read(TARGETS)


def roster() -> pd.DataFrame:
    """Return who takes part."""
    table = _read(ROSTER, ",")
    return table.assign(mandatory=table["mandatory"].eq("yes"))
