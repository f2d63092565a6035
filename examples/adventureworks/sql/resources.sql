-- Work centres. ASSUMPTION: Availability is hours per working day (its period is not documented), Monday to Friday, no holidays;
-- up to 20 % overtime at half the hourly cost rate on top. The row without a month is the standing value: 21 working days.
WITH months AS (
    SELECT month::DATE AS month,
        (SELECT count(*) FROM generate_series(month, month + INTERVAL 1 MONTH - INTERVAL 1 DAY, INTERVAL 1 DAY) AS d(day) WHERE isodow(day) <= 5) AS working_days
    FROM generate_series($month - INTERVAL 12 MONTH, $month + INTERVAL 23 MONTH, INTERVAL 1 MONTH) AS s(month)
    UNION ALL
    SELECT NULL, 21
)
SELECT l.Name AS resource, 'Plant' AS location, m.month, l.Availability * m.working_days AS regular_hours,
    round(0.20 * l.Availability * m.working_days, 2) AS overtime_hours, round(0.5 * l.CostRate, 2) AS overtime_rate
FROM 'oltp/Production.Location.parquet' l
CROSS JOIN months m
WHERE l.Availability > 0
ORDER BY resource, month NULLS FIRST
