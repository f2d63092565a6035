"""Rules on inputs, one function for each question a planner would ask: all tables that are there in, issues out."""

from sop_helpers.book.rules.deals import DEAL_RULES
from sop_helpers.book.rules.demand import DEMAND_RULES
from sop_helpers.book.rules.lanes import LANE_RULES
from sop_helpers.book.rules.limits import LIMIT_RULES
from sop_helpers.book.rules.places import PLACE_RULES
from sop_helpers.book.rules.rewards import REWARD_RULES
from sop_helpers.book.rules.sales import SALES_RULES
from sop_helpers.book.rules.supply import SUPPLY_RULES
from sop_helpers.book.rules.words import WORD_RULES

RULES = [*DEMAND_RULES, *SUPPLY_RULES, *LANE_RULES, *LIMIT_RULES, *PLACE_RULES, *SALES_RULES, *REWARD_RULES, *DEAL_RULES, *WORD_RULES]
