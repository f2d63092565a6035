-- Month-end exchange rates from US dollars, of the currencies the territories sell in.
SELECT date_trunc('month', CurrencyRateDate)::DATE AS month,
    ToCurrencyCode || ' per ' || FromCurrencyCode AS indicator,
    round(arg_max(EndOfDayRate, CurrencyRateDate), 4) AS value
FROM 'oltp/Sales.CurrencyRate.parquet'
WHERE ToCurrencyCode IN ('EUR', 'GBP', 'AUD', 'CAD') AND CurrencyRateDate::DATE < $month
GROUP BY ALL
ORDER BY ALL
