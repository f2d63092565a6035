-- Work orders by month: scheduled by due date, made by finish date, on time when finished by the due date and seen before the cycle.
WITH orders AS (
    SELECT p.ProductNumber AS item, w.OrderQty, w.StockedQty, date_trunc('month', w.DueDate)::DATE AS due, date_trunc('month', w.EndDate)::DATE AS done,
        w.EndDate <= w.DueDate AS on_time
    FROM 'oltp/Production.WorkOrder.parquet' w
    JOIN 'oltp/Production.Product.parquet' p ON p.ProductID = w.ProductID
), events AS (
    SELECT done AS month, item, StockedQty AS made, 0 AS scheduled, 0 AS on_time FROM orders
    UNION ALL
    SELECT due, item, 0, OrderQty, CASE WHEN on_time THEN OrderQty ELSE 0 END FROM orders
)
SELECT month, item, 'Plant' AS location, sum(made) AS made_units, sum(scheduled) AS scheduled_units, sum(on_time) AS on_time_units
FROM events
WHERE month < $month
GROUP BY month, item
ORDER BY month, item
