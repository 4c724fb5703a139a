"""Turns the numbers of the cost model into tables, JSON, CSV, HTML and traces."""
