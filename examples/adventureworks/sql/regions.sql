-- Sales territories; one plant ships to all of them.
SELECT Name AS region, Name || ' (' || "Group" || ')' AS name, 'Plant' AS ship_from, 1.0 AS priority
FROM 'oltp/Sales.SalesTerritory.parquet'
ORDER BY region
