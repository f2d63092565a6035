-- SYNTHETIC: the company's CRM is not in the data. Deals are derived backwards from its reseller orders, with a hash of the order number in
-- place of chance, so they are the same at every run. Each order was a won deal, opened 20 to 110 days before it. Beside two of three orders
-- stands a deal that was lost. Orders of the last year of the data, moved a year ahead, stand in for what lies beyond its end.
-- As of the cycle: a deal that closes later is open, in a stage that follows from how far it has come; its rep expects the close some
-- days too early or late. The id begins with SYN.
WITH lines AS (
    SELECT l.SalesOrderID, l.CustomerID, l.SalesPersonID::INTEGER AS rep, l.TerritoryID, l.OrderDate::DATE AS day, l.SalesAmount, l.OrderQty,
        CASE WHEN c.Name = 'Bikes' THEN s.Name WHEN s.Name LIKE '%Frames' THEN 'Frames' ELSE c.Name END AS family
    FROM 'oltp/sales_order_lines_rebuilt.parquet' l
    JOIN 'oltp/Production.Product.parquet' p ON p.ProductID = l.ProductID
    JOIN 'oltp/Production.ProductSubcategory.parquet' s ON s.ProductSubcategoryID = p.ProductSubcategoryID
    JOIN 'oltp/Production.ProductCategory.parquet' c ON c.ProductCategoryID = s.ProductCategoryID
    WHERE NOT l.OnlineOrderFlag
), families AS (
    SELECT SalesOrderID, CustomerID, rep, TerritoryID, day, family, sum(SalesAmount::DECIMAL(18, 6)) AS amount, sum(OrderQty) AS units
    FROM lines GROUP BY ALL
), orders AS (
    SELECT SalesOrderID, CustomerID, rep, TerritoryID, day + 4 AS closes, arg_max(family, amount) AS family, sum(amount) AS amount, sum(units) AS units
    FROM families GROUP BY SalesOrderID, CustomerID, rep, TerritoryID, day
), ahead AS (
    FROM orders
    UNION ALL
    SELECT SalesOrderID + 1000000, CustomerID, rep, TerritoryID, (closes + INTERVAL 12 MONTH)::DATE, family, amount, units
    FROM orders WHERE closes > DATE '2013-06-30' AND closes + INTERVAL 12 MONTH >= DATE '2014-06-01'
), chance AS (
    SELECT *, ('0x' || substr(md5(SalesOrderID::VARCHAR), 1, 4))::INTEGER AS a, ('0x' || substr(md5(SalesOrderID::VARCHAR), 5, 4))::INTEGER AS b,
        ('0x' || substr(md5(SalesOrderID::VARCHAR), 9, 4))::INTEGER AS c
    FROM ahead
), deals AS (
    SELECT 'SYN-W-' || SalesOrderID AS opportunity, *, closes - 20 - a % 91 AS created, closes + b % 41 - 20 AS expected, 'won' AS result
    FROM chance
    UNION ALL
    SELECT 'SYN-L-' || SalesOrderID, * REPLACE (amount * (0.6 + (c % 100) / 100.0) AS amount, ceil(units * (0.6 + (c % 100) / 100.0)) AS units, closes + c % 29 - 14 AS closes),
        closes - 25 - b % 71, closes + a % 41 - 10, 'lost'
    FROM chance WHERE c % 3 < 2
)
SELECT d.opportunity, k.StoreID::VARCHAR AS account, d.family, t.Name AS region, d.rep::VARCHAR AS rep,
    CASE WHEN d.closes >= $month THEN
            CASE WHEN ($month - d.created) * 3 < (d.closes - d.created) THEN '1 Qualify' WHEN ($month - d.created) * 3 < 2 * (d.closes - d.created) THEN '2 Propose' ELSE '3 Negotiate' END
         WHEN d.result = 'won' THEN '3 Negotiate'
         ELSE CASE d.b % 5 WHEN 0 THEN '3 Negotiate' WHEN 1 THEN '2 Propose' WHEN 2 THEN '2 Propose' ELSE '1 Qualify' END END AS stage,
    round(d.amount, 2) AS amount, d.units, d.created,
    greatest(d.expected, d.created + 7) AS expected_close,
    CASE WHEN d.closes < $month THEN d.closes END AS closed,
    CASE WHEN d.closes < $month THEN d.result ELSE 'open' END AS outcome
FROM deals d
JOIN 'oltp/Sales.Customer.parquet' k ON k.CustomerID = d.CustomerID
JOIN 'oltp/Sales.SalesTerritory.parquet' t ON t.TerritoryID = d.TerritoryID
WHERE d.created < $month
ORDER BY d.opportunity
