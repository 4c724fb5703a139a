"""The two languages, Graph and Program: types, ops, printers, and what is legal in them."""
