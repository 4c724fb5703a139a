"""Proofs of the hardware blocks: SymbiYosys on components that say what they assume and assert."""
