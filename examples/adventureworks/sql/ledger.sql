-- Trade receivables and payables of all organisations from the finance tables, whose dates are 153 days before those of the orders
-- (checked on monthly trade sales; +4 days as for reseller orders). Revenue and cost of sales from the order lines, at standard cost.
WITH balances AS (
    SELECT date_trunc('month', f.Date + INTERVAL 157 DAY)::DATE AS month,
        sum(CASE WHEN a.AccountDescription = 'Trade Receivables' THEN f.Amount END) AS receivables,
        sum(CASE WHEN a.AccountDescription = 'Accounts Payable' THEN f.Amount END) AS payables
    FROM 'dw/FactFinance.parquet' f
    JOIN 'dw/DimAccount.parquet' a ON a.AccountKey = f.AccountKey
    WHERE f.ScenarioKey = 1
    GROUP BY ALL
), lines AS (
    SELECT date_trunc('month', CASE WHEN OnlineOrderFlag THEN greatest(OrderDate::DATE, DATE '2011-06-01') ELSE OrderDate::DATE + 4 END)::DATE AS month,
        sum(OrderQty * ProductStandardCost::DECIMAL(18, 6)) AS cogs, sum(SalesAmount::DECIMAL(18, 6)) AS revenue
    FROM 'oltp/sales_order_lines_rebuilt.parquet'
    GROUP BY ALL
)
SELECT l.month, round(b.receivables, 2) AS receivables, round(b.payables, 2) AS payables, round(l.cogs, 2) AS cogs, round(l.revenue, 2) AS revenue
FROM lines l LEFT JOIN balances b ON b.month = l.month
WHERE l.month < $month
ORDER BY l.month
