-- Stock at month ends. Products that are sold: daily balances of the warehouse, whose dates are 153 days before those of the orders.
-- The month's last reseller orders count as demand of the next month (order date + 4 days), so stock is taken 4 days before the month end.
-- The warehouse keeps one balance per version of a product; the version in force on the day counts. A balance below zero is taken as none.
-- Components: the warehouse shows no movement, so today's shelf count stands in for the month before the cycle (ASSUMPTION).
WITH days AS (
    SELECT month::DATE AS month, (month + INTERVAL 1 MONTH)::DATE - 1 - 4 AS day
    FROM generate_series(TIMESTAMP '2011-06-01', ($month - INTERVAL 1 MONTH)::TIMESTAMP, INTERVAL 1 MONTH) AS s(month)
), versions AS (
    SELECT d.ProductKey, p.ProductID, d.StartDate::DATE - 32 AS start_day
    FROM 'dw/DimProduct.parquet' d
    JOIN 'oltp/Production.Product.parquet' p ON p.ProductNumber = d.ProductAlternateKey
    WHERE p.ProductID IN (SELECT ProductID FROM 'oltp/sales_order_lines_rebuilt.parquet')
), warehouse AS (
    SELECT t.month, v.ProductID, greatest(arg_max(f.UnitsBalance, v.start_day), 0) AS on_hand
    FROM days t
    JOIN 'dw/FactProductInventory.parquet' f ON f.MovementDate = t.day - 153
    JOIN versions v ON v.ProductKey = f.ProductKey
    WHERE v.start_day <= t.day
    GROUP BY t.month, v.ProductID
), shelves AS (
    SELECT ($month - INTERVAL 1 MONTH)::DATE AS month, ProductID, sum(Quantity) AS on_hand
    FROM 'oltp/Production.ProductInventory.parquet'
    WHERE ProductID NOT IN (SELECT ProductID FROM 'oltp/sales_order_lines_rebuilt.parquet')
    GROUP BY ProductID
)
SELECT s.month, p.ProductNumber AS item, 'Plant' AS location, s.on_hand, round(s.on_hand * p.StandardCost, 2) AS value
FROM (FROM warehouse UNION ALL BY NAME FROM shelves) s
JOIN 'oltp/Production.Product.parquet' p ON p.ProductID = s.ProductID
ORDER BY s.month, p.ProductNumber
