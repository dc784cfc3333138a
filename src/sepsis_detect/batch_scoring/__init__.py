"""Scores files of stays: reads psv, csv and parquet, writes csv and parquet."""
