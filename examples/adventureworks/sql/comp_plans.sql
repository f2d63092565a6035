-- One commission rate a plan, from the first dollar, without bands or cap, as the source has it. The yearly bonus is in on-target earnings only.
SELECT DISTINCT 'commission ' || printf('%.1f', 100 * CommissionPct) || ' %' AS plan, 'all' AS tier, 0.0 AS from_attainment, CommissionPct AS rate
FROM 'oltp/Sales.SalesPerson.parquet'
ORDER BY plan
