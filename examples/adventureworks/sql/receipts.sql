-- Work orders started and purchase lines ordered before the cycle and not yet finished or due; rejected purchase orders never arrive.
SELECT 'WO ' || w.WorkOrderID AS receipt, 'production' AS kind, p.ProductNumber AS item, 'Plant' AS location,
    date_trunc('month', w.DueDate)::DATE AS due_month, w.OrderQty AS units, NULL AS supplier
FROM 'oltp/Production.WorkOrder.parquet' w
JOIN 'oltp/Production.Product.parquet' p ON p.ProductID = w.ProductID
WHERE w.StartDate::DATE < $month AND w.EndDate::DATE >= $month
UNION ALL
SELECT 'PO ' || d.PurchaseOrderID || '/' || d.PurchaseOrderDetailID, 'purchase', p.ProductNumber, 'Plant',
    date_trunc('month', d.DueDate)::DATE, d.OrderQty, v.Name
FROM 'oltp/Purchasing.PurchaseOrderHeader.parquet' h
JOIN 'oltp/Purchasing.PurchaseOrderDetail.parquet' d ON d.PurchaseOrderID = h.PurchaseOrderID
JOIN 'oltp/Production.Product.parquet' p ON p.ProductID = d.ProductID
JOIN 'oltp/Purchasing.Vendor.parquet' v ON v.BusinessEntityID = h.VendorID
WHERE h.OrderDate::DATE < $month AND d.DueDate >= $month AND h.Status <> 3
ORDER BY kind, receipt
