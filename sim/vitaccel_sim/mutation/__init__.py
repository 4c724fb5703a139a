"""Mutation: netlists with one small change each, and whether the benches tell each from the right one."""
