-- Reseller orders booked in the last days before the cycle and counted as demand of its month (order date + 4 days): not yet shipped.
SELECT l.SalesOrderNumber || '/' || l.ReferenceOrderLineID || '/' || p.ProductNumber AS "order",
    p.ProductNumber AS product,
    t.Name AS region,
    $month AS due_month,
    l.OrderQty AS units,
    round(l.SalesAmount, 2) AS revenue
FROM 'oltp/sales_order_lines_rebuilt.parquet' l
JOIN 'oltp/Production.Product.parquet' p ON p.ProductID = l.ProductID
JOIN 'oltp/Sales.SalesTerritory.parquet' t ON t.TerritoryID = l.TerritoryID
WHERE NOT l.OnlineOrderFlag AND l.OrderDate::DATE < $month AND l.OrderDate::DATE + 4 >= $month
ORDER BY ALL
