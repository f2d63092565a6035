-- Work orders finished in the year before the cycle: how long they really took. When purchases arrived is not in the data (the day of shipping is always
-- nine days after the order), so only what is made tells its lead time; bought items have the days promised.
SELECT 'WO ' || w.WorkOrderID AS delivery, p.ProductNumber AS item, 'Plant' AS location, NULL AS supplier, w.StartDate::DATE AS ordered,
    w.EndDate::DATE AS arrived, w.OrderQty AS units
FROM 'oltp/Production.WorkOrder.parquet' w
JOIN 'oltp/Production.Product.parquet' p ON p.ProductID = w.ProductID
WHERE w.EndDate::DATE < $month AND w.EndDate::DATE >= $month - INTERVAL 12 MONTH
ORDER BY delivery
