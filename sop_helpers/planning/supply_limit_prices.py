"""What limits of suppliers and of space hold back: how full each is planned, what one more would save, and how far that holds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sop_helpers.planning.frames import no_rows
from sop_helpers.planning.supply_limits import supplier_use
from sop_helpers.planning.supply_network import Matrix, Network
from sop_helpers.planning.supply_results import holds, scatter
from sop_helpers.planning.supply_solver import Price

COLUMNS = ["month", "kind", "name", "measure", "room", "planned", "over", "value_of_one", "value_from", "value_to"]


def limit_prices(net: Network, flows: dict[str, Matrix], prices: dict[str, Price]) -> pd.DataFrame:
    """Return the limits that orders share, as the contract limit_prices; months without a limit are left out.

    Parameters
    ----------
    flows : dict of ndarray
        Of the plan, from `supply_results.clean`.
    prices : dict of Price
        By constraint, from the plan before whole lots.
    """
    lim, parts = net.limits, []
    if lim.suppliers is not None:
        used = supplier_use(net, flows["arrive"])
        for row, (supplier, measure) in enumerate(zip(lim.suppliers["supplier"], lim.suppliers["measure"], strict=True)):
            parts.append(_rows(net.months, ("supplier", supplier, measure), lim.supplied[row], used[row], prices.get(f"supplier {supplier} {measure}")))
    if lim.space is not None:
        place = pd.Index(lim.locations).get_indexer(net.nodes["location"])  # -1 elsewhere, which is the last row
        stock = scatter(flows["closing"], place, len(lim.locations) + 1)
        for row, name in enumerate(lim.locations):
            parts.append(_rows(net.months, ("location", name, "units"), lim.space[row], stock[row], prices.get(f"space of {name}")))
    return pd.concat(parts, ignore_index=True) if parts else no_rows(COLUMNS, ["kind", "name", "measure"])


def _rows(months: pd.DatetimeIndex, names: tuple[str, str, str], room: Matrix, planned: Matrix, price: Price | None) -> pd.DataFrame:
    """One limit by month, as far as it has one; its price is stated for those months only."""
    capped = np.flatnonzero(np.isfinite(room))
    room, planned = room[capped], planned[capped]
    worth, low, high = holds(price, room)
    over = np.where(planned > room + 1e-6, planned - room, 0.0)
    numbers = {"room": room, "planned": planned, "over": over, "value_of_one": worth, "value_from": low, "value_to": high}
    return pd.DataFrame({"month": months[capped].as_unit("us"), **dict(zip(["kind", "name", "measure"], names, strict=True)), **numbers})
