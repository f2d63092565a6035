"""What Halden Coffee Works is: products, bills of material, sites and lines. Thirty products make one copy of the company.

A company of another size is made of copies: product ``i`` follows row ``i % 30`` of the catalogue and carries the number of its
copy in its code, so that a generated company of any size keeps the same mix of series, lead times and bills of material.
"""

from __future__ import annotations

import io

import numpy as np
import pandas as pd

# units: of all regions in an average month of the first year; growth: a year; site: where it is made or bought
PRODUCTS = """
product|name|family|price|units|growth|site|hours|launch|end|like|scale
10010|Lento One|Machines|189|900|0.05|LINZ|0.42||||
10020|Lento Duo|Machines|249|660|0.06|LINZ|0.50||||
10030|Piccolo|Machines|129|1080|0.02|LINZ|0.35||||
10040|Piccolo Steel & Glass|Machines|169|430|0.08|LINZ|0.42||||
10050|Barista 15" Pro|Machines|699|170|0.07|LINZ|1.60||||
10060|Office 2|Machines|749|110|0.03|LINZ|2.20||||
10070|Office 4|Machines|1190|62|0.04|LINZ|3.20||||
10080|Lento Mini|Machines|149|1080|0.02|LINZ|0.35|2026-11||10030|0.45
10090|Classic 98|Machines|159|520|-0.03|LINZ|0.45||2026-12||
02010|Mill 40|Grinders|79|760|0.05|LYON|0.22||||
02020|Mill 60|Grinders|129|490|0.04|LYON|0.27||||
02030|Mill Silent|Grinders|169|270|0.09|LYON|0.33||||
02040|Hand mill|Grinders|39|640|0.01|LYON|0.12||||
02050|Mill Pro|Grinders|389|85|0.05|LYON|0.80||||
02060|Mill Office|Grinders|449|85|0.05|LYON|0.90|2026-05||02050|0.60
03010|Descaler 1 l|Accessories|9.5|5200|0.04|LYON|0||||
03020|Filter cartridges, pack of 3|Accessories|24|2700|0.05|LYON|0||||
03030|Milk jug 0.6 l|Accessories|19|1250|0.02|LYON|0||||
03040|Tamper 58 mm|Accessories|29|620|0.06|LYON|0||||
03050|Cups, set of 6|Accessories|34|860|0.01|LYON|0.06||||
03060|Cleaning kit|Accessories|22|1400|0.05|LYON|0.05||||
03070|Knock box|Accessories|25|430|0.03|LYON|0||||
03080|Travel case|Accessories|45|170|0.00|LYON|0||||
00710|Brew group|Spare parts|72|400|0.03|LINZ|0.30||||
00720|Pump 15 bar|Spare parts|28|680|0.04|LINZ|0||||
00730|Gasket set|Spare parts|8.5|2300|0.03|LINZ|0||||
00740|Heating element|Spare parts|31|360|0.02|LINZ|0||||
00750|Grinder burrs|Spare parts|36|290|0.04|LYON|0||||
00760|Thermostat 98 C|Spare parts|17|26|0.00|LINZ|0||||
00770|Control board|Spare parts|58|230|0.05|LINZ|0||||
"""
# what is bought: price, lead time in months, minimum lot, multiple, supplier
BOUGHT = """
item|site|cost|lead|lot_min|lot_multiple|supplier
03010|LYON|4.1|1|5000|1000|Alpenchemie
03020|LYON|10.5|3|4000|500|Aquapure
03030|LYON|8.7|2|1000|250|Inoxa
03040|LYON|13|1|300|50|Inoxa
03070|LYON|11|2|400|100|Inoxa
03080|LYON|22|2|200|50|Sacoche
00720|LINZ|15|2|2000|500|Ulmer Pumpen
00730|LINZ|3|1|3000|500|Dichtwerk
00740|LINZ|17|2|300|100|Thermolux
00750|LYON|19|2|300|50|Moltek
00760|LINZ|9|1|100|20|Thermolux
00770|LINZ|33|3|300|50|Elektra Brno
C-100|LINZ|14|2|2000|250|Thermolux
C-110|LINZ|26|2|300|50|Thermolux
C-200|LINZ|9|1|2000|250|Plastoform
C-210|LINZ|24|1|800|100|Inoxa
C-300|LINZ|11.5|3|2500|500|Elektra Brno
C-400|LINZ|3.2|1|4000|500|Karton Wels
C-500|LINZ|8|2|1500|250|Giesserei Traun
C-600|LYON|12|3|1500|250|Elektra Brno
C-610|LYON|6.5|2|1500|250|Moltek
C-620|LYON|7|1|1000|250|Plastoform
C-410|LYON|1.6|1|4000|500|Cartonnages du Rhone
C-700|LYON|1.6|3|6000|1200|Porzellan Selb
C-710|LYON|1.9|1|1500|250|Brosserie
"""
# product: item x units
BILLS = {
    "10010": "C-100 1, C-200 1, C-300 1, C-400 1, 00720 1, 00710 1",
    "10020": "C-100 1, C-210 1, C-300 1, C-400 1, 00720 1, 00710 1",
    "10030": "C-100 1, C-200 1, C-300 1, C-400 1, 00720 1",
    "10040": "C-100 1, C-210 1, C-300 1, C-400 1, 00720 1",
    "10050": "C-110 2, C-210 1, C-300 1, C-400 1, 00720 1, 00710 1, 00770 1",
    "10060": "C-110 2, C-210 2, C-300 1, C-400 2, 00720 2, 00710 1, 00770 1",
    "10070": "C-110 3, C-210 3, C-300 2, C-400 3, 00720 2, 00710 2, 00770 2",
    "10080": "C-100 1, C-200 1, C-300 1, C-400 1, 00720 1",
    "10090": "C-100 1, C-200 1, C-300 1, C-400 1, 00720 1, 00710 1",
    "02010": "C-600 1, C-610 1, C-620 1, C-410 1",
    "02020": "C-600 1, C-610 1, C-620 1, C-410 1",
    "02030": "C-600 1, C-610 1, C-620 2, C-410 1",
    "02040": "C-610 1, C-620 1, C-410 1",
    "02050": "C-600 2, C-610 2, C-620 2, C-410 2",
    "02060": "C-600 2, C-610 3, C-620 3, C-410 2",
    "03050": "C-700 6, C-410 1",
    "03060": "03010 1, C-710 1, C-410 1",
    "00710": "C-500 1, 00730 1",
}
LINES = {"Machines": "LINZ-ASSEMBLY", "Grinders": "LYON-GRINDERS", "Accessories": "LYON-PACKING", "Spare parts": "LINZ-CELL"}
BOTTLENECK = "LINZ-ASSEMBLY"
HOUR = {"Machines": 55.0, "Grinders": 48.0, "Accessories": 36.0, "Spare parts": 52.0}
SITES = ["LINZ", "LYON"]
REGIONS = [
    ("DACH", "Germany, Austria, Switzerland", "LINZ", 0.40),
    ("FRANCE", "France and Benelux", "LYON", 0.26),
    ("NORDICS", "Nordic countries", "LINZ", 0.19),
    ("IBERIA", "Spain and Portugal", "LYON", 0.15),
]
# January to December
SEASON = {
    "Machines": [0.90, 0.88, 0.94, 0.96, 1.01, 0.93, 0.87, 0.88, 1.00, 1.12, 1.28, 1.23],
    "Grinders": [0.92, 0.90, 0.95, 0.97, 0.98, 0.93, 0.88, 0.90, 0.99, 1.08, 1.25, 1.25],
    "Accessories": [0.95, 0.94, 1.02, 1.06, 1.00, 0.96, 0.92, 0.93, 1.00, 1.03, 1.08, 1.11],
    "Spare parts": [1.14, 1.12, 1.08, 1.03, 1.00, 0.96, 0.90, 0.88, 0.94, 0.97, 0.99, 0.99],
}
# months of the coming demand that the company is used to holding, over both sites
COVER = {"Machines": 0.20, "Grinders": 0.28, "Accessories": 0.68, "Spare parts": 0.50}
# parts that mostly go into machines lie there for the few that are sold, and the intermittent one for its bursts
COVER_OF = {"00710": 0.13, "00720": 0.15, "00730": 0.18, "00770": 0.33, "00760": 7.0}
INTERMITTENT = "00760"
CYCLE = pd.Timestamp("2026-10-01")
SIZE = 30


def _table(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text.strip()), sep="|", dtype={"product": str, "item": str, "like": str}, quoting=3)


def suffix(copies: np.ndarray) -> np.ndarray:
    """Return what the codes of a copy end in: nothing for the first, ``-001`` for the next."""
    return np.where(copies == 0, "", np.char.add("-", np.char.zfill(copies.astype(str), 3)))


def products(count: int) -> pd.DataFrame:
    """Return `count` products with all that the generator knows of them, cost rolled up from the bill of material."""
    base = _table(PRODUCTS)
    base["cost"] = base["product"].map(roll_up())
    table = base.iloc[np.arange(count) % SIZE].reset_index(drop=True)
    table["row"], table["copy"] = np.arange(count) % SIZE, np.arange(count) // SIZE
    end = suffix(table["copy"].to_numpy())
    table["base"] = table["product"]
    table["product"] = table["product"] + end
    first = table["copy"] == 0
    table["name"] = table["name"].where(first, table["name"] + " " + table["copy"].astype(str))
    like = table["like"] + end
    table["like"] = like.where(like.isin(set(table["product"])))
    for column in ("launch", "end"):
        table[column] = pd.to_datetime(table[column], format="%Y-%m").astype("datetime64[us]")
    # A launch whose model is not there has no history to follow and is sold from the start.
    table.loc[table["like"].isna(), "launch"] = pd.NaT
    table["scale"] = table["scale"].where(table["like"].notna())
    return table


def bought(copies: int) -> pd.DataFrame:
    """Return what each copy buys: item, site, cost, lead, lot_min, lot_multiple, supplier, copy, base."""
    table = _table(BOUGHT)
    table = table.iloc[np.tile(np.arange(len(table)), copies)].reset_index(drop=True)
    table["copy"] = np.repeat(np.arange(copies), len(_table(BOUGHT)))
    table["base"] = table["item"]
    table["item"] = table["item"] + suffix(table["copy"].to_numpy())
    return table


def bills() -> pd.DataFrame:
    """Return the bills of one copy: product, item, units_per."""
    rows = [(product, *part.split()) for product, text in BILLS.items() for part in text.split(", ")]
    return pd.DataFrame(rows, columns=["product", "item", "units_per"]).astype({"units_per": float})


def roll_up() -> dict[str, float]:
    """Return the standard cost of every item of one copy: price paid, or components plus hours at the line's rate."""
    cost = dict(zip(_table(BOUGHT)["item"], _table(BOUGHT)["cost"], strict=True))
    made = _table(PRODUCTS).set_index("product")
    # brew groups and descaler come first, because other bills use them
    for product in sorted(BILLS, key=lambda code: code != "00710"):
        parts = sum(cost[item] * float(units) for item, units in (part.split() for part in BILLS[product].split(", ")))
        cost[product] = round(parts + made.loc[product, "hours"] * HOUR[made.loc[product, "family"]], 2)
    return cost


def regions(count: int) -> pd.DataFrame:
    """Return regions with the site that ships to them and their share of demand."""
    rows = [REGIONS[i] if i < len(REGIONS) else (f"R{i + 1:02d}", f"Region {i + 1}", SITES[i % 2], 0.4 / (i + 1)) for i in range(count)]
    table = pd.DataFrame(rows, columns=["region", "name", "ship_from", "share"])
    return table.assign(share=table["share"] / table["share"].sum())
