"""The maths of planning: pure functions, DataFrames in and DataFrames out, one module per planning question."""
