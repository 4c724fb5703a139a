"""The system of a board in this process, with a host at the other end of its serial line."""
