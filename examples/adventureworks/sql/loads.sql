-- Hours per unit by work centre: hours booked on work orders over units ordered, the year before the cycle (all history where the
-- item was not made in that year). Hours in the source are per work order, not per unit.
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
), booked AS (
    SELECT w.ProductID, r.LocationID, sum(r.ActualResourceHrs) AS hours, any_value(w.OrderQty) AS units, any_value(w.StartDate::DATE >= $month - INTERVAL 12 MONTH) AS recent
    FROM 'oltp/Production.WorkOrder.parquet' w
    JOIN 'oltp/Production.WorkOrderRouting.parquet' r ON r.WorkOrderID = w.WorkOrderID
    WHERE w.StartDate::DATE < $month
    GROUP BY w.WorkOrderID, w.ProductID, r.LocationID
)
SELECT 'make ' || p.ProductNumber AS operation, l.Name AS resource,
    round(coalesce(sum(CASE WHEN h.recent THEN h.hours END) / sum(CASE WHEN h.recent THEN h.units END), sum(h.hours) / sum(h.units)), 6) AS hours_per_unit
FROM planned i
JOIN booked h ON h.ProductID = i.item
JOIN 'oltp/Production.Product.parquet' p ON p.ProductID = i.item
JOIN 'oltp/Production.Location.parquet' l ON l.LocationID = h.LocationID
WHERE p.ProductID IN (SELECT parent FROM bom)
GROUP BY ALL
HAVING hours_per_unit > 0
ORDER BY operation, resource
