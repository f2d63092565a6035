-- Safety stock level of the product master: never plan to hold less.
-- ASSUMPTION: for items that are planned only; the service level and the holding rate are those of the workbook.
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
SELECT p.ProductNumber AS item, 'Plant' AS location, p.SafetyStockLevel AS min_units
FROM planned i
JOIN 'oltp/Production.Product.parquet' p ON p.ProductID = i.item
ORDER BY p.ProductNumber
