-- Order lines by month, product and territory. Resellers order on month ends and first days: their orders count in the month
-- of order date + 4 days. Online orders count on their day; those of the opening day, 2011-05-31, count in June.
-- Orders are counted per product, so an order of three products counts three times. Every order was shipped 7 days after it
-- was placed, 5 days before it was due: shipped = ordered and every order is on time and in full.
SELECT date_trunc('month', CASE WHEN l.OnlineOrderFlag THEN greatest(l.OrderDate::DATE, DATE '2011-06-01') ELSE l.OrderDate::DATE + 4 END)::DATE AS month,
    p.ProductNumber AS product,
    t.Name AS region,
    sum(l.OrderQty) AS units,
    round(sum(l.SalesAmount::DECIMAL(18, 6)), 2) AS revenue,
    sum(CASE WHEN l.ShipDate <= l.DueDate THEN l.OrderQty ELSE 0 END) AS shipped_units,
    count(DISTINCT l.SalesOrderID) AS orders,
    count(DISTINCT CASE WHEN l.ShipDate <= l.DueDate THEN l.SalesOrderID END) AS orders_otif
FROM 'oltp/sales_order_lines_rebuilt.parquet' l
JOIN 'oltp/Production.Product.parquet' p ON p.ProductID = l.ProductID
JOIN 'oltp/Sales.SalesTerritory.parquet' t ON t.TerritoryID = l.TerritoryID
GROUP BY ALL
ORDER BY ALL
