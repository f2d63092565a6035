-- The 266 products that were ever sold. Families are the three kinds of bike, frames, and the other categories.
-- Price: what customers really paid over the six months before the cycle (resellers pay 57 % of list).
-- Cost: standard cost as of the cycle. Launch and end: first sale, and the end of sale that the product master
-- states or, without one, the last sale once nothing has been sold for six months.
-- Like product, for what was launched after the first wave: an older product of the same subcategory, nearest in size and list price.
WITH lines AS (
    SELECT ProductID, OrderQty, SalesAmount,
        date_trunc('month', CASE WHEN OnlineOrderFlag THEN greatest(OrderDate::DATE, DATE '2011-06-01') ELSE OrderDate::DATE + 4 END)::DATE AS month
    FROM 'oltp/sales_order_lines_rebuilt.parquet'
), first_sale AS (
    SELECT ProductID, min(month) AS launch_month FROM lines GROUP BY ProductID
), known AS (
    SELECT * FROM lines WHERE month < $month
), last_sale AS (
    SELECT ProductID, max(month) AS month FROM known GROUP BY ProductID
), paid AS (
    SELECT k.ProductID, sum(k.SalesAmount::DECIMAL(18, 6)) / sum(k.OrderQty) AS price
    FROM known k JOIN last_sale s ON s.ProductID = k.ProductID
    WHERE k.month > s.month - INTERVAL 6 MONTH
    GROUP BY k.ProductID
), costs AS (
    SELECT ProductID, arg_max(StandardCost, CASE WHEN StartDate::DATE <= $month THEN StartDate END) AS known_cost, arg_min(StandardCost, StartDate) AS first_cost
    FROM 'oltp/Production.ProductCostHistory.parquet' GROUP BY ProductID
), ratio AS (
    SELECT sum(k.SalesAmount::DECIMAL(18, 6)) / sum(k.OrderQty * p.ListPrice) AS paid_to_list
    FROM known k JOIN 'oltp/Production.Product.parquet' p ON p.ProductID = k.ProductID
), sold AS (
    SELECT p.ProductID, p.ProductNumber AS product, p.Name AS name, p.ListPrice, p.Size, p.ProductSubcategoryID, f.launch_month,
        CASE WHEN c.Name = 'Bikes' THEN s.Name WHEN s.Name LIKE '%Frames' THEN 'Frames' ELSE c.Name END AS family,
        CASE WHEN p.SellEndDate IS NOT NULL THEN greatest(date_trunc('month', p.SellEndDate)::DATE, l.month)
             WHEN l.month < $month - INTERVAL 6 MONTH THEN l.month END AS end_month
    FROM first_sale f
    JOIN 'oltp/Production.Product.parquet' p ON p.ProductID = f.ProductID
    JOIN 'oltp/Production.ProductSubcategory.parquet' s ON s.ProductSubcategoryID = p.ProductSubcategoryID
    JOIN 'oltp/Production.ProductCategory.parquet' c ON c.ProductCategoryID = s.ProductCategoryID
    LEFT JOIN last_sale l ON l.ProductID = p.ProductID
), likes AS (
    SELECT n.product,
        first(o.product ORDER BY (o.Size IS NOT DISTINCT FROM n.Size) DESC, o.launch_month DESC, abs(ln(o.ListPrice / n.ListPrice)), o.product) AS like_product
    FROM sold n JOIN sold o ON o.ProductSubcategoryID = n.ProductSubcategoryID AND o.launch_month <= n.launch_month - INTERVAL 6 MONTH
    GROUP BY n.product
)
SELECT s.product, s.name, s.family, 'EA' AS uom,
    round(coalesce(d.price, s.ListPrice * r.paid_to_list, s.ListPrice), 4) AS unit_price,
    round(coalesce(c.known_cost, c.first_cost), 4) AS unit_cost,
    s.launch_month, s.end_month, k.like_product
FROM sold s
CROSS JOIN ratio r
LEFT JOIN paid d ON d.ProductID = s.ProductID
LEFT JOIN costs c ON c.ProductID = s.ProductID
LEFT JOIN likes k ON k.product = s.product
ORDER BY s.product
