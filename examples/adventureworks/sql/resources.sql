-- Work centres. ASSUMPTION: Availability is hours per day (its period is not documented) and the plant works every day of the week:
-- work orders start on Saturdays and Sundays as often as on any other day. Up to 20 % overtime at half the hourly cost rate on top.
-- The row without a month is the standing value: 30 days.
WITH months AS (
    SELECT month::DATE AS month, day(last_day(month::DATE)) AS days
    FROM generate_series($month - INTERVAL 12 MONTH, $month + INTERVAL 23 MONTH, INTERVAL 1 MONTH) AS s(month)
    UNION ALL
    SELECT NULL, 30
)
SELECT l.Name AS resource, 'Plant' AS location, m.month, l.Availability * m.days AS regular_hours,
    round(0.20 * l.Availability * m.days, 2) AS overtime_hours, round(0.5 * l.CostRate, 2) AS overtime_rate
FROM 'oltp/Production.Location.parquet' l
CROSS JOIN months m
WHERE l.Availability > 0
ORDER BY resource, month NULLS FIRST
