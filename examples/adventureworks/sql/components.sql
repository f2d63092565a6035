-- Bills of material effective on the first day of the cycle, of every made item that is planned, all levels.
-- Quantities are in the unit of the bill (a few in inches and ounces).
WITH RECURSIVE bom AS (
    SELECT ProductAssemblyID AS parent, ComponentID AS item, sum(PerAssemblyQty) AS units_per
    FROM 'oltp/Production.BillOfMaterials.parquet'
    WHERE ProductAssemblyID IS NOT NULL AND StartDate::DATE <= $month AND (EndDate IS NULL OR EndDate::DATE > $month)
    GROUP BY ALL
), planned AS (
    SELECT ProductID AS item FROM 'oltp/Production.Product.parquet'
    WHERE ProductID IN (SELECT ProductID FROM 'oltp/sales_order_lines_rebuilt.parquet') AND (SellEndDate IS NULL OR SellEndDate::DATE >= $month)
    UNION
    SELECT b.item FROM bom b JOIN planned p ON p.item = b.parent
)
SELECT 'make ' || a.ProductNumber AS operation, c.ProductNumber AS item, b.units_per
FROM planned i
JOIN bom b ON b.parent = i.item
JOIN 'oltp/Production.Product.parquet' a ON a.ProductID = b.parent
JOIN 'oltp/Production.Product.parquet' c ON c.ProductID = b.item
ORDER BY operation, c.ProductNumber
