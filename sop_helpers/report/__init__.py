"""What people look at: charts, tables, the HTML report, spreadsheets and mail."""
