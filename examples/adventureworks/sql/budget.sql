-- SYNTHETIC, a plain rule: the same month of last year plus 10 %, by family and territory. The finance tables hold a budget for
-- 2011 only and none by product.
WITH actual AS (
    SELECT date_trunc('month', CASE WHEN l.OnlineOrderFlag THEN greatest(l.OrderDate::DATE, DATE '2011-06-01') ELSE l.OrderDate::DATE + 4 END)::DATE AS month,
        CASE WHEN c.Name = 'Bikes' THEN s.Name WHEN s.Name LIKE '%Frames' THEN 'Frames' ELSE c.Name END AS family,
        t.Name AS region,
        sum(l.OrderQty) AS units, sum(l.SalesAmount::DECIMAL(18, 6)) AS revenue, sum(l.SalesAmount::DECIMAL(18, 6) - l.OrderQty * l.ProductStandardCost::DECIMAL(18, 6)) AS margin
    FROM 'oltp/sales_order_lines_rebuilt.parquet' l
    JOIN 'oltp/Production.Product.parquet' p ON p.ProductID = l.ProductID
    JOIN 'oltp/Production.ProductSubcategory.parquet' s ON s.ProductSubcategoryID = p.ProductSubcategoryID
    JOIN 'oltp/Production.ProductCategory.parquet' c ON c.ProductCategoryID = s.ProductCategoryID
    JOIN 'oltp/Sales.SalesTerritory.parquet' t ON t.TerritoryID = l.TerritoryID
    GROUP BY ALL
)
SELECT (month + INTERVAL 12 MONTH)::DATE AS month, family, region,
    round(units * 1.10) AS units, round(revenue * 1.10, 2) AS revenue, round(margin * 1.10, 2) AS margin
FROM actual
WHERE month < $month
ORDER BY 1, 2, 3
