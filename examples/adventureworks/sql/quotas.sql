-- Quarterly quotas as three equal months; quarters begin in June, September, December and March. Bookings: reseller orders credited to the rep
-- who took them, in the month of order date + 4 days. SYNTHETIC: quotas beyond the last quarter set before the cycle repeat the same month of the year before.
WITH quarters AS (
    SELECT BusinessEntityID AS rep, date_trunc('month', QuotaDate::DATE + 4)::DATE AS first_month, SalesQuota / 3 AS quota
    FROM 'oltp/Sales.SalesPersonQuotaHistory.parquet'
    WHERE ModifiedDate::DATE < $month
), given AS (
    SELECT q.rep, (q.first_month + to_months(k::INTEGER))::DATE AS month, q.quota
    FROM quarters q CROSS JOIN range(3) AS r(k)
), ahead AS (
    SELECT rep, (month + INTERVAL 12 MONTH)::DATE AS month, quota FROM given
    WHERE month + INTERVAL 12 MONTH > (SELECT max(month) FROM given) AND month + INTERVAL 12 MONTH >= $month
), bookings AS (
    SELECT SalesPersonID::INTEGER AS rep, date_trunc('month', OrderDate::DATE + 4)::DATE AS month, sum(SalesAmount::DECIMAL(18, 6)) AS bookings
    FROM 'oltp/sales_order_lines_rebuilt.parquet'
    WHERE NOT OnlineOrderFlag
    GROUP BY ALL
)
SELECT q.month, q.rep::VARCHAR AS rep, round(q.quota, 2) AS quota,
    CASE WHEN q.month < $month THEN round(coalesce(b.bookings, 0), 2) END AS bookings
FROM (FROM given UNION ALL FROM ahead) AS q(rep, month, quota)
LEFT JOIN bookings b ON b.rep = q.rep AND b.month = q.month
ORDER BY 1, 2
