-- The 701 stores. Territory from the customer, rep from the store; segment from the store survey (BM, BS, OS as the warehouse names them).
-- Potential: the best 12 months of orders so far, in years counted back from the cycle. ASSUMPTION on workload: 12 hours of selling a year
-- and 6 for each order of the last 12 months.
WITH orders AS (
    SELECT c.StoreID, date_diff('month', date_trunc('month', l.OrderDate::DATE + 4)::DATE, $month - INTERVAL 1 MONTH) // 12 AS years_back,
        sum(l.SalesAmount::DECIMAL(18, 6)) AS revenue, count(DISTINCT l.SalesOrderID) AS orders
    FROM 'oltp/sales_order_lines_rebuilt.parquet' l
    JOIN 'oltp/Sales.Customer.parquet' c ON c.CustomerID = l.CustomerID
    WHERE NOT l.OnlineOrderFlag AND l.OrderDate::DATE + 4 < $month
    GROUP BY ALL
), bought AS (
    SELECT StoreID, max(revenue) AS potential, sum(CASE WHEN years_back = 0 THEN orders ELSE 0 END) AS recent_orders FROM orders GROUP BY ALL
), places AS (
    SELECT StoreID, min(TerritoryID) AS TerritoryID FROM 'oltp/Sales.Customer.parquet' WHERE StoreID IS NOT NULL GROUP BY ALL
)
SELECT s.BusinessEntityID::VARCHAR AS account, s.Name AS name, t.Name AS region,
    CASE regexp_extract(s.Demographics, '<BusinessType>(\w+)<', 1) WHEN 'BM' THEN 'Value Added Reseller' WHEN 'BS' THEN 'Specialty Bike Shop' WHEN 'OS' THEN 'Warehouse' END AS segment,
    t.Name AS territory,
    s.SalesPersonID::VARCHAR AS rep,
    round(coalesce(b.potential, 0), 2) AS potential,
    12 + 6 * coalesce(b.recent_orders, 0) AS workload
FROM 'oltp/Sales.Store.parquet' s
JOIN places c ON c.StoreID = s.BusinessEntityID
JOIN 'oltp/Sales.SalesTerritory.parquet' t ON t.TerritoryID = c.TerritoryID
LEFT JOIN bought b ON b.StoreID = s.BusinessEntityID
ORDER BY s.BusinessEntityID
