-- The 17 sales people. Names come from the warehouse, joined through the orders both know. On-target earnings: hourly rate x 2,080 hours,
-- plus bonus, plus commission on the quotas of the four quarters known last. A territory moves with the rep's history.
WITH keys AS (
    SELECT DISTINCT h.SalesPersonID AS id, f.EmployeeKey
    FROM 'dw/FactResellerSales.parquet' f
    JOIN 'oltp/Sales.SalesOrderHeader.parquet' h ON h.SalesOrderNumber = f.SalesOrderNumber
), people AS (
    SELECT column01::INTEGER AS EmployeeKey, column06 || ' ' || column07 AS name, column10 AS title
    FROM read_csv('dw/DimEmployee.csv', delim = '|', header = false, all_varchar = true,
        names = ['column00', 'column01', 'column02', 'column03', 'column04', 'column05', 'column06', 'column07', 'column08', 'column09', 'column10'], null_padding = true)
), quotas AS (
    SELECT BusinessEntityID AS id, sum(SalesQuota) AS year_quota
    FROM (SELECT *, row_number() OVER (PARTITION BY BusinessEntityID ORDER BY QuotaDate DESC) AS n
          FROM 'oltp/Sales.SalesPersonQuotaHistory.parquet' WHERE ModifiedDate::DATE < $month)
    WHERE n <= 4 GROUP BY ALL
), pay AS (
    SELECT BusinessEntityID AS id, arg_max(Rate, RateChangeDate) * 2080 AS base FROM 'oltp/HumanResources.EmployeePayHistory.parquet' GROUP BY ALL
), places AS (
    SELECT BusinessEntityID AS id, arg_max(TerritoryID, StartDate) AS TerritoryID
    FROM 'oltp/Sales.SalesTerritoryHistory.parquet' WHERE StartDate::DATE <= $month GROUP BY ALL
), hired AS (
    SELECT BusinessEntityID AS id, date_trunc('month', min(StartDate)::DATE + 4)::DATE AS start_month
    FROM 'oltp/HumanResources.EmployeeDepartmentHistory.parquet' GROUP BY ALL
)
SELECT s.BusinessEntityID::VARCHAR AS rep, e.name, t.Name AS region, coalesce(t."Group", 'Managers') AS team,
    CASE WHEN e.title LIKE '%Manager%' THEN 'Manager' ELSE 'Representative' END AS role,
    h.start_month,
    round(p.base + coalesce(s.Bonus, 0) + s.CommissionPct * coalesce(q.year_quota, 0), 2) AS on_target_earnings,
    round((coalesce(s.Bonus, 0) + s.CommissionPct * coalesce(q.year_quota, 0)) / (p.base + coalesce(s.Bonus, 0) + s.CommissionPct * coalesce(q.year_quota, 0)), 4) AS variable_share,
    'commission ' || printf('%.1f', 100 * s.CommissionPct) || ' %' AS comp_plan
FROM 'oltp/Sales.SalesPerson.parquet' s
LEFT JOIN places a ON a.id = s.BusinessEntityID
LEFT JOIN 'oltp/Sales.SalesTerritory.parquet' t ON t.TerritoryID = a.TerritoryID
LEFT JOIN keys k ON k.id = s.BusinessEntityID
LEFT JOIN people e ON e.EmployeeKey = k.EmployeeKey
LEFT JOIN quotas q ON q.id = s.BusinessEntityID
LEFT JOIN pay p ON p.id = s.BusinessEntityID
LEFT JOIN hired h ON h.id = s.BusinessEntityID
ORDER BY rep
