-- Special offers with their dates, one row per offer and product. Volume discounts run all the time and are part of the history.
-- ASSUMPTION: a discount of 30 % raises demand by 30 %; half sure. The offer is known from 30 days before it starts, as in the source.
-- A month counts when the offer covers at least half of it.
SELECT 'offer ' || o.SpecialOfferID || ' ' || p.ProductNumber AS insight,
    'marketing' AS function,
    'promotion' AS kind,
    p.ProductNumber AS product,
    date_trunc('month', o.StartDate::DATE + 15)::DATE AS start_month,
    greatest(date_trunc('month', o.StartDate::DATE + 15), date_trunc('month', o.EndDate::DATE - 15))::DATE AS end_month,
    round(100 * o.DiscountPct, 1) AS effect_pct,
    0.5 AS confidence,
    'Marketing' AS author,
    o.Description || ', ' || round(100 * o.DiscountPct)::INTEGER || ' % off, ' || o.Category || ', ' || o.StartDate::DATE || ' to ' || o.EndDate::DATE AS note,
    o.ModifiedDate::DATE AS raised_on
FROM 'oltp/Sales.SpecialOffer.parquet' o
JOIN 'oltp/Sales.SpecialOfferProduct.parquet' x ON x.SpecialOfferID = o.SpecialOfferID
JOIN 'oltp/Production.Product.parquet' p ON p.ProductID = x.ProductID
WHERE o.Type NOT IN ('No Discount', 'Volume Discount')
  AND p.ProductID IN (SELECT ProductID FROM 'oltp/sales_order_lines_rebuilt.parquet')
ORDER BY o.SpecialOfferID, insight
