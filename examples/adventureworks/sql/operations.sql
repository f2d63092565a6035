-- How each planned item is got: what is still sold, and all that goes into it. Made items: lead time from DaysToManufacture, cost from
-- the routings (labour and machine cost of work orders over the units made, the year before the cycle). Bought items: one operation
-- per active vendor with its price, minimum order and lead time: the days promised on its purchase lines so far (the median of three or more), else
-- its average lead time. Components without a standard cost are priced by carton, case,
-- can, pack or gallon; their pack size is not in the data: ASSUMPTION 100 pieces, a dozen 12 (README, assumption 9).
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
), routed AS (
    SELECT w.ProductID, w.WorkOrderID, any_value(w.OrderQty) AS units, sum(r.ActualCost) AS cost, any_value(w.StartDate::DATE) AS day
    FROM 'oltp/Production.WorkOrder.parquet' w
    JOIN 'oltp/Production.WorkOrderRouting.parquet' r ON r.WorkOrderID = w.WorkOrderID
    WHERE w.StartDate::DATE < $month
    GROUP BY ALL
), made AS (
    SELECT ProductID, coalesce(sum(CASE WHEN day >= $month - INTERVAL 12 MONTH THEN cost END) / sum(CASE WHEN day >= $month - INTERVAL 12 MONTH THEN units END),
        sum(cost) / sum(units)) AS unit_cost
    FROM routed GROUP BY ALL
), promised AS (
    SELECT d.ProductID, h.VendorID, median(date_diff('day', h.OrderDate, d.DueDate)) AS days
    FROM 'oltp/Purchasing.PurchaseOrderHeader.parquet' h
    JOIN 'oltp/Purchasing.PurchaseOrderDetail.parquet' d ON d.PurchaseOrderID = h.PurchaseOrderID
    WHERE h.OrderDate < $month AND d.DueDate > h.OrderDate
    GROUP BY ALL
    HAVING count(*) >= 3
)
SELECT 'make ' || p.ProductNumber AS operation, 'make' AS kind, p.ProductNumber AS item, 'Plant' AS location, NULL AS supplier,
    round(p.DaysToManufacture / 30.4, 3) AS lead_time_months, round(coalesce(m.unit_cost, 0), 4) AS unit_cost, NULL AS lot_min
FROM planned i
JOIN 'oltp/Production.Product.parquet' p ON p.ProductID = i.item
LEFT JOIN made m ON m.ProductID = p.ProductID
WHERE p.ProductID IN (SELECT parent FROM bom)
UNION ALL
SELECT 'buy ' || p.ProductNumber || ' from ' || v.AccountNumber, 'buy', p.ProductNumber, 'Plant', v.Name,
    round(coalesce(o.days, x.AverageLeadTime) / 30.4, 3),
    round(x.StandardPrice / CASE WHEN p.StandardCost > 0 OR trim(x.UnitMeasureCode) = 'EA' THEN 1 WHEN trim(x.UnitMeasureCode) = 'DZ' THEN 12 ELSE 100 END, 4),
    x.MinOrderQty
FROM planned i
JOIN 'oltp/Production.Product.parquet' p ON p.ProductID = i.item
JOIN 'oltp/Purchasing.ProductVendor.parquet' x ON x.ProductID = p.ProductID
JOIN 'oltp/Purchasing.Vendor.parquet' v ON v.BusinessEntityID = x.BusinessEntityID
LEFT JOIN promised o ON o.ProductID = x.ProductID AND o.VendorID = x.BusinessEntityID
WHERE v.ActiveFlag AND NOT p.MakeFlag
ORDER BY kind DESC, operation
